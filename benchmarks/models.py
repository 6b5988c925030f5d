"""The cost of a seat's stream above litellm's own: CPU, first delta, event-loop lag, and memory over 1,000 streams.

`python -m benchmarks.models --json`. A server in a process of its own speaks 50 chunks a second to each of 50 streams
that begin together. Ours and bare litellm take turns in one process, in short rounds, because the speed of a shared
machine drifts: CPU is compared between neighbours (median of the ratios), first deltas and lags over all rounds
together. 2,500 chunks a second are more than litellm can parse on one core, so lags and first deltas are those of an
overloaded loop. Bare litellm is called as we call it, but keeps its record of each answer, which we switch off.
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
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import psutil
from aiohttp import web

from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from bot.domain.asks import Ask, Part
from bot.domain.run import Seat
from bot.models.catalogue import Model
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings

CHUNKS = 40
CHUNKS_PER_S = 50
MEMORY_CHUNKS = 20
TICK_S = 0.005
QUESTION = "Is it better to learn one programming language well, or several?"

Stream = Callable[[], Awaitable[float]]  # reads one stream to its end; returns the seconds until its first text


class Size(NamedTuple):
    """Streams at once, rounds of each mode, and batches of streams over which memory is measured."""

    streams: int = 50
    rounds: int = 16
    batches: int = 20


class Round(NamedTuple):
    """Seconds of one mode in one round: CPU of the process, each stream's first delta, each tick's lag."""

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
    def median_first_s(self) -> float:
        return statistics.median(first for one in self.rounds for first in one.firsts_s)

    @property
    def p99_lag_s(self) -> float:
        return statistics.quantiles((lag for one in self.rounds for lag in one.lags_s), n=100)[98]


def main() -> int:
    parser, usual = report.make_parser(__doc__), Size()
    parser.add_argument("--streams", type=int, default=usual.streams, help="streams at once")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="rounds of each mode")
    parser.add_argument("--batches", type=int, default=usual.batches, help="batches for the memory, four at least")
    args = parser.parse_args()
    return report.run_benchmark(
        "models", partial(measure, Size(args.streams, args.rounds, args.batches)), as_json=args.json
    )


def measure(size: Size) -> Report:
    with run_server(size.streams) as url:
        return asyncio.run(_measure(url, size))


async def _measure(url: str, size: Size) -> Report:
    async with open_ours(f"{url}/{CHUNKS}", size.streams) as stream:
        modes = {"bare litellm": make_bare(f"{url}/{CHUNKS}"), "ours": stream}
        for mode in modes.values():
            await play_round(mode, size.streams)  # does what is done only once, before anything is measured
        found = {name: Mode([]) for name in modes}
        for number in range(size.rounds):
            for name in sorted(modes, reverse=bool(number % 2)):
                found[name].rounds.append(await play_round(modes[name], size.streams))
    async with open_ours(f"{url}/{MEMORY_CHUNKS}", size.streams) as stream:
        rss = await sample_memory(stream, size)
    return Report(
        [*(make_scene(name, mode, size.streams) for name, mode in found.items()), _make_memory_scene(rss, size)],
        make_bars(found["ours"], found["bare litellm"], rss),
    )


def make_scene(name: str, mode: Mode, streams: int) -> Scene:
    chunks = streams * CHUNKS
    return {
        "scene": f"{name}, {streams} streams of {CHUNKS_PER_S} chunks/s",
        "cpu_us_a_chunk": round(statistics.median(mode.cpu_s) / chunks * 1e6, 1),
        "first_delta_ms": round(mode.median_first_s * 1e3, 1),
        "lag_p99_ms": round(mode.p99_lag_s * 1e3, 1),
    }


def _make_memory_scene(rss: list[int], size: Size) -> Scene:
    return {
        "scene": f"ours, {size.batches * size.streams} streams one after another, {size.streams} at once",
        **{f"rss_mb_quarter_{n}": round(mean / 2**20, 1) for n, mean in enumerate(_average_quarters(rss), 1)},
    }


def make_bars(mine: Mode, peer: Mode, rss: list[int]) -> list[Bar]:
    _, second, _, last = _average_quarters(rss)
    cpu = statistics.median(a / b for a, b in zip(mine.cpu_s, peer.cpu_s, strict=True))
    return [
        Bar("CPU above bare litellm's", round((cpu - 1) * 100, 1), 10.0, "%"),
        Bar("first delta, median", round(mine.median_first_s / peer.median_first_s, 3), 1.25, "× bare litellm's"),
        Bar("loop lag, p99", round(mine.p99_lag_s / peer.p99_lag_s, 3), 1.25, "× bare litellm's"),
        Bar("memory, last quarter over second", round((last / second - 1) * 100, 2), 2.0, "%"),
    ]


def _average_quarters(samples: list[int]) -> list[float]:
    size = len(samples) // 4
    return [statistics.fmean(samples[n * size : (n + 1) * size]) for n in range(4)]


async def play_round(stream: Stream, streams: int) -> Round:
    """Read so many streams at once."""
    lags: list[float] = []
    ticking = asyncio.create_task(_record_lags(lags))
    before = time.process_time()
    firsts = await asyncio.gather(*(stream() for _ in range(streams)))
    cpu_s = time.process_time() - before
    ticking.cancel()
    return Round(cpu_s, firsts, lags)


async def _record_lags(lags: list[float]) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due = now() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append(now() - due)


async def sample_memory(stream: Stream, size: Size) -> list[int]:
    """Return the resident bytes after each batch of streams."""
    process, samples = psutil.Process(), []
    for _ in range(size.batches):
        await asyncio.gather(*(stream() for _ in range(size.streams)))
        samples.append(int(process.memory_info().rss))
    return samples


@asynccontextmanager
async def open_ours(base: str, streams: int) -> AsyncIterator[Stream]:
    model = Model("m", "hosted_vllm/test", "M", "p", api_base=base, concurrency=streams)
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


def make_bare(base: str) -> Stream:
    """Return a stream of litellm alone, read as anybody would read it."""

    async def stream() -> float:
        import litellm  # slow; `open_ours` has loaded it already

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
def run_server(streams: int) -> Iterator[str]:
    """Yield the URL of a server in a process of its own; its `/N/chat/completions` answers with N chunks."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there, streams), daemon=True)
    process.start()
    try:
        if not here.poll(30):
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def serve(parent: Connection, streams: int) -> None:
    asyncio.run(_serve(parent, streams))


async def _serve(parent: Connection, streams: int) -> None:
    app = web.Application()
    app.router.add_post("/{chunks}/chat/completions", _speak)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=streams * 2).start()
    parent.send(runner.addresses[0][1])
    await asyncio.Event().wait()


async def _speak(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    now = asyncio.get_running_loop().time
    start = now()
    for number in range(int(request.match_info["chunks"])):
        await asyncio.sleep(max(0.0, start + number / CHUNKS_PER_S - now()))
        await response.write(
            _encode_event([{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}])
        )
    await response.write(_encode_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    await response.write(_encode_event([], usage={"prompt_tokens": 12, "completion_tokens": 200, "total_tokens": 212}))
    await response.write(b"data: [DONE]\n\n")
    return response


def _encode_event(choices: list[dict[str, Any]], **fields: object) -> bytes:
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "test", "choices": choices, **fields}
    return f"data: {json.dumps(body)}\n\n".encode()


if __name__ == "__main__":
    sys.exit(main())
