"""A run on Discord: its board in a channel, its turns in the board's thread, each seat under its own name.

In a direct message, and in a thread that is there already, everything stands in one place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import discord
from discord import ui

from adapters.discord import history
from adapters.discord.api import ARCHIVED, UNKNOWN_WEBHOOK, Exists, Missing, Rest
from adapters.discord.budgets import ADDRESS, BOT, GATE, bucket_name, old_name
from adapters.discord.dialect import DiscordDialect
from adapters.discord.layout import HEAD_CHARS, ROOM_CHARS, TEXT_CHARS, body, layout, page_key, page_mark
from adapters.discord.webhooks import Webhook, Webhooks, username
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.ports import Forbidden, Gone, Kind, Message, MessageRef, Method, Paginator, PostedPage, RateLimited

OLD_S = 3_600.0 - 60.0  # edits of older messages have a limit of their own
TITLE_CHARS = 90  # of a thread's name; Discord takes 100
ARCHIVE_MIN = 1_440
NONCE_CHARS = 25
LINKS = 12  # from the end card to what was said
# asked for wherever components are sent: https://discord.com/developers/docs/resources/webhook#execute-webhook
WITH_COMPONENTS = {"with_components": "true"}
ORPHANED = "the webhook that sent them was deleted, and to delete them myself I need the permission “Manage Messages”"
FACE = "@face"  # ends the reference of a message that a webhook sent

SpotKind = Literal["channel", "inside", "forum"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a run is shown. channel: a board with a thread; inside: all in one thread or direct message; forum: a new
    post. `guild` None: a direct message. `parent`: of a thread, else the channel itself. `nonce` tells runs apart."""

    guild: int | None
    channel: int
    parent: int
    kind: SpotKind
    nonce: str

    @property
    def address(self) -> str:
        return f"discord:{self.guild or '@me'}:{self.channel}:{self.parent}:{self.kind}:{self.nonce}"


def read_address(address: str) -> Address | None:
    """The spot that `address` names; None: it is another platform's."""
    match address.split(":"):
        case ["discord", guild, channel, parent, ("channel" | "inside" | "forum") as kind, nonce]:
            return Address(None if guild == "@me" else int(guild), int(channel), int(parent), kind, nonce)
    return None


def message_ref(channel: int, message: int, *, face: bool = False) -> MessageRef:
    """`face`: a webhook sent it."""
    return f"discord:{channel}/{message}{FACE if face else ''}"


def read_ref(ref: MessageRef) -> tuple[int, int, bool]:
    """Channel, message, and whether a webhook sent it."""
    channel, message = ref.removeprefix("discord:").removesuffix(FACE).split("/")
    return int(channel), int(message), ref.endswith(FACE)


def age_s(message: int) -> float:
    """How long ago it was sent, as its id tells."""
    return time.time() - discord.utils.snowflake_time(message).timestamp()


class Opening(Protocol):
    """An interaction that waits for its answer, which can be the board."""

    async def show(self, board: ui.LayoutView) -> int:
        """The id of the message that it became. Raises SurfaceError."""
        ...


class DiscordSurface:
    name = "Discord"
    room_chars = ROOM_CHARS

    def __init__(
        self,
        rest: Rest,
        faces: Webhooks,
        spot: Address,
        *,
        run: str,
        title: str,
        words: WordFilter,
        may_have_faces: bool,
        opening: Opening | None = None,
        starter: int | None = None,
        placed: Sequence[PostedPage] = (),
        began_at: float | None = None,
    ) -> None:
        """`title`: of the thread. `starter`: who is added to it. `placed`: the run's messages here, if any. `began_at`:
        when the run did (wall seconds), if not now."""
        self.address = spot.address
        self._rest = rest
        self._faces = faces
        self._spot = spot
        self._run = run
        self._title = " ".join(title.split())[:TITLE_CHARS] or "Moot"
        self._words = words
        self._may_have_faces = may_have_faces and spot.guild is not None
        self._opening = opening
        self._starter = starter
        self._sent = {p.lane: read_ref(p.ref)[1] for p in placed}  # the newest message of each lane
        self._board = next((at for lane, at in self._sent.items() if lane.stage == "board"), None)
        has_thread = spot.kind == "forum" or any(read_ref(p.ref)[0] == self._board for p in placed)
        self._thread = spot.channel if spot.kind == "inside" else self._board if has_thread else None
        self._began_at = began_at or time.time()
        self._opening_thread = asyncio.Lock()
        faces.retry_refused(spot.parent)  # once a run, and not with each of its posts
        self._turns: dict[LaneId, tuple[str, int]] = {}  # title and message, for the links of the end card

    def pages(self, kind: Kind) -> Paginator:
        return FilteredPages(OnePage(DiscordDialect(), TEXT_CHARS - HEAD_CHARS), self._words)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        if method == "find":
            return (bucket_name(method, "channels", self._looked_in(lane)), BOT)
        if lane.stage == "board":
            return self._board_draws(method, lane)
        face = self._has_face(lane) and not self._faces.refused(self._spot.parent)
        place = self._thread or self._spot.channel
        name = bucket_name(method, "webhooks", self._spot.parent) if face else bucket_name(method, "channels", place)
        above = ADDRESS if face else BOT
        if method == "post":
            return (self._gate, name, above)
        return self._changes(method, lane, name, above)

    async def post(self, message: Message) -> MessageRef:
        if message.kind == "board":
            return await self._post_board(message)
        thread = await self._find_thread()
        hook = await self._hook() if self._has_face(message.lane) else None
        at = await (self._as_seat(message, thread, hook) if hook else self._as_bot(message, thread))
        self._stands(message, at)
        return message_ref(thread, at, face=hook is not None)

    async def edit(self, ref: MessageRef, message: Message) -> None:
        channel, at, face = read_ref(ref)
        self._stands(message, at)
        changed = self._body(message, headed=not face)
        del changed["flags"]
        if not face:
            path = "/channels/{channel_id}/messages/{message_id}"
            await self._woken(channel, self._rest.call("PATCH", path, changed, channel_id=channel, message_id=at))
        elif (hook := await self._hook()) is None:
            raise Gone("the webhook that sent it is gone")
        else:
            await self._woken(channel, self._by_hook("PATCH", hook, channel, at, changed))

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        mark, is_board = page_mark(self.address, lane, page), lane.stage == "board"
        places = [self._looked_in(lane)]
        if is_board and self._spot.kind == "forum":
            places = await history.posts(
                self._rest, self._spot.guild or 0, self._spot.channel, self._title, self._began_at
            )
        for place in places:
            if found := await history.find(self._rest, place, mark, self._began_at):
                if is_board:
                    self._board = found.message
                # the answer to an interaction counts as a webhook's, but the bot edits it
                return message_ref(place, found.message, face=found.by_webhook and not is_board)
        return None

    def _looked_in(self, lane: LaneId) -> int:
        in_thread = lane.stage != "board" and self._board is not None and self._spot.kind != "inside"
        return self._board if in_thread and self._board is not None else self._spot.channel

    async def delete(self, ref: MessageRef) -> None:
        """What a webhook sent that was deleted since is the bot's to delete, where it has Manage Messages."""
        channel, at, face = read_ref(ref)
        if face and (hook := await self._hook()) is not None:
            try:
                return await self._woken(channel, self._by_hook("DELETE", hook, channel, at, None))
            except Gone:  # or another webhook's
                pass
            except Missing as error:
                if error.code != UNKNOWN_WEBHOOK:
                    raise
        path = "/channels/{channel_id}/messages/{message_id}"
        try:
            await self._woken(channel, self._rest.call("DELETE", path, channel_id=channel, message_id=at))
        except Forbidden as error:
            raise Forbidden(ORPHANED if face else str(error)) from error

    @property
    def _gate(self) -> str:
        return f"{GATE}{self._spot.nonce}"

    def _has_face(self, lane: LaneId) -> bool:
        return bool(lane.seat) and self._may_have_faces

    def _stands(self, message: Message, at: int) -> None:
        self._sent[message.lane] = at
        if message.kind == "turn":
            self._turns[message.lane] = (message.title, at)

    def _board_draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        forum = self._spot.kind == "forum"
        if method == "post" and self._opening is not None:  # answers to interactions have no limit
            return ()
        if method == "post" and forum:  # `Rest` counts what opens a thread, which shows no text by itself
            return (self._gate,)
        place = self._thread if forum and self._thread else self._spot.channel
        name = bucket_name(method, "channels", place)
        return (name, BOT) if method == "post" else self._changes(method, lane, name, BOT)

    def _changes(self, method: Method, lane: LaneId, name: str, above: str) -> Sequence[str]:
        """With the limit beneath the bucket that edits of old messages have."""
        old = method == "edit" and lane in self._sent and age_s(self._sent[lane]) > OLD_S
        return (name, old_name(name), above) if old else (name, above)

    async def _hook(self) -> Webhook | None:
        return await self._faces.find(self._spot.parent, allowed=self._may_have_faces)

    def _in_thread(self, channel: int) -> dict[str, str]:
        return {} if channel == self._spot.parent else {"thread_id": str(channel)}

    async def _by_hook(
        self, method: str, hook: Webhook, channel: int, at: int, changed: dict[str, Any] | None
    ) -> dict[str, Any]:
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
        call = self._rest.call(
            method,
            path,
            changed,
            query={**(WITH_COMPONENTS if changed is not None else {}), **self._in_thread(channel)},
            webhook_id=hook.id,
            webhook_token=hook.token,
            message_id=at,
        )
        return await self._with_hook(call)

    async def _with_hook(self, call: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """A webhook that was deleted is forgotten, so that the next try makes it again."""
        try:
            return await call
        except Missing as error:
            if error.code == UNKNOWN_WEBHOOK:
                self._faces.forget(self._spot.parent)
            raise

    async def _woken(self, channel: int, call: Awaitable[dict[str, Any]]) -> None:
        """A thread that was archived is opened again for the next try."""
        try:
            await call
        except Missing as error:
            if error.code == ARCHIVED:
                await self._rest.call("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=channel)
            raise

    async def _post_board(self, message: Message) -> MessageRef:
        opening, self._opening = self._opening, None
        channel = self._spot.channel
        if opening is not None:
            self._board = await opening.show(layout(message, self._run, self._mark(message)))
        elif self._spot.kind == "forum":
            made = {"name": self._title, "auto_archive_duration": ARCHIVE_MIN, "message": self._body(message)}
            thread = await self._rest.call("POST", "/channels/{channel_id}/threads", made, channel_id=channel)
            self._board = self._thread = channel = int(thread["id"])
        else:
            self._board = await self._as_bot(message, channel)
        self._stands(message, self._board)
        return message_ref(channel, self._board)

    async def _find_thread(self) -> int:
        async with self._opening_thread:
            if self._thread is None:
                self._thread = await self._open_thread()
            return self._thread

    async def _open_thread(self) -> int:
        """The board's thread, with its starter in it. A wait that Discord asks for holds this run's posts alone."""
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        made = {"name": self._title, "auto_archive_duration": ARCHIVE_MIN}
        try:
            thread = await self._rest.call("POST", path, made, channel_id=self._spot.channel, message_id=self._board)
        except RateLimited as error:
            raise RateLimited(self._gate, error.retry_after_s) from error
        except Exists:  # an earlier process has opened it: it has the id of its message
            assert self._board is not None  # only a message has a thread
            thread = {"id": self._board}
        if self._starter is not None:
            path = "/channels/{channel_id}/thread-members/{user_id}"
            await self._rest.call("PUT", path, channel_id=int(thread["id"]), user_id=self._starter)
        return int(thread["id"])

    async def _as_seat(self, message: Message, thread: int, hook: Webhook) -> int:
        made = {**self._body(message, headed=False), "username": username(message.title)}
        if message.face:
            made["avatar_url"] = message.face
        query = {"wait": "true", **WITH_COMPONENTS, **self._in_thread(thread)}
        path = "/webhooks/{webhook_id}/{webhook_token}"
        sent = await self._with_hook(
            self._rest.call("POST", path, made, query=query, webhook_id=hook.id, webhook_token=hook.token)
        )
        return int(sent["id"])

    async def _as_bot(self, message: Message, channel: int) -> int:
        """With a nonce: what was posted before, its answer lost, is not posted twice within minutes."""
        nonce = page_key(self.address, message.lane, message.page)[:NONCE_CHARS]
        made = {**self._body(message), "nonce": nonce, "enforce_nonce": True}
        sent = await self._rest.call("POST", "/channels/{channel_id}/messages", made, channel_id=channel)
        return int(sent["id"])

    def _body(self, message: Message, *, headed: bool = True) -> dict[str, Any]:
        """`headed`: the bot itself speaks it, under its title. At the end with links to what was said."""
        head = f"**{message.title}**" if message.title and headed else ""
        foot = self._links() if message.kind == "end" else ""
        return body(message, self._run, self._mark(message), head=head, foot=foot)

    def _mark(self, message: Message) -> int:
        return page_mark(self.address, message.lane, message.page)

    def _links(self) -> str:
        place = f"https://discord.com/channels/{self._spot.guild or '@me'}/{self._thread}"
        found = [f"[{title}]({place}/{at})" for title, at in list(self._turns.values())[-LINKS:]]
        return f"-# {' · '.join(found)}" if found else ""
