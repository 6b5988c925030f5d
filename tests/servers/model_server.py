"""An OpenAI-compatible model server for tests: it gives set replies, replays recordings and fails on demand."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

CHAT = "/v1/chat/completions"

Recording = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One response of the server: its pieces are written one by one, each after `gap_s` seconds.

    The last piece waits for `release`, where there is one. After it `then` decides what follows. "end": the body ends
    as it should. "hang": nothing more comes and the connection stays open. "reset": the connection is torn. "repeat":
    the last piece is sent again and again.
    """

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    gap_s: float = 0.0
    then: Literal["end", "hang", "reset", "repeat"] = "end"
    release: asyncio.Event | None = None


@dataclass(slots=True)
class Request:
    """One request as the server received it, with loop times.

    `written_at` has one time per piece. `ended_at` is when the exchange was over, whichever side ended it.
    """

    path: str
    headers: Mapping[str, str]
    body: Any
    at: float
    written_at: list[float] = field(default_factory=list)
    ended_at: float | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    left_early: bool = False  # the client closed the connection before the reply was over


MakeReply = Callable[[Request], Reply]


def sse(*data: object) -> tuple[bytes, ...]:
    """Return server-sent events, one per piece: text goes out as it is, anything else as JSON."""
    return tuple(f"data: {d if isinstance(d, str) else json.dumps(d)}\n\n".encode() for d in data)


def chunk(
    content: str | None = None, finish: str | None = None, usage: Mapping[str, int] | None = None, **delta: object
) -> dict[str, object]:
    """Return a `chat.completion.chunk` of OpenAI's API; with `usage` it has no choices."""
    body: dict[str, object] = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "test"}
    if usage is not None:
        return {**body, "choices": [], "usage": usage}
    said = {**({} if content is None else {"content": content}), **delta}
    return {**body, "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def answer(*texts: str, finish: str = "stop", usage: tuple[int, int] | None = (7, 5), gap_s: float = 0.0) -> Reply:
    """Return a complete answer that streams these texts.

    `usage` holds the input and output tokens; with None no usage is sent.
    """
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)} if usage else None
    last = [chunk(usage=counted)] if counted else []
    return Reply(sse(*map(chunk, texts), chunk(finish=finish), *last, "[DONE]"), gap_s=gap_s)


def error(status: int, message: str = "no", headers: Mapping[str, str] | None = None, **fields: str) -> Reply:
    """Return an error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "test", **fields}})
    return Reply((body.encode(),), status, {"Content-Type": "application/json", **(headers or {})})


def model_list(*names: str) -> Reply:
    """Return the list of these models, as `GET /v1/models` gives it."""
    body = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
    return Reply((body.encode(),), headers={"Content-Type": "application/json"})


def replay(recording: Recording) -> Reply:
    """Return a recorded stream, byte for byte, with one event per piece."""
    events = recording["sse"].encode().split(b"\n\n")
    pieces = tuple(event + b"\n\n" for event in events[:-1]) + ((events[-1],) if events[-1] else ())
    return Reply(pieces, recording["status"], {"Content-Type": recording["content_type"]})


def recordings(directory: Path) -> dict[str, Recording]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(directory.glob("*.json"))}


class ModelServer:
    """A model server on 127.0.0.1, used as `async with ModelServer() as server:`.

    Each path gives its replies in order and then repeats the last one; a function makes a reply of the request. A path
    without replies answers 404. `log` holds every request, the newest last.
    """

    def __init__(self) -> None:
        self.log: list[Request] = []
        self._replies: defaultdict[str, deque[Reply | MakeReply]] = defaultdict(deque)
        self._port = 0
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """The server's address, without a path and without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    def tell(self, *replies: Reply | MakeReply, path: str = CHAT) -> None:
        """Set the replies that `path` (without a query) gives from now on."""
        self._replies[path] = deque(replies)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        body = await request.json() if request.can_read_body else None
        seen = Request(request.path, dict(request.headers), body, loop.time(), query=dict(request.query))
        self.log.append(seen)
        try:
            return await self._send_reply(request, self._next_reply(seen), seen)
        except (asyncio.CancelledError, ConnectionError):
            seen.left_early = True
            raise
        finally:
            seen.ended_at = loop.time()

    def _next_reply(self, seen: Request) -> Reply:
        replies = self._replies[seen.path]
        if not replies:
            return error(404, f"nothing at {seen.path}")
        reply = replies.popleft() if len(replies) > 1 else replies[0]
        return reply if isinstance(reply, Reply) else reply(seen)

    async def _send_reply(self, request: web.Request, reply: Reply, seen: Request) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(request)
        first = reply.pieces if reply.release is None else reply.pieces[:-1]
        await self._write(response, first, reply.gap_s, seen)
        if reply.release is not None:
            await reply.release.wait()
            await self._write(response, reply.pieces[-1:], 0.0, seen)
        match reply.then:
            case "hang":
                await asyncio.Event().wait()
            case "repeat":
                while True:
                    await self._write(response, reply.pieces[-1:], reply.gap_s, seen)
            case "reset" if request.transport is not None:
                request.transport.abort()
        return response

    async def _write(self, response: web.StreamResponse, pieces: Iterable[bytes], gap_s: float, seen: Request) -> None:
        for piece in pieces:
            await asyncio.sleep(gap_s)
            await response.write(piece)
            seen.written_at.append(asyncio.get_running_loop().time())
