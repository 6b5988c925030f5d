"""The models behind all seats: one OpenAI-compatible server whose answer follows from what it is asked, word for word.

Each answer begins with a key, a digest of the model and its messages. The key tells which call a text came from,
shows a question that a restart has changed, and lets paid answers be counted.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from itertools import count
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from benchmarks.live.scenes import RESULTS
from tests.servers.model_server import Reply, chunk, sse

Moment = Literal["stream", "ballot", "chair"]
BALLOTS = ("council.review",)
CHAIRS = ("council.chair", "debate.judge", "debate.scores")
KEY = re.compile(r"\bk[0-9a-f]{12}\b")
TAG = re.compile(r"\bQ\d{4,}\b")
_STAGE = re.compile(r"\[stage ([a-z]+\.[a-z]+)\]")
_LETTERS = re.compile(r"Rank the answers (.+?), best first\.")
_NAMES = re.compile(r"Score (.+?) now\.")
LEAST_CHARS, MOST_CHARS = 120, 700
NOTHING = 0  # of a reply: no status is sent
WORDS = ("the", "table", "holds", "that", "a", "question", "has", "more", "sides", "than", "one", "answer", "shows")


@dataclass(slots=True)
class Call:
    """One answer that was asked for: wall times, and what was sent. `tag` names the run's question."""

    key: str
    tag: str
    model: str
    stage: str
    at: float
    text: str
    sent: int = 0  # characters that left the server
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of answers: `first_s` until the first piece, then `chars` characters each `gap_s` (seconds).

    A model that is asked again says at once what it had said, so that the wait for new text is the bot's own.
    """

    first_s: float = 0.15
    gap_s: float = 0.08
    chars: int = 40


@dataclass(slots=True)
class Models:
    """The models' server, to be entered with `async with`.

    `on_moment` is called with each moment as it happens; `misbehave` may return what is sent instead of an answer.
    """

    pace: Pace = Pace()
    on_moment: Callable[[Moment], None] = lambda moment: None
    misbehave: Callable[[Call], Reply | None] = lambda call: None
    calls: list[Call] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/{model}/chat/completions", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None  # made on entering
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = _make_call(request.match_info["model"], await request.json())
        self.calls.append(call)
        try:
            if (reply := self.misbehave(call)) is not None:
                return await _write_reply(request, reply)
            return await self._stream_answer(request, call)
        finally:
            call.ended_at = time.time()

    async def _stream_answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(self.pace.first_s)
        moment: Moment = "ballot" if call.stage in BALLOTS else "chair" if call.stage in CHAIRS else "stream"
        before = max((c.sent for c in self.calls if c.key == call.key), default=0)
        while call.sent < len(call.text):
            upto = before if call.sent < before else call.sent + self.pace.chars
            piece = call.text[call.sent : upto]
            await response.write(sse(chunk(piece))[0])
            call.sent += len(piece)
            self.on_moment(moment)
            await asyncio.sleep(self.pace.gap_s)
        usage = {
            "prompt_tokens": 20,
            "completion_tokens": len(call.text) // 4,
            "total_tokens": 20 + len(call.text) // 4,
        }
        await response.write(b"".join(sse(chunk(finish="stop"), chunk(usage=usage), "[DONE]")))
        return response


async def _write_reply(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send what a fault says; with status NOTHING the connection is torn before any byte."""
    if reply.status == NOTHING:
        assert request.transport is not None  # it is still being served
        request.transport.abort()
        return web.Response()
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    await response.prepare(request)
    for piece in reply.pieces:
        await asyncio.sleep(reply.gap_s)
        await response.write(piece)
    match reply.then:
        case "hang":
            await asyncio.Event().wait()
        case "repeat":
            while True:
                await response.write(reply.pieces[-1])
                await asyncio.sleep(reply.gap_s)
        case "reset" if request.transport is not None:
            request.transport.abort()
        case _:
            pass
    return response


def _make_call(model: str, body: Mapping[str, Any]) -> Call:
    asked = "\n".join(str(message["content"]) for message in body["messages"])
    key = "k" + sha256(json.dumps([model, body["messages"]]).encode()).hexdigest()[:12]
    *_, stage = ("", *_STAGE.findall(asked))  # what is to be done now stands last
    tag = TAG.search(asked)
    text = _write_text(key, asked, stage, body.get("response_format"))
    return Call(key, tag[0] if tag else "", model, stage, time.time(), text)


def _write_text(key: str, asked: str, stage: str, form: Mapping[str, Any] | None) -> str:
    """Return the answer to a question, which is the same every time."""
    dice = Random(key)
    match stage:
        case "council.review":
            letters = re.findall(r"\b[A-Z]\b", _LETTERS.findall(asked)[-1])
            return "\n".join(
                [f"{key} has read them.", "FINAL RANKING:", *(f"{n}. {x}" for n, x in zip(count(1), letters))]
            )
        case "debate.scores" if form is not None:
            row = form["json_schema"]["schema"]["properties"]["scores"]["items"]["properties"]
            marks = {name: 7 for name in row if name != "debater"}
            scores = [{"debater": name, **marks} for name in row["debater"]["enum"]]
            return json.dumps({"key": key, "scores": scores, "winner": "tie"})
        case "debate.judge":
            return f"{key} {_draw_answer(dice)}\n\nVERDICT: the debate supports both sides."
        case _:
            return f"{key} {_draw_answer(dice)}"


def _draw_answer(dice: Random) -> str:
    said = dice.choice(_load_answers())
    return said[: dice.randint(LEAST_CHARS, MOST_CHARS)].strip()


@cache
def _load_answers() -> Sequence[str]:
    """Return recorded answers (LLMFAO's, CC BY 4.0) without any markup; drawn words where these are absent."""
    if not RESULTS.exists():
        return [" ".join(Random(n).choices(WORDS, k=120)) for n in range(50)]
    rows = (json.loads(line)["result"] for line in RESULTS.read_text("utf-8").splitlines())
    plain = (" ".join(re.findall(r"[A-Za-z]+[,.]?", text)) for text in rows)
    return [text for text in plain if len(text) >= LEAST_CHARS]
