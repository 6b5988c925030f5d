"""Moot as a process of its own, `moot run`, that tests can kill; its platform and models outlive it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from storage import SqlStore, open_store
from tests.servers.discord import Channel, DiscordServer, Guild, Message, Request, User
from tests.servers.model_server import ModelServer, Reply, answer
from tests.support.discord_bot import PATIENCE_S
from tests.support.forked_moot import Fork, fork_moot
from tests.support.paths import ROOT
from tests.support.planted import PLANTED

SEATS = {"claude": "Claude", "gpt": "GPT"}


class Town:
    """A guild with one channel and `ada`; two models; and the database of a bot that comes and goes."""

    guild: Guild
    channel: Channel
    ada: User

    def __init__(self, path: Path, discord: DiscordServer, models: ModelServer) -> None:
        self.path = path
        self.discord = discord
        self.models = models
        self.process: Fork | None = None

    async def start(self, *, connects: bool = True, output: int | None = None) -> None:
        """Start the bot and return once it hears what people do, or at once where it may die before.

        `output`: the file that takes what it prints, where it is not that of the tests.
        """
        connected, self._asked_before = len(await self.discord.connects()), len(self.discord.requests)
        self.process = await self._spawn("run", output=output)
        if not connects:
            return
        async with asyncio.timeout(120):
            while len(await self.discord.connects()) == connected:
                assert self.process.returncode is None, "it has ended by itself"
                await asyncio.sleep(0.01)

    async def wait_until_ended(self) -> int:
        """Wait until the bot ends by itself and return its status."""
        assert self.process is not None, "start it first"
        async with asyncio.timeout(120):
            return await self.process.wait()

    async def end(self, number: signal.Signals) -> int:
        """Send the signal and return the status with which the bot ended."""
        assert self.process is not None, "start it first"
        self.process.send_signal(number)
        return await self.process.wait()

    async def run_command(self, *words: str) -> tuple[int, str]:
        """Run another command of `moot` and return its status and its output."""
        with tempfile.TemporaryFile() as printed:
            status = await (await self._spawn(*words, output=printed.fileno())).wait()
            printed.seek(0)
            return status, printed.read().decode()

    async def _spawn(self, *words: str, output: int | None = None, **more: str) -> Fork:
        env = {**os.environ, "PYTHONPATH": f"{self.path / 'planted'}:{ROOT}", **self._settings, **more}
        return await asyncio.to_thread(fork_moot, words, self.path, env, output)

    def plant(self, bug: str) -> None:
        """Run a piece of Python in each process that is started from now on, before it does anything else."""
        planted = self.path / "planted"
        planted.mkdir(exist_ok=True)
        (planted / "sitecustomize.py").write_text(bug, "utf-8")

    # people and models

    async def ask(self, command: str = "compare", question: str = "Tea or coffee?", **options: object) -> None:
        """Call a command as Ada."""
        await self.discord.slash(self.ada, self.channel, command, question=question, **options)

    async def read_refusal(self) -> str:
        """Ask once more and return the sentence of the refusal."""
        asked = await self.discord.slash(self.ada, self.channel, "compare", question="Milk?")
        seen = await asked.answer()
        async with asyncio.timeout(60):
            while not (seen.content or seen.followups):  # a start is tried again for some seconds
                await asyncio.sleep(0.05)
        return seen.followups[0].text if seen.followups else seen.content

    def script_model(self, seat: str, *replies: Reply) -> None:
        """Set what a seat's model answers from now on; it repeats the last reply."""
        self.models.tell(*replies, path=f"/{seat}/chat/completions")

    @property
    def ask_counts(self) -> dict[str, int]:
        """Return how often each seat's model was asked."""
        paths = [request.path for request in self.models.log]
        return {seat: paths.count(f"/{seat}/chat/completions") for seat in SEATS}

    # settings

    def make_tables(self) -> Mapping[str, Any]:
        """Return the settings of two models on the servers of this test."""
        return {
            "models": {
                key: {
                    "litellm": f"hosted_vllm/{key}",
                    "name": name,
                    "api_base": f"{self.models.url}/{key}",
                    "api_key": PLANTED,
                }
                for key, name in SEATS.items()
            },
            "panels": {"default": {"seats": list(SEATS)}},
            "retries": {"tries": 1},
            "discord": {
                "token": self.discord.token,
                "api_base": self.discord.api_base,
                "gateway_url": self.discord.gateway_url,
            },
        }

    def change_settings(self, **more: object) -> None:
        """Set the settings of the next start; `more` are further tables."""
        self._settings = {
            f"MOOT_{key}".upper(): json.dumps(table) for key, table in {**self.make_tables(), **more}.items()
        }

    # messages and stored facts

    async def read_messages(self) -> list[Message]:
        """Return what everybody can read in the channel and in the thread of the only board."""
        (board,) = await self.discord.messages(self.channel)
        return [board, *await self.discord.messages(board)] if board.id in self.discord.hub.world.channels else [board]

    async def wait_for_texts(self, *texts: str) -> None:
        """Wait until each text can be read somewhere."""

        def there() -> bool:
            places = self.discord.hub.world.messages.values()
            said = "\n".join(str(m.components) for place in places for m in place.values())
            return all(text in said for text in texts)

        await self.discord.until(there, 120)

    async def wait_for_store(self, happened: Callable[[SqlStore, str], Awaitable[bool]]) -> None:
        """Wait until `happened` is true of the only run in the store."""
        async with asyncio.timeout(30), open_store(self.path / "moot.db", clock=time.time, read_only=True) as store:
            (run,) = await store.runs()
            while not await happened(store, run.run):
                await asyncio.sleep(0.01)

    def requests_since_start(self, method: str) -> list[Request]:
        """Return the requests to Discord since the bot was last started."""
        return [r for r in self.discord.requests[self._asked_before :] if r.method == method]


@asynccontextmanager
async def open_town(path: Path, **more: object) -> AsyncIterator[Town]:
    """Open a town without a bot in it, and kill the bot at the end if one still runs. `more`: tables of settings."""
    async with ModelServer() as models, DiscordServer(deadline_s=PATIENCE_S) as discord:
        made = Town(path, discord, models)
        made.guild = await discord.create_guild()
        made.channel = await discord.create_channel(made.guild)
        made.ada = await discord.create_member(made.guild, "ada")
        made.change_settings(**more)
        for seat, name in SEATS.items():
            made.script_model(seat, answer(f"{name} ", "speaks."))
        try:
            yield made
        finally:
            if made.process is not None and made.process.returncode is None:
                await made.end(signal.SIGKILL)
