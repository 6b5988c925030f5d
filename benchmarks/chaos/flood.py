"""Floods: a thousand commands in a second, ten thousand reactions on one message; and somebody who asks beside them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from statistics import median

from benchmarks.chaos.audit import Audit, Found, read_ledger, read_running_ledger
from benchmarks.chaos.models import Pace
from benchmarks.chaos.places import Post
from benchmarks.chaos.play import stop_bot, wait_until_settled
from benchmarks.chaos.runs import QUESTION, Asked, Crowd, Habits
from benchmarks.chaos.wire import World, open_world
from storage import open_store
from tests.servers.discord import CannotAct, Interaction

ROOMS = 40
ANSWERS_AT_ONCE = 60  # of the models' one server; the bot lets four through unless it is told otherwise
CALM_RUNS = 3
QUIET = Habits(skips=0.0, says=0.0, summarises=0.0, votes=False, patience_s=600.0)
SAMPLE_S = 0.2
ANSWERS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Flooded:
    """The figures of a flood.

    `answers`: commands by their result. `alone_s`, `beside_commands_s`, `beside_reactions_s`: seconds from a command to
    its end card, of a person who asks in a channel of their own.
    """

    commands: int
    sent_s: float
    answers: Counter[str]
    refusal: str
    reactions: int
    counted: int
    counted_s: float
    rss_idle_mb: float
    rss_commands_mb: float
    rss_reactions_mb: float
    alone_s: float
    beside_commands_s: float
    beside_reactions_s: float
    found: list[Found]
    seconds: float


async def play(commands: int, reactions: int, seed: int, room_for: int = 200, vote_s: float = 180.0) -> Flooded:
    """Flood the bot with commands, then with reactions.

    `room_for`: the runs that the bot takes at once; `vote_s`: the time for all reactions to be counted.
    """
    began = time.monotonic()
    limits = {"vote_s": vote_s, "runs": room_for}
    async with open_world(ROOMS, Pace(), ANSWERS_AT_ONCE, limits=limits) as w, _add_people(w, reactions) as voters:
        crowd = Crowd(Random(seed), QUIET)
        w.bot.spawn()
        await w.bot.wait_until_ready()
        alone = [await _time_normal_run(w, crowd) for _ in range(CALM_RUNS)]
        idle_mb, peak = w.bot.rss_mb(), _Peak(w)
        beside = asyncio.create_task(_time_normal_run(w, crowd))
        await asyncio.sleep(0)
        sent_s, asked = await _send_commands(w, commands)
        answers, refusal = await _collect_answers(asked)
        beside_commands = await beside
        await _wait_until_over(w)
        rss_commands, peak = peak.stop(), _Peak(w)
        message = await _find_votable(w, crowd)
        beside = asyncio.create_task(_time_normal_run(w, crowd))
        counted, counted_s = await _count_reactions(w, message, voters)
        beside_reactions = await beside
        rss_reactions = peak.stop()
        await wait_until_settled(w, QUIET.patience_s)
        found = await stop_bot(w)
        async with open_store(w.bot.store, clock=time.time) as store:
            audit = Audit(await read_ledger(store), w.places, w.models.calls, crowd.asked)
        return Flooded(
            commands=commands,
            sent_s=sent_s,
            answers=answers,
            refusal=refusal,
            reactions=reactions,
            counted=counted,
            counted_s=counted_s,
            rss_idle_mb=idle_mb,
            rss_commands_mb=rss_commands,
            rss_reactions_mb=rss_reactions,
            alone_s=median(alone),
            beside_commands_s=beside_commands,
            beside_reactions_s=beside_reactions,
            found=found + audit.check_after_faults(),
            seconds=time.monotonic() - began,
        )


@asynccontextmanager
async def _add_people(w: World, count: int) -> AsyncIterator[list[int]]:
    """Add so many members on Discord.

    They are frozen for the garbage collector, whose search among them would be a pause of the platform.
    """
    made = [(await w.discord.server.create_member(w.discord.guild, f"voter-{n}")).id for n in range(count)]
    gc.freeze()
    try:
        yield made
    finally:
        gc.unfreeze()


async def _wait_until_over(w: World) -> None:
    """Wait until no run goes on, whether or not people may still vote."""
    async with asyncio.timeout(QUIET.patience_s):
        while any(t.finished is None for t in (await read_running_ledger(w.location)).runs.values()):
            await asyncio.sleep(1.0)


async def _time_normal_run(w: World, crowd: Crowd) -> float:
    """Return the seconds from a command in the first room to its end card; the patience where none came."""
    asked = await crowd.play_run(w.discord, "compare", 0)
    return QUIET.patience_s if asked.end_at is None else asked.end_at - asked.asked_at


async def _send_commands(w: World, commands: int) -> tuple[float, list[Interaction]]:
    """Send so many commands within a second; return the seconds that it took, and the commands."""
    loop, server, rooms = asyncio.get_running_loop(), w.discord.server, w.discord.rooms[1:]
    began, asked = loop.time(), []
    for n in range(commands):
        who, room = w.discord.people[1 + n % 2], rooms[n % len(rooms)]
        asked.append(await server.slash(who, room, "compare", question=f"Flood {n}: {QUESTION}"))
        await asyncio.sleep(max(0.0, began + n / commands - loop.time()))
    return loop.time() - began, asked


async def _collect_answers(asked: list[Interaction]) -> tuple[Counter[str], str]:
    """Return the commands counted by their result, and one of the refusals."""
    seen = await asyncio.gather(*map(_collect_answer, asked))
    refusals = [text for what, text in seen if what == "refused"]
    return Counter(what for what, _ in seen), refusals[0] if refusals else ""


async def _collect_answer(asked: Interaction) -> tuple[str, str]:
    try:
        seen = await asked.answer(ANSWERS_WITHIN_S)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while True:
                messages = [m for m in (seen.message, *seen.followups) if m is not None and m.text]
                if private := [m.text for m in messages if m.ephemeral]:
                    return "refused", private[-1]
                if messages:
                    return "taken", ""
                await asyncio.sleep(SAMPLE_S)
    except TimeoutError:
        return "unanswered", ""


async def _find_votable(w: World, crowd: Crowd) -> Post:
    """Play a run to its end and return a seat's message, which can be voted on."""
    asked: Asked = await crowd.play_run(w.discord, "compare", 1)
    board = w.discord.find_board(asked.tag)
    assert board is not None  # its end has been seen
    return next(post for post in w.discord.read_thread(board) if post.seat)


async def _count_reactions(w: World, message: Post, voters: list[int]) -> tuple[int, float]:
    """React to a message; return the number of votes that are stored in the end, and the seconds until then."""
    loop = asyncio.get_running_loop()
    began, run = loop.time(), await _find_run(w, message)
    for n, voter in enumerate(voters):
        with suppress(CannotAct):
            await w.discord.server.react(voter, message.handle.id, "👍")
        if n % 100 == 99:
            await asyncio.sleep(0)  # otherwise they are sent as fast as the gateway goes
    counted, counted_at, quiet = 0, began, 0
    while counted < len(voters) and quiet < 10:
        votes = len((await read_running_ledger(w.location)).runs[run].votes)
        quiet = quiet + 1 if votes == counted else 0
        if votes != counted:
            counted, counted_at = votes, loop.time()
        await asyncio.sleep(1.0)
    return counted, counted_at - began


async def _find_run(w: World, message: Post) -> str:
    ledger = await read_running_ledger(w.location)
    return next(run for run, placed in ledger.placed.items() if message.ref in {p.ref for p in placed})


class _Peak:
    """A watch over the bot's memory: `stop` returns the most MB that it has taken."""

    def __init__(self, w: World) -> None:
        self._most = w.bot.rss_mb()
        self._watching = asyncio.create_task(self._watch(w))

    async def _watch(self, w: World) -> None:
        while True:
            self._most = max(self._most, w.bot.rss_mb())
            await asyncio.sleep(SAMPLE_S)

    def stop(self) -> float:
        self._watching.cancel()
        return self._most
