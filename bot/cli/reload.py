"""Settings read again while the bot runs, at SIGHUP: by `moot reload`, systemd, or whoever sends it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from bot.cli.console import print_plain
from bot.cli.core import Core, load_configuration
from bot.cli.exit import FAILED, OK, complain
from bot.cli.provision import read_configured
from bot.cli.settings_file import load_settings
from bot.domain.word_filter import WordFilter
from bot.errors import Misconfigured, Refused, StoreFailed
from bot.ports.store import DocumentStore
from bot.settings.settings import Settings
from storage import open_store
from storage.errors import InUse
from storage.locations import Location, describe_location, hold_location, may_hold_store

log = structlog.get_logger()

AT_ONCE = ("models", "panels", "limits", "servers")  # the tables that are taken over; others need a restart
NOTE = "operations/reload"  # the document by which `moot reload` knows the bot, and learns what came of it
ANSWERED_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.1
NO_BOT = "No bot runs on {}, so there is nothing to reload: the next `moot run` reads the settings as they are then."


class Reloader:
    """The settings that a running bot goes by. A wrong file changes nothing."""

    def __init__(
        self, settings: Settings, core: Core, documents: DocumentStore, load: Callable[[], Settings] = load_settings
    ) -> None:
        self._settings = settings
        self._core = core
        self._documents = documents
        self._load = load

    async def serve(self) -> None:
        """Read the settings again at each SIGHUP, and keep what came of it for whoever asked; until cancelled."""
        loop, hung_up, count = asyncio.get_running_loop(), asyncio.Event(), 0
        loop.add_signal_handler(signal.SIGHUP, hung_up.set)
        try:
            await self._note(count, done=True, told="")
            while True:
                await hung_up.wait()
                hung_up.clear()
                count += 1
                done, told = await self.reload()
                await self._note(count, done=done, told=told)
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def reload(self) -> tuple[bool, str]:
        """Read the settings again and take over what may change; return whether they are right, and what was done."""
        try:
            told = self._take_over(await asyncio.to_thread(self._load))
        except Misconfigured as error:
            log.error("the settings are wrong, and nothing was changed", reason=str(error))
            return False, f"Nothing was changed, as the settings are wrong:\n{error}"
        log.warning("the settings were read again", result=told)
        return True, told

    def _take_over(self, written: Settings) -> str:
        """Take over what has changed. Raises Misconfigured before anything is taken over."""
        check_words(written)
        changed = [name for name in Settings.model_fields if getattr(written, name) != getattr(self._settings, name)]
        taken = [name for name in changed if name in AT_ONCE]
        settings = self._settings.model_copy(update={name: getattr(written, name) for name in taken})
        needs_models = "models" in taken or "panels" in taken
        if needs_models and not written.models:
            raise Misconfigured("models: none are left, and a bot that runs needs one. Name at least one.")
        self._core.replace_settings(settings, read_configured(settings, None) if needs_models else None)
        self._settings = settings
        left = [name for name in changed if name not in AT_ONCE]
        sentences = (
            f"Taken over: {', '.join(taken)}. Runs that go on keep their seats." if taken else "",
            f"Not taken over, as it needs a restart: {', '.join(left)}." if left else "",
        )
        return " ".join(filter(None, sentences)) or "Nothing has changed."

    async def _note(self, count: int, *, done: bool, told: str) -> None:
        with suppress(StoreFailed):  # the log has it
            await self._documents.put(NOTE, {"pid": str(os.getpid()), "count": count, "done": done, "told": told})


def check_words(settings: Settings) -> None:
    """Raise Misconfigured for a word list that cannot be used."""
    for name, server in settings.servers.items():
        try:
            WordFilter(server.words)
        except Refused as error:
            raise Misconfigured(f"servers.{name}.words: {error}") from error


async def reload_settings() -> int:
    """Have the running bot read its settings again, and print what came of it. Raises Refused where none runs."""
    location = load_configuration().storage.location  # settings that are wrong end here: the bot goes on as it was
    pid = await _find_holder(location)
    async with open_store(location, clock=time.time, read_only=True) as store:
        before = await _read_note(store)
        if before.get("pid") != pid:
            raise Refused(
                f"{NO_BOT.format(describe_location(location))} The process {pid} holds it for something else."
            )
        try:
            os.kill(int(pid), signal.SIGHUP)
        except OSError as error:
            raise Refused(f"The bot (pid {pid}) cannot be told: {error.strerror}. Be the user that runs it.") from error
        for _ in range(round(ANSWERED_WITHIN_S / LOOK_AGAIN_S)):
            await asyncio.sleep(LOOK_AGAIN_S)
            after = await _read_note(store)
            if after["count"] != before["count"]:
                if after["done"]:
                    print_plain(after["told"])
                    return OK
                return complain(after["told"], FAILED)
    return complain(f"The bot (pid {pid}) has not answered within {ANSWERED_WITHIN_S:.0f} s: look at its log.", FAILED)


async def _find_holder(location: Location) -> str:
    """Return the pid of the process that writes the database. Raises Refused where there is none."""
    if may_hold_store(location):
        try:
            async with hold_location(location):
                pass
        except InUse as error:
            return error.pid
    raise Refused(NO_BOT.format(describe_location(location)))


async def _read_note(documents: DocumentStore) -> Any:
    return (await documents.documents(NOTE)).get(NOTE) or {}
