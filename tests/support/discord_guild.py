"""A guild on the Discord wire server, with its people: what they do, and what they can read there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from storage import SqlStore
from tests.servers.discord import Channel, DiscordServer, Guild, Interaction, Message, User
from tests.servers.discord.world import SILENT, Ref, id_of, walk
from tests.servers.model_server import MakeReply, ModelServer, Reply


class DiscordGuild:
    """One guild with one channel, the bot's store and its models.

    `ada` asks, `bob` and `cyd` are there, `mod` moderates.
    """

    guild: Guild
    channel: Channel
    ada: User
    bob: User
    cyd: User
    mod: User
    store: SqlStore

    def __init__(self, server: DiscordServer, models: ModelServer) -> None:
        self.server = server
        self.models = models
        self.faults: list[BaseException] = []  # raised by event handlers; discord.py only logs them
        self._serving: asyncio.Task[None] | None = None

    async def create_guild(self) -> None:
        """Create the guild, its channel and its people."""
        self.guild = await self.server.create_guild()
        self.channel = await self.server.create_channel(self.guild)
        moderators = await self.server.create_role(self.guild, "mods", "manage_messages")
        self.ada, self.bob, self.cyd = [await self.server.create_member(self.guild, n) for n in ("ada", "bob", "cyd")]
        self.mod = await self.server.create_member(self.guild, "mod", moderators)

    # people's actions

    async def ask(
        self, name: str = "compare", /, by: User | None = None, where: Ref | None = None, **options: object
    ) -> Message:
        """Start a run and return its board, without waiting for anything else."""
        options.setdefault("question", "Tea or coffee?")
        where = where or self.channel
        return await self.find_answer(await self.server.slash(by or self.ada, where, name, **options))

    async def find_answer(self, asked: Interaction) -> Message:
        """Return the board that an interaction is answered with, as soon as everybody can read it."""
        seen, boards = await asked.answer(), list[Message]()

        def is_shown() -> bool:
            shown = [m for m in (seen.message, *seen.followups) if m is not None and not m.ephemeral]
            boards[:] = [m for m in shown if "asked by" in m.text]
            return bool(boards)

        await self.wait_until(is_shown)
        return boards[0]

    async def call_command(self, by: User, name: str, /, where: Ref | None = None, **options: object) -> str:
        """Call a command and return the sentence that `by` alone reads."""
        return await self.read_answer(await self.server.slash(by, where or self.channel, name, **options))

    async def press(self, by: User, message: Message, action: str, about: str = "") -> str:
        """Press a button and return the sentence that `by` alone reads."""
        return await self.read_answer(await self.server.click(by, message, find_button(message, action, about)))

    async def open_more(self, by: User, end: Message) -> Message:
        """Press More… under an end card; return the notice with buttons that `by` alone reads."""
        return await self.find_private(await self.server.click(by, end, find_button(end, "more")))

    async def press_more(self, by: User, end: Message, action: str) -> str:
        """Press a button behind More… and return the sentence that `by` alone reads."""
        return await self.press(by, await self.open_more(by, end), action)

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
        async with asyncio.timeout(60):
            while not [ref for ref in refs if await self.store.find_page(ref)]:
                await asyncio.sleep(0.005)

    async def wait_until_over(self) -> None:
        """Wait until the end of every run is stored."""
        async with asyncio.timeout(60):
            while [row for row in await self.store.runs() if not row.outcome]:
                await asyncio.sleep(0.005)

    async def read_answer(self, asked: Interaction) -> str:
        """Return the sentence that an interaction was answered with; it is always for its person alone."""
        return (await self.find_private(asked)).text

    async def find_private(self, asked: Interaction) -> Message:
        """Return the message that an interaction was answered with, which its person alone reads."""
        seen = await asked.answer()
        if seen.kind == "deferred":
            await self.wait_until(lambda: bool(seen.content or seen.followups))
        private = [m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral]
        assert private, seen
        return private[0]

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

    async def wait_until(self, happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until `happened` returns true. Raises TimeoutError, or the error that the bot stumbled over.

        The bound leaves time for the import of litellm.
        """
        try:
            await self.server.until(happened, timeout_s)
        except TimeoutError:
            if self._serving is not None and self._serving.done():
                self._serving.result()
            raise self.faults[0] if self.faults else TimeoutError(happened) from None

    def script_model(self, seat: str, *replies: Reply | MakeReply) -> None:
        """Set what a seat's model answers from now on; it repeats the last reply."""
        self.models.tell(*replies, path=f"/{seat}/chat/completions")

    def read_asks(self, seat: str) -> list[str]:
        """Return what a seat's model was asked, each time as one text."""
        seen = [r for r in self.models.log if r.path == f"/{seat}/chat/completions"]
        return ["\n".join(_flat(m["content"]) for m in r.body["messages"]) for r in seen]


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
