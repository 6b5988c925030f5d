"""A run on Slack: its board in a channel, its turns in the board's thread, each seat under its own name.

In a thread that is there already everything stands in it. In a direct message no seat has a face, and turns are
streamed as Slack's own assistants are.
"""

from __future__ import annotations

import time
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from adapters.slack.addresses import Address, message_ref, read_ref
from adapters.slack.api import TOO_LONG, Api, Denied, Rejected, Workspace
from adapters.slack.budgets import bucket
from adapters.slack.dialect import SlackMarkdown, entities
from adapters.slack.layout import (
    HEAD_CHARS,
    PLAIN_CHARS,
    ROOM_CHARS,
    TEXT_CHARS,
    body,
    buttons,
    cut,
    headed_text,
    heading,
    markdown,
    username,
)
from adapters.slack.streams import Broken, Stream
from bot.domain.controls import Control
from bot.domain.run import LaneId, TurnId
from bot.domain.word_filter import WordFilter
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.ports import Forbidden, Gone, Kind, Message, MessageRef, Method, Paginator, RateLimited, SurfaceError

T = TypeVar("T")

LINKS = 12  # from the end card to what was said
LEAST_CHARS = 500  # a text is not halved below this
HALVINGS = 4
LOOKED_AT, LOOKS = 200, 10  # messages a page and pages, when looking for one of ours
SKEW_S = 60.0  # between our clock and Slack's
EVENT_TYPE = "moot_page"  # of the metadata by which a message is known again
SHARE = Control("share", "Share to channel")


class Opening(Protocol):
    """Whoever waits for a run to be seen."""

    def shown(self) -> None: ...

    def refused(self, why: str) -> None: ...


class Lacking:
    """What workspaces were found to lack, so that nobody asks again: the scope for names, native streams."""

    def __init__(self) -> None:
        self.faces: set[str] = set()
        self.streams: set[str] = set()


class SlackSurface:
    name = "Slack"
    room_chars = ROOM_CHARS

    def __init__(
        self,
        api: Api,
        at: Workspace,
        spot: Address,
        *,
        run: str,
        words: WordFilter,
        lacking: Lacking,
        reads_history: bool,
        opening: Opening | None = None,
        board: str | None = None,
        began_at: float | None = None,
    ) -> None:
        """`board`: its message, where it is there already. `began_at`: when the run did (wall seconds), if not now.
        With `reads_history` messages can be looked for."""
        self.address = spot.address
        self._api = api
        self._at = at
        self._spot = spot
        self._run = run
        self._words = words
        self._lacking = lacking
        self._looks = reads_history or spot.direct
        self._opening = opening
        self._thread = spot.thread or board
        self._began_at = began_at or time.time()
        self._turns: dict[LaneId, tuple[str, str]] = {}  # title and message, for the links of the end card
        self._streams: dict[LaneId, Stream] = {}
        self._stopping: set[LaneId] = set()  # streams whose end Slack put off

    def pages(self, kind: Kind) -> Paginator:
        return FilteredPages(OnePage(SlackMarkdown(), TEXT_CHARS - HEAD_CHARS), self._words)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        team = self._spot.team
        match method:
            case "post":  # what Slack will not stream is posted
                stream = (bucket(team, "chat.startStream"),) if self._would_stream(lane) else ()
                posts = (bucket(team, "chat.postMessage", self._spot.channel), bucket(team, "chat.postMessage"))
                return (*stream, *posts)
            case "edit" if lane in self._streams:
                return (bucket(team, "chat.stopStream" if lane in self._stopping else "chat.appendStream"),)
            case "edit":
                return (bucket(team, "chat.update"),)
            case "delete":
                return (bucket(team, "chat.delete"),)
            case "find":
                return (bucket(team, "conversations.replies" if self._thread else "conversations.history"),)

    async def post(self, message: Message) -> MessageRef:
        try:
            ts = await self._sent(message)
        except Forbidden as error:
            if message.kind == "board" and self._opening:
                self._opening.refused(str(error))
            raise
        if message.kind == "board":
            self._board_stands(ts)
        self._stands(message, ts)
        return message_ref(self._spot.team, self._spot.channel, ts)

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        """By the metadata that messages of ours carry; Slack gives a native stream none when it begins."""
        is_board = lane.stage == "board"
        if not self._looks or (self._thread is None and not is_board):
            return None
        try:
            ts = await self._marked(self._mark(lane, page))
        except (Rejected, Forbidden, Gone):
            return None
        if ts is None:
            return None
        if is_board:
            self._board_stands(ts)
        return message_ref(self._spot.team, self._spot.channel, ts)

    async def edit(self, ref: MessageRef, message: Message) -> None:
        channel, ts = read_ref(ref)
        self._stands(message, ts)
        stream = self._streams.get(message.lane)
        if stream is None or not await self._flowed(stream, message):
            await self._fitting(message, lambda fitting: self._update(channel, ts, fitting))

    async def delete(self, ref: MessageRef) -> None:
        channel, ts = read_ref(ref)
        await self._api.call(self._at, "chat.delete", channel=channel, ts=ts)

    async def share(self, text: str) -> None:
        """Markdown, in the thread and in the channel. Raises SurfaceError."""
        if self._thread is None or self._spot.thread:
            return
        page = self.pages("end").update(text, final=True)[0]
        made = {"text": cut(entities(page.text), PLAIN_CHARS), "blocks": [markdown(page.text)]}
        await self._call("chat.postMessage", thread_ts=self._thread, reply_broadcast=True, **made)

    def _board_stands(self, ts: str) -> None:
        self._thread = self._thread or ts
        if self._opening:
            self._opening.shown()

    def _stands(self, message: Message, ts: str) -> None:
        if message.kind == "turn":
            self._turns[message.lane] = (message.title, ts)

    async def _call(self, method: Any, **arguments: Any) -> dict[str, Any]:
        return await self._api.call(self._at, method, channel=self._spot.channel, **arguments)

    async def _sent(self, message: Message) -> str:
        if message.kind != "board" and self._thread is None:
            raise SurfaceError("the board is not there yet")
        streams = self._would_stream(message.lane) and not message.final
        if streams and (ts := await self._streamed(message)) is not None:
            return ts
        return await self._fitting(message, self._posted)

    async def _posted(self, message: Message) -> str:
        """As its seat; where the workspace has not granted names, under a heading."""
        face = {"username": username(message.title), "icon_url": message.face or None} if self._faced(message) else {}
        try:
            sent = await self._call(
                "chat.postMessage",
                **self._body(message),
                **{key: value for key, value in face.items() if value},
                **({"thread_ts": self._thread} if self._thread else {}),
                unfurl_links=False,
                unfurl_media=False,
            )
        except Denied as error:
            if not face or error.needed != "chat:write.customize":
                raise
            self._lacking.faces.add(self._spot.team)
            return await self._posted(message)
        return str(sent["ts"])

    async def _update(self, channel: str, ts: str, message: Message) -> None:
        made = self._body(message)
        try:
            await self._api.call(self._at, "chat.update", channel=channel, ts=ts, **made)
        except Rejected as error:
            if error.code != "streaming_state_conflict":  # an earlier process, or a lost answer, left its stream open
                raise
            await self._api.call(self._at, "chat.stopStream", channel=channel, ts=ts)
            await self._api.call(self._at, "chat.update", channel=channel, ts=ts, **made)

    def _would_stream(self, lane: LaneId) -> bool:
        return self._spot.direct and bool(lane.seat) and self._spot.team not in self._lacking.streams

    async def _streamed(self, message: Message) -> str | None:
        """The message of a stream that has begun; None: Slack will not have one, now or ever."""
        head = heading(message.title) + "\n\n"
        whom = {"recipient_user_id": self._spot.asker, "recipient_team_id": self._spot.team} if self._spot.asker else {}
        try:
            sent = await self._call("chat.startStream", thread_ts=self._thread, markdown_text=head, **whom)
        except (Rejected, Denied):
            self._lacking.streams.add(self._spot.team)
            return None
        ts, now = str(sent["ts"]), get_running_loop().time()
        self._streams[message.lane] = Stream(self._api, self._at, self._spot.channel, ts, head, now)
        return ts

    async def _flowed(self, stream: Stream, message: Message) -> bool:
        """Whether the stream has taken the text; else it is over, and the message is to be written whole."""
        text = headed_text(message)
        try:
            if not stream.goes_on(text, get_running_loop().time()):
                await stream.end(stream.sent, [])
            elif not message.final:
                await stream.grow(text)
                return True
            else:
                await stream.end(text, buttons(message.controls, self._run))
                self._left(message.lane)
                return True
        except RateLimited as error:
            if error.bucket == bucket(self._spot.team, "chat.stopStream"):
                self._stopping.add(message.lane)
            raise
        except Broken:
            pass  # an update of a message that streams still ends the stream first
        self._left(message.lane)
        return False

    def _left(self, lane: LaneId) -> None:
        self._streams.pop(lane, None)
        self._stopping.discard(lane)

    async def _fitting(self, message: Message, send: Callable[[Message], Awaitable[T]]) -> T:
        """Slack measures a text only when it has expanded it: what is too long then is halved."""
        for _ in range(HALVINGS):
            try:
                return await send(message)
            except Rejected as error:
                if error.code not in TOO_LONG or len(message.text) < LEAST_CHARS:
                    raise
                message = _shorter(message)
        return await send(message)

    def _faced(self, message: Message) -> bool:
        return bool(message.lane.seat) and not self._spot.direct and self._spot.team not in self._lacking.faces

    def _body(self, message: Message) -> dict[str, Any]:
        controls = message.controls
        if message.kind == "end" and not self._spot.thread and not self._spot.direct:
            controls = (*controls, SHARE)
        foot = self._links() if message.kind == "end" else ""
        made = body(replace(message, controls=controls), self._run, headed=not self._faced(message), foot=foot)
        return made | {"metadata": {"event_type": EVENT_TYPE, "event_payload": self._mark(message.lane, message.page)}}

    def _mark(self, lane: LaneId, page: int) -> dict[str, Any]:
        return {"nonce": self._spot.nonce, "lane": str(lane), "page": page}

    async def _marked(self, mark: dict[str, Any]) -> str | None:
        """The message with that mark, among those sent since the run began. Raises SurfaceError."""
        asked = {"limit": str(LOOKED_AT), "include_all_metadata": "true", "oldest": f"{self._began_at - SKEW_S:.6f}"}
        asked |= {"ts": self._thread} if self._thread else {}
        for _ in range(LOOKS):
            said = await self._call("conversations.replies" if self._thread else "conversations.history", **asked)
            for known in said.get("messages", ()):
                metadata = known.get("metadata", {})
                if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload") == mark:
                    return str(known["ts"])
            asked["cursor"] = (said.get("response_metadata") or {}).get("next_cursor") or ""
            if not asked["cursor"]:
                return None
        return None

    def _links(self) -> str:
        found = [
            f"<{self._at.url}archives/{self._spot.channel}/p{ts.replace('.', '')}"
            f"?thread_ts={self._thread}&amp;cid={self._spot.channel}|{entities(title).replace('|', ' ')}>"
            for title, ts in list(self._turns.values())[-LINKS:]
        ]
        return " · ".join(found)


def _shorter(message: Message) -> Message:
    page = OnePage(SlackMarkdown(), len(message.text) // 2).update(message.text, final=True)[0]
    read_on = Control("read_on", "Read on", TurnId(*message.lane))
    offers = message.kind == "turn" and all(control.action != "read_on" for control in message.controls)
    return replace(message, text=page.text, controls=(*message.controls, *((read_on,) if offers else ())))
