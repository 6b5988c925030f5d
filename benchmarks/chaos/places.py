"""The people of each platform, alike for both: they ask, read boards and threads, and press buttons."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.discord.addresses import message_ref as discord_ref
from adapters.slack.addresses import message_ref as slack_ref
from adapters.slack.scopes import wanted_events, wanted_scopes
from benchmarks.chaos.models import TAG
from tests.servers.discord import CannotAct, Channel, DiscordServer, Message, User
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.world import EPHEMERAL, LOADING, Guild, walk
from tests.servers.slack import SlackServer, Unacknowledged
from tests.servers.slack.world import Ephemeral
from tests.servers.slack.world import Message as SlackMessage

PEOPLE = ("ada", "ben", "cleo")  # the first one asks
ANSWERED_WITHIN_S = 3.0
LOOK_S = 0.02
_BUTTON = re.compile(r"^moot:([^:]*):([^:]+):(.*)$")


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot as people see it now.

    `ref`: its name in the bot's own store. `seat`: "" where the bot speaks itself. `buttons`: by the id with which a
    button is pressed, its run, its action and what it is about.
    """

    ref: str
    seat: str
    text: str
    buttons: Mapping[str, tuple[str, str, str]]
    handle: Any

    def find_button(self, action: str) -> str:
        """Return the id of the first button with this action; "" where there is none."""
        return next((key for key, (_, does, _) in self.buttons.items() if does == action), "")

    @property
    def run(self) -> str:
        """Return the id of the run that its buttons are about."""
        return next((run for run, _, _ in self.buttons.values() if run), "")


class Place(Protocol):
    """One platform with its people."""

    name: str

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        """Ask as the first person in room `nth`; return whether the platform heard back within its deadline."""
        ...

    def find_board(self, tag: str) -> Post | None:
        """Return the first message outside of threads that carries the tag of a question."""
        ...

    def read_thread(self, board: Post) -> list[Post]: ...

    def list_boards(self) -> list[Post]:
        """Return what the bot has posted outside of threads, for all to see."""
        ...

    async def press(self, person: int, post: Post, button: str) -> str:
        """Press a button and return the sentence that this person alone reads then.

        It is "" where none comes within the deadline, or the message is gone.
        """
        ...

    async def press_more(self, person: int, end: Post, action: str) -> None:
        """Press a button behind More…, if that opens for this person within the deadline."""
        ...

    async def say(self, person: int, board: Post, text: str) -> None: ...

    def name_person(self, person: int) -> str:
        """Return the name under which the bot's store knows a person."""
        ...


def _read_buttons(ids: Iterator[str]) -> dict[str, tuple[str, str, str]]:
    return {i: (m[1], m[2], m[3]) for i in ids if (m := _BUTTON.match(i))}


class OnDiscord:
    name = "Discord"

    def __init__(self, server: DiscordServer) -> None:
        self.server = server
        self.rooms: list[Channel] = []
        self.people: list[User] = []
        self._boards: dict[str, Message] = {}  # by the tag of their question
        self._known: set[int] = set()

    async def furnish(self, rooms: int, guild: Guild | None = None) -> None:
        """Make rooms and people, in a new guild if none is given."""
        self.guild = guild or await self.server.create_guild()
        self.rooms = [await self.server.create_channel(self.guild, f"room-{n}") for n in range(rooms)]
        self.people = [await self.server.create_member(self.guild, name) for name in PEOPLE]

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        room = self.rooms[nth % len(self.rooms)]
        try:
            asked = await self.server.slash(self.people[0], room, command, question=question, **options)
            return bool(await asked.answer(ANSWERED_WITHIN_S))
        except (CannotAct, TimeoutError):  # not yet registered, or nobody is there
            return False

    def find_board(self, tag: str) -> Post | None:
        for m in self._list_boards():
            if m.id not in self._known and (tags := TAG.findall(m.text)):
                self._boards.setdefault(tags[0], m)
                self._known.add(m.id)
        return self._make_post(self._boards[tag]) if tag in self._boards else None

    def read_thread(self, board: Post) -> list[Post]:
        return [self._make_post(m) for m in self._list_messages(board.handle.id)]

    def list_boards(self) -> list[Post]:
        return [self._make_post(m) for m in self._list_boards()]

    def _list_boards(self) -> list[Message]:
        return [m for room in self.rooms for m in self._list_messages(room.id)]

    def _list_messages(self, channel: int) -> list[Message]:
        """Return the bot's messages for all to see, but for answers that were deferred and never came."""
        found = self.server.hub.world.messages[channel].values()
        return [m for m in found if m.author.bot and not m.flags & (EPHEMERAL | LOADING) and m.kind == 0]

    async def press(self, person: int, post: Post, button: str) -> str:
        told = await self._click(person, post, button)
        return told.text if told else ""

    async def press_more(self, person: int, end: Post, action: str) -> None:
        if rest := await self._click(person, end, end.find_button("more")):
            post = self._make_post(rest)
            await self._click(person, post, post.find_button(action))

    async def _click(self, person: int, post: Post, button: str) -> Message | None:
        """Press a button; return what this person alone reads then, None where nothing comes."""
        try:
            asked = await self.server.click(self.people[person], post.handle, button)
            seen = await asked.answer(ANSWERED_WITHIN_S)
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not (private := [m for m in (seen.message, *seen.followups) if m and m.ephemeral and m.text]):
                    await asyncio.sleep(LOOK_S)
            return private[-1]
        except (CannotAct, DiscordError, TimeoutError):
            return None

    async def say(self, person: int, board: Post, text: str) -> None:
        with suppress(CannotAct, DiscordError):  # its thread is not there yet, or nobody has registered commands
            await self.server.slash(self.people[person], board.handle.id, "moot say", text=text)

    def name_person(self, person: int) -> str:
        return f"discord:{self.people[person].id}"

    def _make_post(self, m: Message) -> Post:
        ids = (c["custom_id"] for c in walk(m.components) if c.get("custom_id"))
        face = m.webhook_id is not None and m.author.id != self.server.bot.id
        ref = discord_ref(m.channel_id, m.id, by_webhook=face)
        return Post(ref, m.author.name if face else "", m.text, _read_buttons(ids), m)


class OnSlack:
    name = "Slack"

    def __init__(self, server: SlackServer) -> None:
        self.server = server
        self.rooms: list[str] = []
        self._boards: dict[str, SlackMessage] = {}  # by the tag of their question
        self._known: set[str] = set()

    def furnish(self, rooms: int) -> None:
        world = self.server.world
        world.app.events = {event.name for event in wanted_events(listen=True)}
        self.team = world.add_team("acme", scopes=[scope.name for scope in wanted_scopes(listen=True)])
        self.people = [world.add_user(self.team.id, name).id for name in PEOPLE]
        self.rooms = [world.add_channel(self.team.id, f"room-{n}", self.people).id for n in range(rooms)]

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        first, _, rest = command.partition(" ")
        text = " ".join([rest, question, *(f"--{name} {value}" for name, value in options.items())]).strip()
        room = self.rooms[nth % len(self.rooms)]
        try:
            await (await self.server.people.command(self.people[0], room, f"/{first}", text))
        except Unacknowledged:
            return False
        return True

    def find_board(self, tag: str) -> Post | None:
        for m in self._list_boards():
            if m.ts not in self._known and (tags := TAG.findall(m.text)):
                self._boards.setdefault(tags[0], m)
                self._known.add(m.ts)
        return self._make_post(self._boards[tag]) if tag in self._boards else None

    def read_thread(self, board: Post) -> list[Post]:
        m: SlackMessage = board.handle
        return [self._make_post(r) for r in self.server.world.messages(m.channel, m.ts)[1:] if r.bot_id]

    def list_boards(self) -> list[Post]:
        return [self._make_post(m) for m in self._list_boards()]

    def _list_boards(self) -> list[SlackMessage]:
        return [m for room in self.rooms for m in self.server.world.messages(room) if m.bot_id]

    async def press(self, person: int, post: Post, button: str) -> str:
        told = await self._click(person, post, button)
        return told.text if told else ""

    async def press_more(self, person: int, end: Post, action: str) -> None:
        if rest := await self._click(person, end, end.find_button("more")):
            ids = (
                e["action_id"] for b in rest.blocks for e in b.get("elements", ()) if f":{action}:" in e["action_id"]
            )
            with suppress(ValueError, Unacknowledged):
                await (await self.server.people.click_ephemeral(rest, next(ids, "")))

    async def _click(self, person: int, post: Post, button: str) -> Ephemeral | None:
        """Press a button; return what this person alone reads then, None where nothing comes."""
        who, world = self.people[person], self.server.world
        known = len(world.ephemerals)
        try:
            click = await (await self.server.people.click(who, post.handle, button))
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not (told := [e for e in world.ephemerals[known:] if e.via == click.payload["response_url"]]):
                    await asyncio.sleep(LOOK_S)
            return told[-1]
        except (ValueError, TimeoutError, Unacknowledged):
            return None

    async def say(self, person: int, board: Post, text: str) -> None:
        m: SlackMessage = board.handle
        await self.server.people.say(self.people[person], m.channel, text, thread_ts=m.ts)

    def name_person(self, person: int) -> str:
        return f"slack:{self.people[person]}"

    def _make_post(self, m: SlackMessage) -> Post:
        ids = (e["action_id"] for b in m.blocks for e in b.get("elements", ()) if "action_id" in e)
        text = "\n".join(b["text"] for b in m.blocks if b["type"] == "markdown")
        return Post(slack_ref(self.team.id, m.channel, m.ts), m.username, text, _read_buttons(ids), m)
