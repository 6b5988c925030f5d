"""A run on Discord: its board in a channel, its turns in the board's thread, each seat under its own name.

In a direct message, and in a thread that is there already, everything stands in one place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import discord
import structlog
from discord import ui

from adapters.discord import history
from adapters.discord.addresses import Address, message_ref, read_ref
from adapters.discord.api import ARCHIVED, UNKNOWN_WEBHOOK, AlreadyExists, Missing, Rest
from adapters.discord.buckets import Counted, hidden_name
from adapters.discord.budgets import ADDRESS_CEILING, BOT_CEILING, THREAD_GATE, old_bucket_name
from adapters.discord.dialect import DiscordDialect
from adapters.discord.layout import HEAD_CHARS, ROOM_CHARS, TEXT_CHARS, build_body, build_layout, page_key, page_mark
from adapters.discord.webhooks import Webhook, Webhooks, webhook_username
from bot.domain.lane_links import resolve_lane_links
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.ports.store import PostedPage
from bot.ports.surface import Forbidden, Gone, Kind, Message, MessageRef, Method, Paginator, RateLimited, SurfaceError

log = structlog.get_logger()

OLD_EDIT_S = 3_600.0 - 60.0  # Discord limits edits of messages older than an hour; a minute is for clock skew
TITLE_CHARS = 90  # of a thread's name; Discord takes 100
ARCHIVE_MIN = 1_440
NONCE_CHARS = 25
# needed wherever components are sent: https://discord.com/developers/docs/resources/webhook#execute-webhook
WITH_COMPONENTS = {"with_components": "true"}
ORPHANED = "the webhook that sent them was deleted, and to delete them myself I need the permission “Manage Messages”"


def age_s(message: int) -> float:
    """Return the age of a message, which its id contains."""
    return time.time() - discord.utils.snowflake_time(message).timestamp()


class BoardReply(Protocol):
    """An interaction that waits for an answer, which can be the board."""

    async def show_board(self, board: ui.LayoutView) -> int:
        """Answer with the board and return the id of its message. Raises SurfaceError."""
        ...


class DiscordSurface:
    """One run's place on Discord, as a `Surface`."""

    name = "Discord"
    room_chars = ROOM_CHARS
    placeholder_after_s = 0.0  # posts of a webhook are counted with its edits

    def __init__(
        self,
        rest: Rest,
        webhooks: Webhooks,
        address: Address,
        *,
        run: str,
        title: str,
        words: WordFilter,
        may_use_webhooks: bool,
        opening: BoardReply | None = None,
        starter: int | None = None,
        posted: Sequence[PostedPage] = (),
        began_at: float | None = None,
    ) -> None:
        """Show a run at an address. `title`: the thread's; `starter`: the person to add to it.

        `posted`: the messages of the run that are here already; `began_at`: its start (wall seconds), if not now.
        """
        self.address = address.text
        self._rest = rest
        self._webhooks = webhooks
        self._address = address
        self._run = run
        self._title = " ".join(title.split())[:TITLE_CHARS] or "Moot"
        self._words = words
        self._may_use_webhooks = may_use_webhooks and address.guild is not None
        self._opening = opening
        self._starter = starter
        self._sent = {p.lane: read_ref(p.ref)[1] for p in posted}  # lane → its newest message
        self._board = next((at for lane, at in self._sent.items() if lane.stage == "board"), None)
        has_thread = address.kind == "forum" or any(read_ref(p.ref)[0] == self._board for p in posted)
        self._thread = address.channel if address.kind == "inside" else self._board if has_thread else None
        self._began_at = began_at or time.time()
        self._thread_lock = asyncio.Lock()
        webhooks.forget_refusal(address.parent)  # here, so that a run tries once and not with each post

    def pages(self, kind: Kind) -> Paginator:
        return FilteredPages(OnePage(DiscordDialect(), TEXT_CHARS - HEAD_CHARS), self._words)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        if method == "find":
            return self._list_budgets(lane, Counted(method, "channels", self._search_place(lane)))
        if lane.stage == "board":
            return self._board_draws(method, lane)
        if self._uses_webhook(lane) and not self._webhooks.is_refused(self._address.parent):
            call = Counted(method, "webhooks", self._address.parent)
        else:
            call = Counted(method, "channels", self._thread or self._address.channel)
        names = self._list_budgets(lane, call)
        return (self._gate, *names) if method == "post" else names

    async def post(self, message: Message) -> MessageRef:
        if message.kind == "board":
            return await self._post_board(message)
        thread = await self._find_thread()
        webhook = await self._find_webhook() if self._uses_webhook(message.lane) else None
        at = await (self._post_as_seat(message, thread, webhook) if webhook else self._post_as_bot(message, thread))
        self._sent[message.lane] = at
        return message_ref(thread, at, by_webhook=webhook is not None)

    async def edit(self, ref: MessageRef, message: Message) -> None:
        channel, at, by_webhook = read_ref(ref)
        self._sent[message.lane] = at
        body = self._build_body(message, with_title=not by_webhook)
        del body["flags"]
        if not by_webhook:
            path = "/channels/{channel_id}/messages/{message_id}"
            await self._unarchive_if_needed(
                channel, self._rest.call("PATCH", path, body, channel_id=channel, message_id=at)
            )
        elif (webhook := await self._find_webhook()) is None:
            raise Gone("the webhook that sent it is gone")
        else:
            await self._unarchive_if_needed(channel, self._call_webhook("PATCH", webhook, channel, at, body))

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        mark, is_board = page_mark(self.address, lane, page), lane.stage == "board"
        places = [self._search_place(lane)]
        if is_board and self._address.kind == "forum":
            places = await history.find_forum_posts(
                self._rest, self._address.guild or 0, self._address.channel, self._title, self._began_at
            )
        for place in places:
            if found := await history.find_marked(self._rest, place, mark, self._began_at):
                if is_board:
                    self._board = found.message
                # a board that answers an interaction counts as a webhook's, but the bot edits it
                return message_ref(place, found.message, by_webhook=found.by_webhook and not is_board)
        return None

    def _search_place(self, lane: LaneId) -> int:
        in_thread = lane.stage != "board" and self._board is not None and self._address.kind != "inside"
        return self._board if in_thread and self._board is not None else self._address.channel

    async def delete(self, ref: MessageRef) -> None:
        """Delete a message. Where its webhook is gone the bot deletes it, for which it needs Manage Messages."""
        channel, at, by_webhook = read_ref(ref)
        if by_webhook and (webhook := await self._find_webhook()) is not None:
            try:
                return await self._unarchive_if_needed(
                    channel, self._call_webhook("DELETE", webhook, channel, at, None)
                )
            except Gone:  # it may be another webhook's
                pass
            except Missing as error:
                if error.code != UNKNOWN_WEBHOOK:
                    raise
        path = "/channels/{channel_id}/messages/{message_id}"
        try:
            await self._unarchive_if_needed(channel, self._rest.call("DELETE", path, channel_id=channel, message_id=at))
        except Forbidden as error:
            raise Forbidden(ORPHANED if by_webhook else str(error)) from error

    @property
    def _gate(self) -> str:
        return f"{THREAD_GATE}{self._address.nonce}"

    def _uses_webhook(self, lane: LaneId) -> bool:
        return bool(lane.seat) and self._may_use_webhooks

    def _board_draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        forum = self._address.kind == "forum"
        if method == "post" and self._opening is not None:  # answers to interactions have no limit
            return ()
        if method == "post" and forum:  # `Rest` itself counts calls that open a thread
            return (self._gate,)
        place = self._thread if forum and self._thread else self._address.channel
        return self._list_budgets(lane, Counted(method, "channels", place))

    def _list_budgets(self, lane: LaneId, call: Counted) -> Sequence[str]:
        """Return the budgets of a call, the one that its bucket's headers tell of first and its ceiling last."""
        name = self._rest.buckets.name(call)
        above = ADDRESS_CEILING if call.place == "webhooks" else BOT_CEILING
        old = call.method == "edit" and lane in self._sent and age_s(self._sent[lane]) > OLD_EDIT_S
        return (name, *((old_bucket_name(name),) if old else ()), hidden_name(call), above)

    async def _find_webhook(self) -> Webhook | None:
        return await self._webhooks.find_or_create(self._address.parent, allowed=self._may_use_webhooks)

    def _thread_query(self, channel: int) -> dict[str, str]:
        return {} if channel == self._address.parent else {"thread_id": str(channel)}

    async def _call_webhook(
        self, method: str, webhook: Webhook, channel: int, at: int, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
        call = self._rest.call(
            method,
            path,
            body,
            query={**(WITH_COMPONENTS if body is not None else {}), **self._thread_query(channel)},
            webhook_id=webhook.id,
            webhook_token=webhook.token,
            message_id=at,
        )
        return await self._forget_if_deleted(call)

    async def _forget_if_deleted(self, call: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """Make a call of the webhook; forget a webhook that was deleted, so that the next try makes a new one."""
        try:
            return await call
        except Missing as error:
            if error.code == UNKNOWN_WEBHOOK:
                self._webhooks.forget(self._address.parent)
            raise

    async def _unarchive_if_needed(self, channel: int, call: Awaitable[dict[str, Any]]) -> None:
        """Make a call in a thread; open a thread that was archived, so that the next try succeeds."""
        try:
            await call
        except Missing as error:
            if error.code == ARCHIVED:
                await self._rest.call("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=channel)
            raise

    async def _post_board(self, message: Message) -> MessageRef:
        opening, self._opening = self._opening, None
        channel = self._address.channel
        if opening is not None:
            self._board = await opening.show_board(build_layout(message, self._run, self._page_mark(message)))
        elif self._address.kind == "forum":
            body = {"name": self._title, "auto_archive_duration": ARCHIVE_MIN, "message": self._build_body(message)}
            thread = await self._rest.call("POST", "/channels/{channel_id}/threads", body, channel_id=channel)
            self._board = self._thread = channel = int(thread["id"])
        else:
            self._board = await self._post_as_bot(message, channel)
        self._sent[message.lane] = self._board
        return message_ref(channel, self._board)

    async def _find_thread(self) -> int:
        async with self._thread_lock:
            if self._thread is None:
                self._thread = await self._open_thread()
            return self._thread

    async def _open_thread(self) -> int:
        """Open the board's thread and add the starter. A wait that Discord asks for pauses this run's posts alone."""
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        body = {"name": self._title, "auto_archive_duration": ARCHIVE_MIN}
        try:
            thread = await self._rest.call("POST", path, body, channel_id=self._address.channel, message_id=self._board)
        except RateLimited as error:
            raise RateLimited(self._gate, error.retry_after_s) from error
        except AlreadyExists:  # by an earlier process; a thread has the id of its message
            assert self._board is not None, "the thread is the board's"
            thread = {"id": self._board}
        if self._starter is not None:
            await self._add_starter(int(thread["id"]), self._starter)
        return int(thread["id"])

    async def _add_starter(self, thread: int, starter: int) -> None:
        """Add the starter to the thread, unless Discord refuses it: they have left, or cannot see the channel."""
        path = "/channels/{channel_id}/thread-members/{user_id}"
        try:
            await self._rest.call("PUT", path, channel_id=thread, user_id=starter)
        except SurfaceError as error:
            if isinstance(error, RateLimited) or not 400 <= error.status < 500:
                raise
            log.info("the starter could not be added to their thread", run=self._run, reason=str(error))

    async def _post_as_seat(self, message: Message, thread: int, webhook: Webhook) -> int:
        body = {**self._build_body(message, with_title=False), "username": webhook_username(message.title)}
        if message.face:
            body["avatar_url"] = message.face
        query = {"wait": "true", **WITH_COMPONENTS, **self._thread_query(thread)}
        path = "/webhooks/{webhook_id}/{webhook_token}"
        sent = await self._forget_if_deleted(
            self._rest.call("POST", path, body, query=query, webhook_id=webhook.id, webhook_token=webhook.token)
        )
        return int(sent["id"])

    async def _post_as_bot(self, message: Message, channel: int) -> int:
        """Post as the bot itself, with a nonce: after a lost answer Discord posts nothing twice for some minutes."""
        nonce = page_key(self.address, message.lane, message.page)[:NONCE_CHARS]
        body = {**self._build_body(message), "nonce": nonce, "enforce_nonce": True}
        sent = await self._rest.call("POST", "/channels/{channel_id}/messages", body, channel_id=channel)
        return int(sent["id"])

    def _build_body(self, message: Message, *, with_title: bool = True) -> dict[str, Any]:
        """Return the JSON of a message. `with_title`: the title stands above the text, since the bot itself speaks.

        The links of an end card lead to the messages that it speaks of.
        """
        head = f"**{message.title}**" if message.title and with_title else ""
        if message.kind == "end":
            message = replace(message, text=resolve_lane_links(message.text, self._list_addresses()))
        return build_body(message, self._run, self._page_mark(message), head=head)

    def _page_mark(self, message: Message) -> int:
        return page_mark(self.address, message.lane, message.page)

    def _list_addresses(self) -> dict[LaneId, str]:
        place = f"https://discord.com/channels/{self._address.guild or '@me'}/{self._thread or self._address.channel}"
        return {lane: f"{place}/{at}" for lane, at in self._sent.items()}
