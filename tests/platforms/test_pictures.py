"""The memory that pictures take: of a whole council, in a real process."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.facts import RunFinished, RunStarted
from storage import open_store
from tests.servers.discord.world import Upload
from tests.servers.model_server import answer
from tests.support.processes import Town, open_town

SEATS = 12
PICTURES = 4
PICTURE_BYTES = 3_700_000
MOST = 2.0  # of memory over idle, as a multiple of the pictures in base64, as one request has them


def draw_noise(size: int) -> bytes:
    """Return a PNG of about so many bytes, which nothing can pack."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    width = 1_000
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(size // (3 * width)))
    head = width.to_bytes(4) + (size // (3 * width)).to_bytes(4) + bytes((8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


class Listener:
    """A model server that counts what it is sent, and keeps none of it."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.url = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.received.append(sum([len(data) async for data in request.content.iter_any()]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in answer("Tea.").pieces:
            await response.write(piece)
        return response

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()


async def ask(town: Town, question: str, pictures: list[bytes]) -> RunStarted:
    """Ask with pictures, and return the start of the run once it is over."""
    files = [Upload(f"{n}.png", data, "image/png") for n, data in enumerate(pictures)]
    await town.discord.say(town.ada, town.channel, question, mentions=[town.discord.bot], attachments=files)
    async with asyncio.timeout(240), open_store(town.path / "moot.db", clock=time.time, read_only=True) as store:
        while True:
            runs = [row.run for row in await store.runs() if row.question == question]
            facts = [entry.fact for run in runs for entry in await store.read(run)]
            if any(isinstance(fact, RunFinished) for fact in facts):
                return next(fact for fact in facts if isinstance(fact, RunStarted))
            await asyncio.sleep(0.2)


def read_memory(town: Town, name: str) -> int:
    """Return a figure of the process's memory in bytes: VmRSS is now, VmHWM the highest since it was reset."""
    assert town.process is not None
    lines = Path(f"/proc/{town.process.pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads the memory of a process from /proc")
async def test_a_council_with_pictures_takes_little_more_memory_than_they_have_bytes(tmp_path: Path) -> None:
    listener = Listener()
    async with listener.serve(), open_town(tmp_path) as t:
        seats = {
            f"m{n}": {"litellm": f"hosted_vllm/m{n}", "api_base": listener.url, "vision": True, "concurrency": SEATS}
            for n in range(SEATS)
        }
        t.change_settings(models=seats, panels={"default": {"seats": list(seats)}})
        await t.start()
        assert t.process is not None
        await ask(t, "Warm up?", [draw_noise(30_000)] * PICTURES)
        await asyncio.sleep(2)
        pictures = [draw_noise(PICTURE_BYTES) for _ in range(PICTURES)]
        size = sum(map(len, pictures)) * 4 // 3
        listener.received.clear()
        idle = read_memory(t, "VmRSS")
        Path(f"/proc/{t.process.pid}/clear_refs").write_text("5")  # the highest is counted anew
        start = await ask(t, "Which of these?", pictures)
        ratio = (read_memory(t, "VmHWM") - idle) / size
        assert [(image.data, len(image.digest)) for image in start.images] == [("", 64)] * PICTURES
        assert sum(received > size for received in listener.received) >= SEATS
        assert ratio <= MOST, f"{size / 1e6:.1f} MB of pictures, {idle / 1e6:.0f} MB idle, {ratio:.2f} × them over that"
