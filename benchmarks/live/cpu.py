"""The CPU cost of lanes and scheduling a delta, beside aiohttp's for parsing the same delta from raw SSE."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence

import aiohttp

from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.surface import Kind, Message, MessageRef, Method, Paginator
from tests.support.surfaces import WholeText
from tests.support.virtual_time import run_virtual

LANES, DELTAS_PER_S, SECONDS = 200, 50, 20
WORD = " word"
TRIES = 3  # the least of them counts, because noise only adds

SERVER = """
import json, sys
from aiohttp import web
chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": sys.argv[2]}, "finish_reason": None}]}
async def stream(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(int(sys.argv[1])):
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\\n\\n")
    return response
app = web.Application()
app.router.add_get("/", stream)
async def ready(_): print(runner.addresses[0][1], flush=True)
import asyncio
runner = web.AppRunner(app)
async def main():
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await ready(app)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class Instant:
    """A surface whose answers come at once."""

    name = address = "instant"
    room_chars = None
    placeholder_after_s = 0.0

    def pages(self, kind: Kind) -> Paginator:
        return WholeText()

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        return ("all",)

    async def post(self, message: Message) -> MessageRef:
        return str(message.lane)

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        return None  # nothing is ever lost here

    async def edit(self, ref: MessageRef, message: Message) -> None: ...

    async def delete(self, ref: MessageRef) -> None: ...


def measure() -> tuple[float, float]:
    """Return the microseconds of CPU a delta: of parsing, and ours."""
    deltas = LANES * DELTAS_PER_S * SECONDS
    parsing = min(asyncio.run(_time_parsing(deltas)) for _ in range(TRIES))
    ours = min(run_virtual(_time_lanes(show=True)) - run_virtual(_time_lanes(show=False)) for _ in range(TRIES))
    return parsing / deltas * 1e6, ours / deltas * 1e6


async def _time_parsing(deltas: int) -> float:
    """Return the CPU seconds to read so many deltas from a server in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(deltas), WORD], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # asked for above
        port = process.stdout.readline().strip()
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
            began, seen = time.process_time(), 0
            async for line in response.content:
                if line.startswith(b"data: "):
                    seen += bool(json.loads(line[6:])["choices"][0]["delta"]["content"])
            assert seen == deltas
            return time.process_time() - began
    finally:
        process.kill()
        process.communicate()


async def _time_lanes(*, show: bool) -> float:
    """Return the CPU seconds to write to all lanes, each shown about once a second; without `show` to write alone."""
    now = asyncio.get_running_loop().time()
    async with Scheduler(Budgets(lambda name, started: TokenBucket(LANES, LANES), now)) as scheduler:
        display = Display(scheduler, trace=NoTrace())
        display.attach(Instant())
        lanes = [display.open(LaneId("a", 1, str(n)), "", kind="turn", placeholder="…") for n in range(LANES)]
        await asyncio.sleep(2)
        kept: list[str] = []
        began = time.process_time()
        for _ in range(DELTAS_PER_S * SECONDS):
            for lane in lanes:
                (lane.add if show else kept.append)(WORD)
            await asyncio.sleep(1 / DELTAS_PER_S)
        spent = time.process_time() - began
        display.close()
        return spent
