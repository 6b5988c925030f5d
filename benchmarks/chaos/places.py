"""What people see and do on each platform, alike for both: they ask, read boards and threads, and press buttons."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.discord.surface import message_ref as discord_ref
from adapters.slack.addresses import message_ref as slack_ref
from adapters.slack.scopes import events, scopes
from benchmarks.chaos.models import TAG
from tests.servers.discord import CannotAct, Channel, DiscordServer, Message, User
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.world import EPHEMERAL, LOADING, walk
from tests.servers.slack import SlackServer, Unacknowledged
from tests.servers.slack.world import Message as SlackMessage

PEOPLE = ("ada", "ben", "cleo")  # the first one asks
ANSWERED_WITHIN_S = 3.0
LOOK_S = 0.02
_BUTTON = re.compile(r"^moot:([^:]*):([^:]+):(.*)$")


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot as people see it now. `ref` is what the bot's own store calls it; `seat`: "" where the bot
    speaks itself; `buttons`: what each does and is about, by the id it is pressed with."""

    ref: str
    seat: str
    text: str
    buttons: Mapping[str, tuple[str, str, str]]
    handle: Any

    def button(self, action: str) -> str:
        """The id of the first button that does this; "": there is none."""
        return next((key for key, (_, does, _) in self.buttons.items() if does == action), "")

    @property
    def run(self) -> str:
        """Of the run that its buttons are about."""
        return next((run for run, _, _ in self.buttons.values() if run), "")


class Place(Protocol):
    """One platform with its people."""

    name: str

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        """By the first person, in room `nth`; whether the platform heard anything back within its deadline."""
        ...

    def board(self, tag: str) -> Post | None:
        """The first message outside of threads that carries the tag of a question."""
        ...

    def thread(self, board: Post) -> list[Post]: ...

    def outside(self) -> list[Post]:
        """What the bot has posted outside of threads, for all to see."""
        ...

    async def press(self, person: int, post: Post, button: str) -> str:
        """The sentence that this person alone reads then; "" where none comes within the deadline, or it is gone."""
        ...

    async def say(self, person: int, board: Post, text: str) -> None: ...

    def key(self, person: int) -> str:
        """As the bot's store knows them."""
        ...


def _buttons(ids: Iterator[str]) -> dict[str, tuple[str, str, str]]:
    return {i: (m[1], m[2], m[3]) for i in ids if (m := _BUTTON.match(i))}


class OnDiscord:
    name = "Discord"

    def __init__(self, server: DiscordServer) -> None:
        self.server = server
        self.rooms: list[Channel] = []
        self.people: list[User] = []
        self._boards: dict[str, Message] = {}  # by the tag of their question
        self._known: set[int] = set()

    async def furnish(self, rooms: int) -> None:
        self.guild = await self.server.create_guild()
        self.rooms = [await self.server.create_channel(self.guild, f"room-{n}") for n in range(rooms)]
        self.people = [await self.server.create_member(self.guild, name) for name in PEOPLE]

    async def ask(self, nth: int, command: str, question: str, options: Mapping[str, str | int]) -> bool:
        room = self.rooms[nth % len(self.rooms)]
        try:
            asked = await self.server.slash(self.people[0], room, command, question=question, **options)
            return bool(await asked.answer(ANSWERED_WITHIN_S))
        except (CannotAct, TimeoutError):  # not yet registered, or nobody is there
            return False

    def board(self, tag: str) -> Post | None:
        for m in self._outside():
            if m.id not in self._known and (tags := TAG.findall(m.text)):
                self._boards.setdefault(tags[0], m)
                self._known.add(m.id)
        return self._post(self._boards[tag]) if tag in self._boards else None

    def thread(self, board: Post) -> list[Post]:
        return [self._post(m) for m in self._said(board.handle.id)]

    def outside(self) -> list[Post]:
        return [self._post(m) for m in self._outside()]

    def _outside(self) -> list[Message]:
        return [m for room in self.rooms for m in self._said(room.id)]

    def _said(self, channel: int) -> list[Message]:
        """By the bot, for all to see. An answer that was put off and never came is Discord's to withdraw."""
        found = self.server.hub.world.messages[channel].values()
        return [m for m in found if m.author.bot and not m.flags & (EPHEMERAL | LOADING) and m.kind == 0]

    async def press(self, person: int, post: Post, button: str) -> str:
        try:
            asked = await self.server.click(self.people[person], post.handle, button)
            seen = await asked.answer(ANSWERED_WITHIN_S)
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not (private := [m for m in (seen.message, *seen.followups) if m and m.ephemeral and m.text]):
                    await asyncio.sleep(LOOK_S)
            return private[-1].text
        except (CannotAct, DiscordError, TimeoutError):
            return ""

    async def say(self, person: int, board: Post, text: str) -> None:
        with suppress(CannotAct, DiscordError):  # its thread is not there yet, or nobody has registered commands
            await self.server.slash(self.people[person], board.handle.id, "moot say", text=text)

    def key(self, person: int) -> str:
        return f"discord:{self.people[person].id}"

    def _post(self, m: Message) -> Post:
        ids = (c["custom_id"] for c in walk(m.components) if c.get("custom_id"))
        face = m.webhook_id is not None and m.author.id != self.server.bot.id
        ref = discord_ref(m.channel_id, m.id, face=face)
        return Post(ref, m.author.name if face else "", m.text, _buttons(ids), m)


class OnSlack:
    name = "Slack"

    def __init__(self, server: SlackServer) -> None:
        self.server = server
        self.rooms: list[str] = []
        self._boards: dict[str, SlackMessage] = {}  # by the tag of their question
        self._known: set[str] = set()

    def furnish(self, rooms: int) -> None:
        world = self.server.world
        world.app.events = {event.name for event in events(listen=True)}
        self.team = world.add_team("acme", scopes=[scope.name for scope in scopes(listen=True)])
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

    def board(self, tag: str) -> Post | None:
        for m in self._outside():
            if m.ts not in self._known and (tags := TAG.findall(m.text)):
                self._boards.setdefault(tags[0], m)
                self._known.add(m.ts)
        return self._post(self._boards[tag]) if tag in self._boards else None

    def thread(self, board: Post) -> list[Post]:
        m: SlackMessage = board.handle
        return [self._post(r) for r in self.server.world.messages(m.channel, m.ts)[1:] if r.bot_id]

    def outside(self) -> list[Post]:
        return [self._post(m) for m in self._outside()]

    def _outside(self) -> list[SlackMessage]:
        return [m for room in self.rooms for m in self.server.world.messages(room) if m.bot_id]

    async def press(self, person: int, post: Post, button: str) -> str:
        who, world = self.people[person], self.server.world
        known = len(world.ephemerals)
        try:
            click = await (await self.server.people.click(who, post.handle, button))
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not (told := [e for e in world.ephemerals[known:] if e.via == click.payload["response_url"]]):
                    await asyncio.sleep(LOOK_S)
            return told[-1].text
        except (ValueError, TimeoutError, Unacknowledged):
            return ""

    async def say(self, person: int, board: Post, text: str) -> None:
        m: SlackMessage = board.handle
        await self.server.people.say(self.people[person], m.channel, text, thread_ts=m.ts)

    def key(self, person: int) -> str:
        return f"slack:{self.people[person]}"

    def _post(self, m: SlackMessage) -> Post:
        ids = (e["action_id"] for b in m.blocks for e in b.get("elements", ()) if "action_id" in e)
        text = "\n".join(b["text"] for b in m.blocks if b["type"] == "markdown")
        return Post(slack_ref(self.team.id, m.channel, m.ts), m.username, text, _buttons(ids), m)
