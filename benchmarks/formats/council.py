"""The time to a council's synthesis: by its rules as arithmetic, by its plan, and by the whole conductor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from functools import lru_cache
from heapq import heappop, heappush
from typing import NamedTuple

from benchmarks.formats.draws import Draw
from bot.domain.asks import Ask
from bot.domain.facts import Fact, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import Rules, Seat, TurnId
from bot.domain.spending import Payer
from bot.domain.transcript import Entry, Transcript, Turn, fold
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.formats.council.chair import SYNTHESIS
from bot.formats.council.ranking import is_top_decided
from bot.formats.council.review_order import letter_labels
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.models.deltas import Delta
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual


class Times(NamedTuple):
    """Seconds from the start to the first review, to the chair's start and to the synthesis; answers not reviewed."""

    reviews_s: float
    chair_s: float
    synthesis_s: float
    late: int


def time_by_rules(draw: Draw, rules: Rules) -> Times:
    """Return the times that follow from the rules.

    Without a quorum all answers are waited for; the chair still waits for no more ballots than it needs.
    """
    came = sorted(draw.answers_s)
    opens = came[-1] if rules.quorum is None else min(came[-1], came[rules.quorum - 1] + rules.grace_s)
    shown = [seat for seat, at in enumerate(draw.answers_s) if at <= opens]
    order = sorted(range(len(draw.reviews_s)), key=lambda seat: draw.reviews_s[seat])
    rankings = {seat: tuple(other for other in draw.rankings[seat] if other in shown) for seat in order}
    low, high = 1, len(order)  # how many ballots are needed, by bisection: a safe result stays safe
    while low < high:
        middle = (low + high) // 2
        cast = tuple((seat, rankings[seat]) for seat in sorted(order[:middle]))
        if _is_safe(cast, tuple(sorted(order[middle:])), tuple(shown)):
            high = middle
        else:
            low = middle + 1
    chair = opens + draw.reviews_s[order[low - 1]]
    return Times(opens, chair, chair + draw.chair_s, len(came) - len(shown))


@lru_cache(100_000)
def _is_safe(cast: tuple[tuple[int, tuple[int, ...]], ...], out: tuple[int, ...], shown: tuple[int, ...]) -> bool:
    ballots = {_key(seat): tuple((_key(other),) for other in ranking) for seat, ranking in cast}
    return is_top_decided(ballots, [_key(seat) for seat in out], [_key(seat) for seat in shown])


def time_by_plan(draw: Draw, rules: Rules) -> Times:
    """Return the times that follow from the format's own plan, asked at every fact and whenever it wants to be."""
    began, clock = _start_run(draw, rules), 0.0
    t, form = fold(Transcript(), Entry(1, 0.0, began)), FORMATS[began.format]
    ends: list[tuple[float, int, TurnId]] = []
    while SYNTHESIS not in t.turns or t.turns[SYNTHESIS].ended is None:
        plan = form.plan(t, clock)
        for want in (w for w in plan.wanted if w.turn not in t.turns):
            t = _append_fact(t, clock, TurnStarted(want.turn, want.about))
            heappush(ends, (clock + _find_seconds(draw, want.turn), t.seq, want.turn))
        if plan.again_at is not None and clock < plan.again_at < ends[0][0]:
            clock = plan.again_at
            continue
        clock, _, turn = heappop(ends)
        t = _append_fact(t, clock, TurnEnded(turn, "done", _write_text(draw, t.turns[turn])))
    about = next(turn.about for turn in t.turns.values() if turn.id.stage == "review")
    opens = next(turn.started.at for turn in t.turns.values() if turn.id.stage == "review")
    return Times(opens, t.turns[SYNTHESIS].started.at, clock, len(draw.answers_s) - len(about))


def time_by_conductor(draw: Draw, rules: Rules) -> float:
    """Return the seconds to the synthesis with everything that runs a run, in virtual time."""

    async def run() -> float:
        now = asyncio.get_running_loop().time
        store = MemoryStore(now)
        began = _start_run(draw, rules)
        await store.append("run", [began])
        budgets = Budgets(lambda name, started: TokenBucket(1000, 1000), now())
        async with (
            Scheduler(budgets) as scheduler,
            RunSupervisor(
                store=store, speaker=_Timed(draw), scheduler=scheduler, clock=now, trace=NoTrace(), owner="bench"
            ) as hall,
        ):
            await hall.begin("run", FORMATS[began.format], [Place(Platform(round_trip_s=0.01))])
            await hall.wait_until_finished("run")
        entries = await store.read("run")
        return next(e.at for e in entries if isinstance(e.fact, TurnEnded) and e.fact.turn == SYNTHESIS)

    return run_virtual(run())


class _Timed:
    """A speaker that takes the time that was drawn for each turn."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def open_circuits(self) -> Mapping[str, float]:
        return {}

    async def speak(self, seat: Seat, ask: Ask, payer: Payer) -> AsyncGenerator[Delta, None]:
        stage = "synthesis" if seat.key == SYNTHESIS.seat else "review" if ask.schema else "answer"
        await asyncio.sleep(_find_seconds(self._draw, TurnId(stage, 1, seat.key)))
        text = json.dumps({"ranking": ask.schema["properties"]["ranking"]["items"]["enum"]}) if ask.schema else "words"
        yield Delta(asyncio.get_running_loop().time(), text=text)


def _start_run(draw: Draw, rules: Rules) -> RunStarted:
    return replace(make_start("council", seats=[_key(n) for n in range(len(draw.answers_s))]), rules=rules)


def _append_fact(t: Transcript, at: float, fact: Fact) -> Transcript:
    return fold(t, Entry(t.seq + 1, at, fact))


def _find_seconds(draw: Draw, turn: TurnId) -> float:
    if turn.stage == SYNTHESIS.stage:
        return draw.chair_s
    return (draw.answers_s if turn.stage == "answer" else draw.reviews_s)[_seat(turn.seat)]


def _write_text(draw: Draw, turn: Turn) -> str:
    """Return the ballot that was drawn for a review, in the letters of its reviewer; else some words."""
    if turn.id.stage != "review":
        return "words"
    letters = dict(zip((_seat(i.seat) for i in turn.about), letter_labels(len(turn.about)), strict=True))
    ranking = [letters[seat] for seat in draw.rankings[_seat(turn.id.seat)] if seat in letters]
    return "FINAL RANKING:\n" + "\n".join(f"{n}. {letter}" for n, letter in enumerate(ranking, 1))


def _key(seat: int) -> str:
    return f"s{seat:02}"


def _seat(key: str) -> int:
    return int(key[1:])
