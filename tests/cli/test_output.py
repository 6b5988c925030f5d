"""What commands print: clean of control characters, in any encoding, and a failure where nothing could be printed."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.cli.console import CleanConsole
from bot.cli.exit import NOT_SHOWN, OK
from tests.servers.model_server import ModelServer, answer
from tests.support.command_line import run_moot
from tests.support.model_panel import tell_every_seat, write_settings
from tests.support.paths import ROOT

ODD = (
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x9b31m",
    "\x9d8;;",
    "\x07",
    "\x08",
    "\r",
    "\x00",
    "\u202e",
    "\u2066",
    "\ud800",
    "\x7f",
)


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_no_way_to_print_lets_a_control_character_through(odd: str) -> None:
    out = io.StringIO()
    console = CleanConsole(file=out, width=200)
    text = f"a{odd}b"
    table = Table("h")
    table.add_row(Text(text))
    for printed in (
        text,
        Text(text),
        Markdown(f"{text} [{text}](http://x/{odd})"),
        Panel(Text(text), title=text),
        table,
    ):
        console.print(printed, markup=False)
    assert not any(char in out.getvalue() for char in odd if not char.isprintable())


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "utf-8", "shift-jis"])
async def test_answers_are_printed_in_any_encoding(encoding: str, folder: Path) -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("Tabs → 模型 “quoted”."))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "try", "Tabs?", "--format", "compare"),
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert (process.returncode, err) == (OK, b"")
    assert out.count(b"Tabs ") == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_run_that_could_not_be_shown_has_a_status_of_its_own(folder: Path) -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("Tabs."))
        with open("/dev/full", "wb") as full:  # noqa: ASYNC230  # a device answers at once
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "try", "Tabs?", "--format", "compare"),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=full,
                stderr=subprocess.PIPE,
            )
            _, err = await process.communicate()
    assert process.returncode == NOT_SHOWN
    assert b"the output cannot be written: No space left on device." in err
    assert b"Traceback" not in err
    assert "Tabs?" in run_moot("runs", cwd=folder).stdout
