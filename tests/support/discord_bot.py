"""Moot as `moot run` serves it, on the Discord wire server, with the real discord.py, litellm and SQLite."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import discord

from adapters.discord.client import make_client
from bot.cli import serve as serving
from bot.cli.provision import Provision
from bot.models import prices
from bot.models.catalogue import resolve_models
from bot.settings import Settings
from storage import SqlStore, open_store
from tests.servers.discord import (
    Channel,
    DiscordServer,
    Guild,
    Intent,
    Interaction,
    Limits,
    Message,
    Rule,
    User,
)
from tests.servers.discord.client import redirect_clients
from tests.servers.discord.gateway import PRIVILEGED
from tests.servers.discord.world import SILENT, Ref, id_of, walk
from tests.servers.model_server import ModelServer, Reply, answer

SEATS = {"claude": "Claude", "gpt": "GPT", "gemini": "Gemini"}
ROOMY = Rule(1000, 1.0)
UNLIMITED = Limits(
    dict.fromkeys(("message.create", "message.edit", "webhook.execute", "webhook.edit", "webhook.delete"), ROOMY),
    other=ROOMY,
    global_rule=ROOMY,
)
PATIENCE_S = 30.0  # for an answer, where Discord has 3: tests run on busy machines; the benchmark keeps to it
THINKING = Reply(then="hang")  # a model that says nothing until it is skipped or stopped
RANKING = answer("FINAL RANKING:\n1. A\n2. B\n3. C")


def make_endless(*texts: str) -> Reply:
    """Return a reply that says these texts and never ends."""
    return Reply(answer(*texts).pieces[: len(texts)], then="hang")


def make_settings(models: ModelServer, token: str, **more: Any) -> Settings:
    """Return settings of three seats, each with an endpoint of its own.

    `more` replaces whole tables; its `discord` is merged into that table.
    """
    tables: dict[str, Any] = {
        "models": {
            key: {"litellm": f"hosted_vllm/{key}", "name": name, "api_base": f"{models.url}/{key}"}
            for key, name in SEATS.items()
        },
        "panels": {"default": {"seats": list(SEATS)}, "pair": {"seats": ["claude", "gpt"]}},
        "retries": {"tries": 1},
    }
    given = {"discord": {"token": token, **more.pop("discord", {})}}
    return Settings.model_validate({**tables, **more, **given})


class Moot:
    """The bot and one guild with one channel: `ada` asks, `bob` and `cyd` are there, `mod` moderates.

    `start` and `stop` begin and end a process: the database and Discord's messages outlast them.
    """

    guild: Guild
    channel: Channel
    ada: User
    bob: User
    cyd: User
    mod: User
    store: SqlStore

    def __init__(self, server: DiscordServer, models: ModelServer, path: Path, settings: Settings) -> None:
        self.server = server
        self.models = models
        self.settings = settings
        self.faults: list[BaseException] = []  # raised by event handlers; discord.py only logs them
        self.client: discord.Client | None = None
        self.loads = 0  # how often `on_loaded` ran
        self._path = path
        self._serving: asyncio.Task[None] | None = None

    def change_settings(self, table: str, **values: object) -> None:
        """Change a table of the settings from the next start on."""
        changed = getattr(self.settings, table).model_copy(update=values)
        self.settings = self.settings.model_copy(update={table: changed})

    async def create_guild(self) -> None:
        """Create the guild, its channel and its people."""
        self.guild = await self.server.create_guild()
        self.channel = await self.server.create_channel(self.guild)
        moderators = await self.server.create_role(self.guild, "mods", "manage_messages")
        self.ada, self.bob, self.cyd = [await self.server.create_member(self.guild, n) for n in ("ada", "bob", "cyd")]
        self.mod = await self.server.create_member(self.guild, "mod", moderators)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self.faults:
            raise self.faults[0] from error

    async def start(self) -> None:
        """Start the bot and return once it hears what people do."""
        connected = len(await self.server.connects())
        self._serving = asyncio.create_task(self._serve(), name="moot")
        while len(await self.server.connects()) == connected:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop the bot as SIGTERM does. Raises the error that has ended it before."""
        serving, self._serving = self._serving, None
        if serving is not None and not serving.done():
            serving.cancel()
            with warnings.catch_warnings():
                # Tasks that are cancelled before their first step: calls of litellm, events that discord.py drops.
                warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
                await asyncio.wait([serving])
                gc.collect(1)
        if serving is not None and not serving.cancelled():
            serving.result()

    async def wait_for_end(self) -> None:
        """Wait until the bot ends by itself. Raises the error that ended it."""
        serving, self._serving = self._serving, None
        assert serving is not None
        await serving

    async def _serve(self) -> None:
        supply = Provision(resolve_models(self.settings.models), self.settings.panels, "default")
        assert self.settings.discord is not None  # `settings` sets it
        make = make_client
        async with open_store(self._path, clock=time.time) as self.store:
            with patch.object(serving, "make_client", lambda *given: self._hurry(make(*given))):
                await serving.serve_platforms(
                    self.settings, supply, self.store, asyncio.Event(), on_loaded=self._loaded
                )

    def _loaded(self) -> None:
        self.loads += 1

    def _hurry(self, client: discord.Client) -> discord.Client:
        """Shorten the client's waits: 2 s for further guilds, and 5 s before it identifies once more."""

        async def before_identify_hook(shard_id: int | None, *, initial: bool = False) -> None:
            pass

        async def on_error(event: str, *given: Any) -> None:
            """Keep the exception that is being handled; discord.py would only log it."""
            if error := sys.exception():
                self.faults.append(error)

        dispatch = client._connection.dispatch
        # An event that comes while the client closes would find no loop any more.
        client._connection.dispatch = lambda *event: None if client.is_closed() else dispatch(*event)
        client._connection.guild_ready_timeout = 0.05
        client.event(before_identify_hook)
        client.event(on_error)
        self.client = client
        return client

    # people's actions

    async def ask(
        self, name: str = "compare", /, by: User | None = None, where: Ref | None = None, **options: object
    ) -> Message:
        """Start a run and return its board, without waiting for anything else."""
        options.setdefault("question", "Tea or coffee?")
        where = where or self.channel
        answered = await (await self.server.slash(by or self.ada, where, name, **options)).answer()
        assert answered.message is not None, answered
        board = answered.message
        await self.wait_until(lambda: "asked by" in board.text)
        return board

    async def call_command(self, by: User, name: str, /, where: Ref | None = None, **options: object) -> str:
        """Call a command and return the sentence that `by` alone reads."""
        return await self.read_answer(await self.server.slash(by, where or self.channel, name, **options))

    async def press(self, by: User, message: Message, action: str, about: str = "") -> str:
        """Press a button and return the sentence that `by` alone reads."""
        return await self.read_answer(await self.server.click(by, message, find_button(message, action, about)))

    async def react(self, by: User, message: Message, emoji: str) -> None:
        await self.server.react(by, message, emoji)

    async def choose_from_menu(self, by: User, message: Message, name: str) -> Interaction:
        """Choose from the menu of a message and return the interaction once it is answered."""
        asked = await self.server.menu(by, message, name)
        await asked.answer()
        return asked

    async def wait_until_stored(self, message: Message) -> None:
        """Wait until the store knows where the message stands, so that another process can find it."""
        refs = [f"discord:{message.channel_id}/{message.id}{face}" for face in ("", "@face")]
        async with asyncio.timeout(30):
            while not [ref for ref in refs if await self.store.find_page(ref)]:
                await asyncio.sleep(0.005)

    async def wait_until_over(self) -> None:
        """Wait until the end of every run is stored."""
        async with asyncio.timeout(30):
            while [row for row in await self.store.runs() if not row.outcome]:
                await asyncio.sleep(0.005)

    async def read_answer(self, asked: Interaction) -> str:
        """Return the sentence that an interaction was answered with; it is always for its person alone."""
        seen = await asked.answer()
        if seen.kind == "deferred":
            await self.wait_until(lambda: bool(seen.content or seen.followups))
        private = [m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral]
        assert private, seen
        return private[0].text

    # messages

    async def find_thread(self, board: Message) -> Channel:
        """Return the thread of a board, as soon as there is one."""
        await self.wait_until(lambda: board.id in self.server.hub.world.channels)
        return await self.server.channel(board.id)

    async def find_turn(self, place: Ref, words: str) -> Message:
        """Return the first message of a place with these words, as soon as there is one."""
        return await self.find(place, lambda m: words in m.text)

    async def find_by(self, place: Ref, name: str, nth: int = 0) -> Message:
        """Return message number `nth` of that seat there, as soon as there is one."""
        return await self.find(place, lambda m: name in m.author.name, nth)

    async def find(self, place: Ref, fits: Callable[[Message], bool], nth: int = 0) -> Message:
        """Return the message number `nth` there that fits, as soon as there is one."""
        found: list[Message] = []

        def there() -> bool:
            found[:] = [m for m in self.read_messages(place) if fits(m)]
            return len(found) > nth

        await self.wait_until(there)
        return found[nth]

    def read_messages(self, place: Ref) -> list[Message]:
        """Return what everybody can read there now, in order."""
        return [m for m in self.server.hub.world.messages[id_of(place)].values() if not m.ephemeral]

    async def find_board(self, place: Ref, question: str) -> Message:
        """Return the board of the run with that question, as soon as there is one."""
        return await self.find(place, lambda m: m.text.startswith(f"> {question}"))

    async def find_end_card(self, place: Ref) -> Message:
        """Return the end card of a thread, as soon as there is one."""
        return await self.find(place, lambda m: "Follow up" in button_labels(m))

    async def wait_until(self, happened: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until `happened` returns true. Raises TimeoutError, or the error that the bot stumbled over.

        The bound leaves time for the import of litellm.
        """
        try:
            await self.server.until(happened, timeout_s)
        except TimeoutError:
            if self._serving is not None and self._serving.done():
                self._serving.result()
            raise self.faults[0] if self.faults else TimeoutError(happened) from None

    def script_model(self, seat: str, *replies: Reply) -> None:
        """Set what a seat's model answers from now on; it repeats the last reply."""
        self.models.tell(*replies, path=f"/{seat}/chat/completions")

    def read_asks(self, seat: str) -> list[str]:
        """Return what a seat's model was asked, each time as one text."""
        seen = [r for r in self.models.log if r.path == f"/{seat}/chat/completions"]
        return ["\n".join(_flat(m["content"]) for m in r.body["messages"]) for r in seen]


@asynccontextmanager
async def run_moot(
    tmp_path: Path, limits: Limits = UNLIMITED, *, allowed: Intent = PRIVILEGED, started: bool = True, **more: Any
) -> AsyncIterator[Moot]:
    """Serve the bot in a guild; every seat answers in two words. `more` goes to `make_settings`."""
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(ModelServer())
        server = await stack.enter_async_context(DiscordServer(limits, allowed=allowed, deadline_s=PATIENCE_S))
        stack.enter_context(redirect_clients(server))
        stack.enter_context(patch.object(prices, "read_map", dict))  # no model of a test is in it
        more["discord"] = {
            "api_base": server.api_base,
            "gateway_url": server.gateway_url,
            **more.get("discord", {}),
        }
        made = Moot(server, models, tmp_path / "moot.db", make_settings(models, server.token, **more))
        for seat, name in SEATS.items():
            made.script_model(seat, answer(f"{name} ", "speaks."))
        await made.create_guild()
        if started:
            await stack.enter_async_context(made)
        yield made


def button_labels(message: Message) -> list[str]:
    """Return the labels of a message's buttons."""
    return [c["label"] for c in walk(message.components) if c["type"] == 2]


def find_button(message: Message, action: str, about: str = "") -> str:
    """Return the custom id of the button that does this."""
    ids = [c["custom_id"] for c in walk(message.components) if c["type"] == 2]
    found = [i for i in ids if i.split(":", 3)[2] == action and about in i.split(":", 3)[3]]
    assert found, f"no {action} among {ids}"
    return str(found[0])


def is_silent(message: Message) -> bool:
    """Return whether the message was sent without a notification."""
    return bool(message.flags & SILENT)


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
