"""How a command of the console ends: its exit statuses, and errors as one message."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from typing import Any

import typer

from bot.cli.console import NotShown, give_up_output
from bot.errors import Misconfigured, Refused, StoreFailed
from bot.live.markdown import clean
from bot.models.errors import ProviderError
from bot.settings.files import read_dotenv

OK, FAILED, UNUSABLE, NOT_SHOWN, INTERRUPTED = 0, 1, 2, 3, 130


def run_guarded(command: Coroutine[Any, Any, int]) -> int:
    """Run a command and return its exit status; an error that people can mend becomes a message on standard error."""
    if not gc.isenabled():  # until here the command was imported, which stays
        gc.freeze()
        gc.enable()
    try:
        # litellm looks for providers' keys in the environment, and they may stand in .env
        for name, value in read_dotenv().items():
            if value is not None:
                os.environ.setdefault(name, value)
        return asyncio.run(command)
    except Misconfigured as error:
        return complain(str(error), UNUSABLE)
    except (Refused, StoreFailed, ProviderError) as error:
        return complain(str(error), FAILED)
    except NotShown as error:
        give_up_output()
        return complain(str(error), NOT_SHOWN) if str(error) else NOT_SHOWN
    except OSError as error:
        if error.filename is None:
            raise
        return complain(f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}.", FAILED)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return complain("Left at once.", INTERRUPTED)
    finally:
        command.close()  # it may not have begun


def complain(text: str, status: int) -> int:
    """Print the text on standard error and return the status."""
    print(clean(text), file=sys.stderr)
    return status


def complain_of_usage(error: typer.TyperException | OSError) -> int:
    """Say what is wrong with what was typed, or that the help could not be printed, and return the status."""
    if isinstance(error, OSError):
        give_up_output()
        return complain(f"The output cannot be written: {error.strerror}.", NOT_SHOWN)
    said, context = error.format_message().strip(), getattr(error, "ctx", None)
    if not said:  # a command that was typed alone, whose help was printed
        return UNUSABLE
    help = f" `{context.command_path} --help` says what there is." if context else ""
    return complain(f"{said.rstrip('.')}.{help}", UNUSABLE)
