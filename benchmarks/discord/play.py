"""One scene on the wire: the server in a process of its own, people who type commands, and the figures."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import func, select

from benchmarks.discord.bot import Bot, run_bot
from benchmarks.discord.room import time_firsts_with_room
from benchmarks.discord.scenes import Scene, panel_name, seat_keys
from benchmarks.live.scenes import Answer
from storage.schema import metadata
from tests.servers.discord import Channel, Interaction, RemoteDiscord, Webhook
from tests.servers.discord.client import redirect_clients
from tests.support.paths import ROOT

SAMPLE_S = 0.25
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Served:
    """The addresses and the token that the server's process prints."""

    api_base: str
    gateway_url: str
    origin: str
    token: str


@dataclass(frozen=True, slots=True)
class Played:
    """The figures of one scene: seconds, `cpu_ms` and `rss_mb` a run, and counts.

    `by_token`: requests with the bot's own token; of them `token_posts` are no edits. `rows`: written to the database.
    """

    boards_s: list[float]
    firsts_s: list[float]
    firsts_with_room_s: list[float]
    mean_wait_s: float
    round_trip_s: float
    requests: int
    by_token: int
    token_posts: int
    rows: int
    refused: int
    most_at_once: int
    cpu_ms: float
    rss_mb: float
    spoken: list[Answer]


def play_alone(scene: Scene) -> Played:
    """Play a scene in a process of its own, so that the CPU and memory are the scene's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_run_scene, scene).result()


def _run_scene(scene: Scene) -> Played:
    return asyncio.run(play(scene))


async def play(scene: Scene) -> Played:
    with tempfile.TemporaryDirectory() as folder:
        async with run_server() as served, RemoteDiscord(served.origin) as people:
            guild = await people.create_guild()
            asker = await people.create_member(guild, "ada")
            tables = 1 if scene.shared else scene.runs
            channels = [await people.create_channel(guild, f"table-{n}") for n in range(tables)]
            with redirect_clients(served):
                async with run_bot(scene, Path(folder), served.api_base, served.gateway_url, served.token) as bot:
                    return await _measure(scene, bot, people, asker.id, channels)


async def _measure(scene: Scene, bot: Bot, people: RemoteDiscord, asker: int, channels: list[Channel]) -> Played:
    cpu_before = time.process_time()
    memory = asyncio.create_task(_measure_growth())
    asking = []
    for run in range(scene.runs):
        asking.append(asyncio.create_task(_time_board(people, asker, channels[run % len(channels)], run)))
        await asyncio.sleep(scene.apart_s)
    boards = await asyncio.gather(*asking)
    await bot.wait_until_finished(scene.runs)
    cpu_s = time.process_time() - cpu_before
    memory.cancel()
    log = await people.read_requests()
    by_token = [request for request in log if not request.path.startswith(("/webhooks/", "/interactions/"))]
    hooks = {key: hook for run in range(scene.runs) for key, hook in await _find_webhooks(people, channels, run)}
    return Played(
        boards_s=boards,
        firsts_s=list(bot.meter.firsts_s().values()),
        firsts_with_room_s=time_firsts_with_room(bot.meter, log, hooks),
        mean_wait_s=bot.meter.mean_wait_s(),
        round_trip_s=median(bot.meter.round_trips_s),
        requests=len(log),
        by_token=len(by_token),
        token_posts=sum(request.method != "PATCH" for request in by_token),
        rows=await _count_rows(bot),
        refused=sum(request.status == 429 for request in log),
        most_at_once=bot.rest.most_at_once,
        cpu_ms=cpu_s * 1000 / scene.runs,
        rss_mb=await memory / scene.runs,
        spoken=list(bot.speaker.spoken.values()),
    )


async def _count_rows(bot: Bot) -> int:
    async with bot.store.engine.connect() as conn:
        counts = [await conn.scalar(select(func.count()).select_from(table)) for table in metadata.sorted_tables]
    return sum(count or 0 for count in counts)


async def _find_webhooks(people: RemoteDiscord, channels: list[Channel], run: int) -> list[tuple[str, Webhook]]:
    """Return the seats of a run, each with the webhook that speaks for it."""
    (hook,) = await people.webhooks(channels[run % len(channels)])
    return [(key, hook) for key in seat_keys(run)]


async def _time_board(people: RemoteDiscord, asker: int, channel: Channel, run: int) -> float:
    """Return the seconds from the command to the board.

    They are Discord's own figure; where the answer was deferred, they last until it is seen.
    """
    now = asyncio.get_running_loop().time
    asked_at = now()
    asked: Interaction = await people.slash(
        asker, channel, "compare", question=f"Is one language enough? ({run})", panel=panel_name(run)
    )
    answer = await asked.answer()
    if answer.kind == "message" and answer.acknowledged_after_s is not None:
        return answer.acknowledged_after_s
    while not any(followup.text for followup in answer.followups):
        await asyncio.sleep(LOOK_S)
        answer = await asked.answer()
    return now() - asked_at


async def _measure_growth() -> float:
    """Return the most MB by which the process grew until this is cancelled."""
    process, most = psutil.Process(), 0
    before = process.memory_info().rss
    with suppress(asyncio.CancelledError):
        while True:
            most = max(most, process.memory_info().rss - before)
            await asyncio.sleep(SAMPLE_S)
    return most / 2**20


@asynccontextmanager
async def run_server() -> AsyncIterator[Served]:
    command = (sys.executable, "-m", "tests.servers.discord", "--no-contract")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None, "it was asked for"
        said = json.loads(await process.stdout.readline())
        yield Served(said["api_base"], said["gateway_url"], said["origin"], said["token"])
    finally:
        process.terminate()
        await process.wait()
