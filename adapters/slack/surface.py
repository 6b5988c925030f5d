"""A run on Slack: its board in a channel, its turns in the board's thread, each seat under its own name.

A run in an existing thread stands in it as a whole. In a direct message turns are streamed as those of Slack's own
assistants are, and the run is a session with Slack's stop button.
"""

from __future__ import annotations

import time
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from adapters.slack.addresses import Address, link_message, message_ref, read_ref
from adapters.slack.api import TOO_LONG, Api, Denied, Rejected, Workspace
from adapters.slack.budgets import method_bucket
from adapters.slack.dialect import SlackMarkdown, escape_entities
from adapters.slack.layout import (
    HEAD_CHARS,
    PLAIN_CHARS,
    ROOM_CHARS,
    TEXT_CHARS,
    build_payload,
    button_rows,
    card_block,
    markdown_block,
    seat_username,
    shorten_escaped,
    title_heading,
    titled_text,
)
from adapters.slack.sessions import AgentSession
from adapters.slack.streams import MessageStream, StreamBroken
from bot.concurrency import make_aside
from bot.domain.answer_cards import AnswerCard
from bot.domain.controls import Control
from bot.domain.lane_links import resolve_lane_links
from bot.domain.run import LaneId, TurnId
from bot.domain.word_filter import WordFilter
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.ports.store import PostedPage
from bot.ports.surface import Forbidden, Gone, Kind, Message, MessageRef, Method, Paginator, RateLimited, SurfaceError

log = structlog.get_logger()

T = TypeVar("T")

MIN_CHARS = 500  # a shorter text is not halved
HALVINGS = 4
PAGE_SIZE, MAX_PAGES = 200, 10  # messages a page and pages, when looking for one of ours
SKEW_S = 60.0  # between our clock and Slack's
EVENT_TYPE = "moot_page"  # of the metadata by which a message is found again


class BoardWatcher(Protocol):
    """Somebody who waits for a run's board."""

    def confirm(self) -> None:
        """Hear that it is shown."""
        ...

    def refuse(self, why: str) -> None:
        """Hear why it cannot be shown."""
        ...


SILENT_S = 2.5  # a seat that says nothing for so long gets a message without words


class SlackSurface:
    """One run's place on Slack, as a `Surface`."""

    name = "Slack"
    room_chars = ROOM_CHARS

    def __init__(
        self,
        api: Api,
        workspace: Workspace,
        address: Address,
        *,
        run: str,
        words: WordFilter,
        reads_history: bool,
        opening: BoardWatcher | None = None,
        posted: Sequence[PostedPage] = (),
        began_at: float | None = None,
        title: str = "",
    ) -> None:
        """Show a run at an address. `posted`: the messages of the run that are here already.

        `began_at`: the start of the run (wall seconds), if not now. `reads_history`: we may search for messages.
        `title`: of its session, where that is new.
        """
        self.address = address.text
        self._api = api
        self._workspace = workspace
        self._address = address
        self._run = run
        self._words = words
        self._missing = api.missing
        self._looks = reads_history or address.is_direct
        self._opening = opening
        self._sent = {p.lane: read_ref(p.ref)[1] for p in posted}  # lane → its message
        self._thread = address.thread or next((ts for lane, ts in self._sent.items() if lane.stage == "board"), None)
        self._began_at = began_at or time.time()
        self._session = AgentSession(api, workspace, address, words.censor(title))
        # posts have a limit of their own, far above that of edits; a stream begins as early as it can
        self.placeholder_after_s = 0.0 if address.is_direct else SILENT_S
        self._streams: dict[LaneId, MessageStream] = {}
        self._stopping: set[LaneId] = set()  # lanes of streams whose end Slack put off

    def pages(self, kind: Kind) -> Paginator:
        return FilteredPages(OnePage(SlackMarkdown(), TEXT_CHARS - HEAD_CHARS), self._words)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        team = self._address.team
        match method:
            case "post":  # a message that Slack does not stream is posted
                stream = (method_bucket(team, "chat.startStream"),) if self._may_stream(lane) else ()
                posts = (
                    method_bucket(team, "chat.postMessage", self._address.channel),
                    method_bucket(team, "chat.postMessage"),
                )
                return (*stream, *posts)
            case "edit" if lane in self._streams:
                return (method_bucket(team, "chat.stopStream" if lane in self._stopping else "chat.appendStream"),)
            case "edit":
                return (method_bucket(team, "chat.update"),)
            case "delete":
                return (method_bucket(team, "chat.delete"),)
            case "find":
                return (method_bucket(team, "conversations.replies" if self._thread else "conversations.history"),)

    async def post(self, message: Message) -> MessageRef:
        try:
            ts = await self._send(message)
        except Forbidden as error:
            if message.kind == "board" and self._opening:
                self._opening.refuse(str(error))
            raise
        if message.kind == "board":
            self._note_board(ts)
        self._sent[message.lane] = ts
        await self._show_session(message)
        return message_ref(self._address.team, self._address.channel, ts)

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        """Find a message by the metadata that ours carry. A native stream has none when it begins."""
        is_board = lane.stage == "board"
        if not self._looks or (self._thread is None and not is_board):
            return None
        try:
            ts = await self._find_marked(self._page_mark(lane, page))
        except (Rejected, Forbidden, Gone):
            return None
        if ts is None:
            return None
        if is_board:
            self._note_board(ts)
        return message_ref(self._address.team, self._address.channel, ts)

    async def edit(self, ref: MessageRef, message: Message) -> None:
        channel, ts = read_ref(ref)
        self._sent[message.lane] = ts
        stream = self._streams.get(message.lane)
        if stream is None or not await self._write_stream(stream, message):
            await self._send_fitting(message, lambda shorter: self._update(channel, ts, shorter))
        await self._show_session(message)

    async def delete(self, ref: MessageRef) -> None:
        channel, ts = read_ref(ref)
        await self._api.call(self._workspace, "chat.delete", channel=channel, ts=ts)

    @property
    def may_share(self) -> bool:
        """Return whether the channel sees nothing of the end yet: the board has a thread of its own there."""
        return not self._address.thread and not self._address.is_direct

    async def share(self, text: str) -> None:
        """Post Markdown to the thread and to the channel. Raises SurfaceError."""
        if self._thread is None or self._address.thread:
            return
        [page] = await make_aside(partial(self.pages("end").update, final=True), text)
        body = {"text": shorten_escaped(escape_entities(page.text), PLAIN_CHARS), "blocks": [markdown_block(page.text)]}
        await self._call("chat.postMessage", thread_ts=self._thread, reply_broadcast=True, **body)

    def _note_board(self, ts: str) -> None:
        self._thread = self._thread or ts
        if self._opening:
            self._opening.confirm()

    async def _show_session(self, message: Message) -> None:
        """Show by the board whether the run goes on; its end card comes before the last edit of the board."""
        if message.kind in ("board", "end"):
            await self._session.show(self._thread, goes_on=message.kind == "board" and not message.final)

    async def _call(self, method: Any, **arguments: Any) -> dict[str, Any]:
        return await self._api.call(self._workspace, method, channel=self._address.channel, **arguments)

    async def _send(self, message: Message) -> str:
        if message.kind != "board" and self._thread is None:
            raise SurfaceError("the board is not there yet")
        streams = self._may_stream(message.lane) and not message.final
        if streams and (ts := await self._start_stream(message)) is not None:
            return ts
        return await self._send_fitting(message, self._post_whole)

    async def _post_whole(self, message: Message) -> str:
        """Post a message as its seat; under a heading where the workspace has not granted names."""
        author = self._read_author(message)
        try:
            sent = await self._call(
                "chat.postMessage",
                **self._build_payload(message),
                **author,
                **({"thread_ts": self._thread} if self._thread else {}),
                unfurl_links=False,
                unfurl_media=False,
            )
        except Denied as error:
            if not self._learn_nameless(author, error):
                raise
            return await self._post_whole(message)
        return str(sent["ts"])

    async def _update(self, channel: str, ts: str, message: Message) -> None:
        body = self._build_payload(message)
        try:
            await self._api.call(self._workspace, "chat.update", channel=channel, ts=ts, **body)
        except Rejected as error:
            if error.code != "streaming_state_conflict":  # a stream is open since an earlier process or a lost answer
                raise
            await self._api.call(self._workspace, "chat.stopStream", channel=channel, ts=ts)
            await self._api.call(self._workspace, "chat.update", channel=channel, ts=ts, **body)

    def _may_stream(self, lane: LaneId) -> bool:
        return self._address.is_direct and bool(lane.seat) and self._address.team not in self._missing.streams

    async def _start_stream(self, message: Message) -> str | None:
        """Begin a stream as its seat and return its message; None: this workspace has no streams."""
        author = self._read_author(message)
        head = "" if author else title_heading(message.title) + "\n\n"
        recipient: dict[str, str] = {}
        if asker := self._address.asker:
            recipient = {"recipient_user_id": asker, "recipient_team_id": self._address.team}
        try:
            text = {"markdown_text": head} if head else {}
            sent = await self._call("chat.startStream", thread_ts=self._thread, **text, **recipient, **author)
        except (Rejected, Denied) as error:
            if self._learn_nameless(author, error):
                return await self._start_stream(message)
            self._missing.streams.add(self._address.team)
            return None
        ts, now = str(sent["ts"]), get_running_loop().time()
        self._streams[message.lane] = MessageStream(self._api, self._workspace, self._address.channel, ts, head, now)
        return ts

    async def _write_stream(self, stream: MessageStream, message: Message) -> bool:
        """Write to the stream; return whether it took the text. Else it is over: write the message whole."""
        text = message.text if self._has_own_name(message) else titled_text(message)
        try:
            if not stream.may_continue(text, get_running_loop().time()):
                await stream.end(stream.sent, [])
            elif not message.final:
                await stream.append(text)
                return True
            else:
                await stream.end(text, button_rows(message.controls, self._run))
                self._drop_stream(message.lane)
                return True
        except RateLimited as error:
            if error.bucket == method_bucket(self._address.team, "chat.stopStream"):
                self._stopping.add(message.lane)
            raise
        except StreamBroken:
            pass  # `_update` ends the stream if it is still open
        self._drop_stream(message.lane)
        return False

    def _drop_stream(self, lane: LaneId) -> None:
        self._streams.pop(lane, None)
        self._stopping.discard(lane)

    async def _send_fitting(self, message: Message, send: Callable[[Message], Awaitable[T]]) -> T:
        """Send a message, halving its text while Slack says that it is too long, which only Slack can tell."""
        for _ in range(HALVINGS):
            try:
                return await send(message)
            except Rejected as error:
                if error.code == "invalid_blocks" and self._draws_cards(message):
                    log.info("answers are text here: Slack refused cards", workspace=self._address.team)
                    self._missing.blocks.add(self._address.team)
                    continue
                if error.code not in TOO_LONG or len(message.text) < MIN_CHARS:
                    raise
                message = _shorten(message)
        return await send(message)

    def _has_own_name(self, message: Message) -> bool:
        return bool(message.lane.seat) and self._address.team not in self._missing.names

    def _read_author(self, message: Message) -> dict[str, str]:
        """Return the seat's name and face as arguments of a call; none where messages have no names of their own."""
        if not self._has_own_name(message):
            return {}
        return {"username": seat_username(message.title)} | ({"icon_url": message.face} if message.face else {})

    def _learn_nameless(self, author: Mapping[str, str], error: SurfaceError) -> bool:
        """Return whether a call was refused for the name that it had, and remember that."""
        if not author or not isinstance(error, Denied) or error.needed != "chat:write.customize":
            return False
        self._missing.names.add(self._address.team)
        return True

    def _build_payload(self, message: Message) -> dict[str, Any]:
        cards: list[dict[str, Any]] = []
        if message.kind == "end":
            addresses = self._list_addresses()
            if self._draws_cards(message):
                cards = [self._draw_card(card, addresses) for card in message.answers]
                message = self._without_drawn(message)
            message = replace(message, text=resolve_lane_links(message.text, addresses))
        body = build_payload(message, self._run, with_title=not self._has_own_name(message), cards=cards)
        return body | {
            "metadata": {"event_type": EVENT_TYPE, "event_payload": self._page_mark(message.lane, message.page)}
        }

    def _page_mark(self, lane: LaneId, page: int) -> dict[str, Any]:
        return {"nonce": self._address.nonce, "lane": str(lane), "page": page}

    async def _find_marked(self, mark: dict[str, Any]) -> str | None:
        """Return the message with that mark, among those sent since the run began. Raises SurfaceError."""
        query = {"limit": str(PAGE_SIZE), "include_all_metadata": "true", "oldest": f"{self._began_at - SKEW_S:.6f}"}
        query |= {"ts": self._thread} if self._thread else {}
        for _ in range(MAX_PAGES):
            answer = await self._call("conversations.replies" if self._thread else "conversations.history", **query)
            for known in answer.get("messages", ()):
                metadata = known.get("metadata", {})
                if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload") == mark:
                    return str(known["ts"])
            query["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not query["cursor"]:
                return None
        return None

    def _draws_cards(self, message: Message) -> bool:
        return bool(message.answers) and self._address.team not in self._missing.blocks

    def _draw_card(self, card: AnswerCard, addresses: Mapping[LaneId, str]) -> dict[str, Any]:
        shown = replace(card, beginning=self._words.censor(card.beginning))
        return card_block(shown, addresses.get(card.lane, "").replace("&amp;", "&"))

    def _without_drawn(self, message: Message) -> Message:
        """Return the end card without the paragraphs that stand on its cards."""
        text = message.text
        for paragraph in (p for card in message.answers for p in card.paragraphs):
            [page] = self.pages("end").update(paragraph, final=True)
            text = text.replace(f"{page.text.strip()}\n\n", "", 1)
        return replace(message, text=text)

    def _list_addresses(self) -> dict[LaneId, str]:
        url, channel, thread = self._workspace.url, self._address.channel, self._thread or ""
        return {lane: link_message(url, channel, ts, thread) for lane, ts in self._sent.items()}


def _shorten(message: Message) -> Message:
    """Return a message with half its text and a button to read on."""
    page = OnePage(SlackMarkdown(), len(message.text) // 2).update(message.text, final=True)[0]
    read_on = Control("read_on", "Read on", TurnId(*message.lane))
    may_read_on = message.kind == "turn" and all(control.action != "read_on" for control in message.controls)
    return replace(message, text=page.text, controls=(*message.controls, *((read_on,) if may_read_on else ())))
