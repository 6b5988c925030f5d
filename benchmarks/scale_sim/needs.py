"""What one run takes, measured: of a core, of Discord and of the database; and what the events of a gateway take."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

import discord
import psutil

from benchmarks import models
from benchmarks.discord.play import play_alone
from benchmarks.discord.scenes import Scene
from benchmarks.live.scenes import DELTA_CHARS
from bot.domain.facts import Paused
from storage import open_store
from storage.locations import Location
from tests.support.transcripts import make_start

STREAMS = models.Size(streams=8, rounds=4, batches=4)
WRITERS, WRITES = 20, 100  # runs that are written to at once, and facts of each
EVENTS = 5_000
EVENT = json.dumps(
    {
        "id": "1290000000000000001",
        "channel_id": "1290000000000000002",
        "guild_id": "1290000000000000003",
        "author": {"id": "1290000000000000004", "username": "ada", "discriminator": "0", "avatar": None},
        "member": {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0},
        "content": "A message of people among themselves, as a channel has thousands of a day.",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
    }
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What one run takes on average.

    `seconds` it lasts; `deltas` that its models send; `requests` to Discord, of them `by_token` with the bot's token
    (`token_posts`: those that are no edits), others by webhooks; rows that it `writes`. CPU seconds:
    `shown_cpu_s` to conduct, store and show a run; `delta_cpu_s` to read a delta off a provider's stream; `write_cpu_s`
    of all processes for one write; `event_cpu_s` of discord.py for one message in a channel.
    """

    seconds: float
    deltas: float
    requests: float
    by_token: float
    token_posts: float
    writes: float
    shown_cpu_s: float
    delta_cpu_s: float
    write_cpu_s: float
    event_cpu_s: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds of a worker for one run."""
        return self.shown_cpu_s + self.deltas * self.delta_cpu_s


def measure_needs(scene: Scene, location: Location) -> Needs:
    """Play runs on Discord's wire, read providers' streams, write to the store at `location`, and parse events."""
    played = play_alone(scene)
    spoken = played.spoken
    return Needs(
        seconds=max(answer.end for answer in spoken) - min(answer.start for answer in spoken),
        deltas=sum(answer.chars for answer in spoken) / DELTA_CHARS / scene.runs,
        requests=played.requests / scene.runs,
        by_token=played.by_token / scene.runs,
        token_posts=played.token_posts / scene.runs,
        writes=played.rows / scene.runs,
        shown_cpu_s=played.cpu_ms / 1e3,
        delta_cpu_s=_measure_delta(),
        write_cpu_s=asyncio.run(_measure_write(location)),
        event_cpu_s=_measure_event(),
    )


def _measure_delta() -> float:
    chunks = (row for row in models.measure(STREAMS).scenes if str(row["scene"]).startswith("ours"))
    return float(next(chunks)["cpu_us_a_chunk"]) / 1e6


async def _measure_write(location: Location) -> float:
    """Return the CPU seconds of one write: of this process, and of a database's where it has some."""
    async with open_store(location, clock=time.time) as store:
        runs = [f"run-{n}" for n in range(WRITERS)]
        for run in runs:
            await store.append(run, [make_start("compare")])

        async def write(run: str) -> None:
            for _ in range(WRITES):
                await store.append(run, [Paused("ada")])

        before = _count_cpu()
        await asyncio.gather(*(write(run) for run in runs))
        return (_count_cpu() - before) / (WRITERS * WRITES)


def _count_cpu() -> float:
    found = [psutil.Process(), *(p for p in psutil.process_iter() if p.name() == "postgres")]
    return sum(sum(process.cpu_times()[:2]) for process in found)


def _measure_event() -> float:
    """Return the CPU seconds of discord.py for a message that nobody listens to: read, made an object, dispatched."""
    state = discord.Client(intents=discord.Intents.all())._connection  # a gateway hands its events to nothing else
    before = time.process_time()
    for _ in range(EVENTS):
        state.parse_message_create(json.loads(EVENT))
    return (time.process_time() - before) / EVENTS
