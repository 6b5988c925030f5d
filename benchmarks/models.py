"""What a seat's stream costs above litellm's own: CPU, first delta, event-loop lag, and memory over 1,000 streams.

`python -m benchmarks.models --json`. A server in a process of its own speaks 50 chunks a second to each of 50 streams
that begin together. Ours and bare litellm take turns in one process, in short rounds, as the speed of a shared machine
drifts: CPU is compared between neighbours (median of the ratios), first deltas and lags over all rounds together.
2,500 chunks a second are more than litellm can parse on one core, so that lag and first deltas are those of a loop
that it overloads.
Bare litellm is called as we call it, with its record of each answer, which we switch off, left on.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import psutil
from aiohttp import web

from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from bot.domain.asks import Ask, Part
from bot.domain.facts import Seat
from bot.models.catalogue import Model
from bot.models.speak import Speaker
from bot.settings import DeadlineSettings, RetrySettings

STREAMS = 50
CHUNKS = 40
CHUNKS_PER_S = 50
ROUNDS = 16
MEMORY_STREAMS = 1_000
MEMORY_CHUNKS = 20
TICK_S = 0.005
QUESTION = "Is it better to learn one programming language well, or several?"

Stream = Callable[[], Awaitable[float]]  # one stream, read to its end; seconds until its first text


class Round(NamedTuple):
    """One mode, once: CPU seconds of the process, each stream's first delta and each tick's lag (seconds)."""

    cpu_s: float
    firsts_s: list[float]
    lags_s: list[float]


class Mode(NamedTuple):
    """All rounds of a mode."""

    rounds: list[Round]

    @property
    def cpu_s(self) -> list[float]:
        return [one.cpu_s for one in self.rounds]

    @property
    def first_s(self) -> float:
        return statistics.median(first for one in self.rounds for first in one.firsts_s)

    @property
    def lag_s(self) -> float:
        """The 99th percentile."""
        return statistics.quantiles((lag for one in self.rounds for lag in one.lags_s), n=100)[98]


def main() -> int:
    args = report.arguments(__doc__).parse_args()
    return report.run("models", measure, as_json=args.json)


def measure() -> Report:
    with serving() as url:
        return asyncio.run(_measure(url))


async def _measure(url: str) -> Report:
    async with ours(f"{url}/{CHUNKS}") as stream:
        modes = {"bare litellm": bare(f"{url}/{CHUNKS}"), "ours": stream}
        for mode in modes.values():
            await played(mode)  # whatever is made once
        found = {name: Mode([]) for name in modes}
        for number in range(ROUNDS):
            for name in sorted(modes, reverse=bool(number % 2)):
                found[name].rounds.append(await played(modes[name]))
    async with ours(f"{url}/{MEMORY_CHUNKS}") as stream:
        rss = await memory(stream)
    return Report(
        [*(scene(name, mode) for name, mode in found.items()), _memory_scene(rss)],
        bars(found["ours"], found["bare litellm"], rss),
    )


def scene(name: str, mode: Mode) -> Scene:
    chunks = STREAMS * CHUNKS
    return {
        "scene": f"{name}, {STREAMS} streams of {CHUNKS_PER_S} chunks/s",
        "cpu_us_a_chunk": round(statistics.median(mode.cpu_s) / chunks * 1e6, 1),
        "first_delta_ms": round(mode.first_s * 1e3, 1),
        "lag_p99_ms": round(mode.lag_s * 1e3, 1),
    }


def _memory_scene(rss: list[int]) -> Scene:
    return {
        "scene": f"ours, {MEMORY_STREAMS} streams one after another, {STREAMS} at once",
        **{f"rss_mb_quarter_{n}": round(mean / 2**20, 1) for n, mean in enumerate(_quarters(rss), 1)},
    }


def bars(mine: Mode, peer: Mode, rss: list[int]) -> list[Bar]:
    _, second, _, last = _quarters(rss)
    cpu = statistics.median(a / b for a, b in zip(mine.cpu_s, peer.cpu_s, strict=True))
    return [
        Bar("CPU above bare litellm's", round((cpu - 1) * 100, 1), 10.0, "%"),
        Bar("first delta, median", round(mine.first_s / peer.first_s, 3), 1.25, "× bare litellm's"),
        Bar("loop lag, p99", round(mine.lag_s / peer.lag_s, 3), 1.25, "× bare litellm's"),
        Bar("memory, last quarter over second", round((last / second - 1) * 100, 2), 2.0, "%"),
    ]


def _quarters(samples: list[int]) -> list[float]:
    size = len(samples) // 4
    return [statistics.fmean(samples[n * size : (n + 1) * size]) for n in range(4)]


async def played(stream: Stream) -> Round:
    """All streams at once."""
    lags: list[float] = []
    ticking = asyncio.create_task(_tick(lags))
    before = time.process_time()
    firsts = await asyncio.gather(*(stream() for _ in range(STREAMS)))
    cpu_s = time.process_time() - before
    ticking.cancel()
    return Round(cpu_s, firsts, lags)


async def _tick(lags: list[float]) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due = now() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append(now() - due)


async def memory(stream: Stream) -> list[int]:
    """Resident bytes after each batch."""
    process, samples = psutil.Process(), []
    for _ in range(MEMORY_STREAMS // STREAMS):
        await asyncio.gather(*(stream() for _ in range(STREAMS)))
        samples.append(int(process.memory_info().rss))
    return samples


@asynccontextmanager
async def ours(base: str) -> AsyncIterator[Stream]:
    model = Model("m", "hosted_vllm/test", "M", "p", api_base=base, concurrency=STREAMS)
    speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings())
    await speaker.warm_up()

    async def stream() -> float:
        start, first = time.monotonic(), 0.0
        async with aclosing(speaker.speak(Seat("a", "m", "A"), Ask((Part("user", QUESTION),)))) as deltas:
            async for delta in deltas:
                if delta.text and not first:
                    first = time.monotonic()
        return first - start

    try:
        yield stream
    finally:
        await speaker.aclose()


def bare(base: str) -> Stream:
    """litellm alone, as anybody would read it."""

    async def stream() -> float:
        import litellm  # slow; loaded by `ours`, which is warmed up first

        start, first = time.monotonic(), 0.0
        answer: Any = await litellm.acompletion(
            model="hosted_vllm/test",
            messages=[{"role": "user", "content": QUESTION}],
            api_base=base,
            api_key="none",
            stream=True,
            stream_options={"include_usage": True},
            max_retries=0,
            drop_params=True,
        )
        try:
            async for chunk in answer:
                if chunk.choices and chunk.choices[0].delta.content and not first:
                    first = time.monotonic()
        finally:
            await answer.aclose()
        return first - start

    return stream


@contextmanager
def serving() -> Iterator[str]:
    """The server's URL; `/N/chat/completions` answers with N chunks."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        if not here.poll(30):
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def serve(parent: Connection) -> None:
    asyncio.run(_serve(parent))


async def _serve(parent: Connection) -> None:
    app = web.Application()
    app.router.add_post("/{chunks}/chat/completions", _speak)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=STREAMS * 2).start()
    parent.send(runner.addresses[0][1])
    await asyncio.Event().wait()


async def _speak(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    now = asyncio.get_running_loop().time
    start = now()
    for number in range(int(request.match_info["chunks"])):
        await asyncio.sleep(max(0.0, start + number / CHUNKS_PER_S - now()))
        await response.write(_event([{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}]))
    await response.write(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    await response.write(_event([], usage={"prompt_tokens": 12, "completion_tokens": 200, "total_tokens": 212}))
    await response.write(b"data: [DONE]\n\n")
    return response


def _event(choices: list[dict[str, Any]], **fields: object) -> bytes:
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "test", "choices": choices, **fields}
    return f"data: {json.dumps(body)}\n\n".encode()


if __name__ == "__main__":
    sys.exit(main())
