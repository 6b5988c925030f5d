"""The time to a council's synthesis: by its rules as arithmetic, by its plan, and by the whole conductor."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Set
from dataclasses import replace
from functools import lru_cache, partial
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from benchmarks.formats.draws import Draw
from bot.domain.asks import Ask
from bot.domain.facts import Fact, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import LaneId, Rules, Seat, TurnId
from bot.domain.spending import Payer
from bot.domain.transcript import Entry, Transcript, Turn, fold
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.formats.council.chair import SYNTHESIS
from bot.formats.council.patience import (
    RECORDED_S,
    Outstanding,
    find_patience,
    find_stretch,
    usual_turn,
    value_one_more,
)
from bot.formats.council.ranking import is_top_decided
from bot.formats.council.review_order import letter_labels
from bot.formats.council.waiting import AFTER_ANSWERS, AFTER_REVIEWS
from bot.live.budget import Budgets, TokenBucket
from bot.live.fixed_window import FixedWindow
from bot.live.schedule import Scheduler
from bot.models.deltas import Delta
from bot.ports.process import Trace
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform, WindowLimit
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual

FIRST_TEXT = 0.1  # of a turn's time, which the recordings do not tell
PIECE_S = 0.25  # between two pieces of an answer
LIMIT, ROUND_TRIP_S = (5, 2.0), 0.12  # requests a window of so many seconds, as a webhook of Discord's has


class Times(NamedTuple):
    """Seconds from the start to the first review, to the chair's start and to the synthesis.

    `late`: the answers that the first ballot lacks. `unreviewed`: those on no ballot at all.
    """

    reviews_s: float
    chair_s: float
    synthesis_s: float
    late: int
    unreviewed: int = 0


def time_by_rules(draw: Draw, rules: Rules) -> Times:
    """Return the times that follow from the rules, as arithmetic: each late answer is reviewed in the end."""
    opens = _time_reviews(draw, rules)
    shown = tuple(seat for seat, at in enumerate(draw.answers_s) if at <= opens)
    chair = opens + _time_chair(draw, rules, opens, shown)
    return Times(opens, chair, chair + draw.chair_s, len(draw.answers_s) - len(shown))


def _time_reviews(draw: Draw, rules: Rules) -> float:
    """Return when the reviews begin: without a quorum when all answers are in."""
    came = sorted(draw.answers_s)
    for count in range(rules.quorum or len(came), len(came)):
        at = came[count - 1]
        spent = {seat: s for seat, s in enumerate(draw.answers_s) if s <= at}
        worth_s = value_one_more(at, AFTER_ANSWERS * usual_turn(spent.values()), count)
        latest = came[(rules.quorum or 0) - 1] + rules.grace_s
        until = min(at + _wait(draw, spent, set(range(len(came))), at, worth_s), latest)
        if until < came[count]:
            return max(until, at)
    return came[-1]


def _time_chair(draw: Draw, rules: Rules, opens: float, shown: tuple[int, ...]) -> float:
    """Return how long after the reviews' start the chair begins."""
    order = sorted(shown, key=lambda seat: draw.reviews_s[seat])
    rankings = {seat: tuple(other for other in draw.rankings[seat] if other in shown) for seat in order}
    quorum = math.ceil(rules.review_quorum * len(order) - 1e-9)
    usual_s = usual_turn(draw.answers_s[seat] for seat in shown)
    for count in range(1, len(order)):
        at, due = (draw.reviews_s[seat] for seat in order[count - 1 : count + 1])
        cast = tuple((seat, rankings[seat]) for seat in sorted(order[:count]))
        if _is_safe(cast, tuple(sorted(order[count:])), shown):
            return at
        if count >= quorum:
            spent = {seat: draw.reviews_s[seat] for seat in order[:count]}
            worth_s = value_one_more(opens + at, AFTER_REVIEWS * usual_s, count)
            latest = draw.reviews_s[order[quorum - 1]] + rules.review_grace_s
            until = min(at + _wait(draw, spent, set(shown), at, worth_s), latest)
            if until < due:
                return max(until, at)
    return draw.reviews_s[order[-1]]


def _wait(draw: Draw, spent: Mapping[int, float], seats: Set[int], at: float, worth_s: float) -> float:
    """Return for how many seconds waiting pays, where these seats have spent so long and the others are still out."""
    usual = draw.usual_s or (RECORDED_S,) * len(draw.answers_s)
    stretch = find_stretch((seconds, usual[seat]) for seat, seconds in spent.items())
    out = (Outstanding(tuple(stretch * s for s in usual[seat]), at) for seat in sorted(seats - spent.keys()))
    return find_patience(tuple(out), worth_s)


@lru_cache(100_000)
def _is_safe(cast: tuple[tuple[int, tuple[int, ...]], ...], out: tuple[int, ...], shown: tuple[int, ...]) -> bool:
    ballots = {_key(seat): tuple((_key(other),) for other in ranking) for seat, ranking in cast}
    return is_top_decided(ballots, [_key(seat) for seat in out], [_key(seat) for seat in shown])


def time_by_plan(draw: Draw, rules: Rules) -> Times:
    """Return the times that follow from the format's own plan, asked at every fact and whenever it wants to be."""
    began, clock = _start_run(draw, rules), 0.0
    t, form = fold(Transcript(), Entry(1, 0.0, began)), FORMATS[began.format]
    ends: list[tuple[float, int, TurnId]] = []
    while True:
        plan = form.plan(t, clock)
        wanted = {w.turn for w in plan.wanted}
        if cut := [i for i, turn in t.turns.items() if turn.ended is None and i not in wanted]:
            t = _append_fact(t, clock, TurnEnded(cut[0], "stopped"))
            continue
        for want in (w for w in plan.wanted if w.turn not in t.turns):
            t = _append_fact(t, clock, TurnStarted(want.turn, want.about))
            heappush(ends, (clock + _find_seconds(draw, want.turn), t.seq, want.turn))
        if plan.outcome:
            return _read_times(t, len(draw.answers_s))
        ends = [end for end in ends if t.turns[end[2]].ended is None]
        heapify(ends)
        if plan.again_at is not None and clock < plan.again_at < ends[0][0]:
            clock = plan.again_at
            continue
        clock = ends[0][0]
        while ends and ends[0][0] == clock:  # some recorded times are equal, and are noticed together
            turn = heappop(ends)[2]
            t = _append_fact(t, clock, TurnEnded(turn, "done", _write_text(draw, t.turns[turn])))


def _read_times(t: Transcript, seats: int) -> Times:
    reviews = [turn for turn in t.turns.values() if turn.id.stage == "review"]
    synthesis = next(e.at for e in t.entries if isinstance(e.fact, TurnEnded) and e.fact.turn == SYNTHESIS)
    seen = {i.seat for turn in reviews for i in turn.about}
    opens, late = (reviews[0].started.at, seats - len(reviews[0].about)) if reviews else (math.nan, seats)
    return Times(opens, t.turns[SYNTHESIS].started.at, synthesis, late, seats - len(seen))


class Conducted(NamedTuple):
    """Seconds from the start until each seat's answer is complete and stored, and until the synthesis is."""

    answers_s: tuple[float, ...]
    synthesis_s: float


def conduct_run(draw: Draw, rules: Rules) -> Conducted:
    """Return the times of a run with everything that runs a run, in virtual time."""
    budgets = partial(Budgets, lambda name, started: TokenBucket(1000, 1000))
    entries = run_virtual(_conduct(draw, rules, Place(Platform(round_trip_s=0.01)), budgets, NoTrace()))
    ends = {e.fact.turn: e.at for e in entries if isinstance(e.fact, TurnEnded)}
    answers = (TurnId("answer", 1, _key(seat)) for seat in range(len(draw.answers_s)))
    return Conducted(tuple(ends[turn] for turn in answers), ends[SYNTHESIS])


def time_answers(draw: Draw, rules: Rules) -> list[float]:
    """Return the seconds until each answer stands complete in a thread with a limit, text flowing meanwhile."""
    trace = _Ends()
    place = Place(make_platform(), posts=("thread",), edits=("thread",))
    run_virtual(_conduct(draw, rules, place, partial(Budgets, lambda name, started: FixedWindow(*LIMIT)), trace))
    return list(trace.complete.values())


def make_platform() -> Platform:
    return Platform({"thread": WindowLimit(*LIMIT)}, ROUND_TRIP_S)


async def _conduct(
    draw: Draw, rules: Rules, place: Place, make_budgets: Callable[[float], Budgets], trace: Trace
) -> list[Entry]:
    now = asyncio.get_running_loop().time
    store = MemoryStore(now)
    began = _start_run(draw, rules)
    await store.append("run", [began])
    async with (
        Scheduler(make_budgets(now())) as scheduler,
        RunSupervisor(
            store=store, speaker=_Timed(draw), scheduler=scheduler, clock=now, trace=trace, owner="bench"
        ) as hall,
    ):
        await hall.begin("run", FORMATS[began.format], [place])
        await hall.wait_until_finished("run")
    return await store.read("run")


class _Ends(NoTrace):
    """The times at which answers stood complete."""

    def __init__(self) -> None:
        self.complete: dict[LaneId, float] = {}

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        if final and lane.stage == "answer":
            self.complete.setdefault(lane, asyncio.get_running_loop().time())


class _Timed:
    """A speaker that takes the time that was drawn for each turn, and writes all through it after the first tenth."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def open_circuits(self) -> Mapping[str, float]:
        return {}

    async def speak(self, seat: Seat, ask: Ask, payer: Payer) -> AsyncGenerator[Delta, None]:
        stage = "synthesis" if seat.key == SYNTHESIS.seat else "review" if ask.schema else "answer"
        seconds = _find_seconds(self._draw, TurnId(stage, 1, seat.key))
        text = json.dumps({"ranking": ask.schema["properties"]["ranking"]["items"]["enum"]}) if ask.schema else ""
        pieces = [text] if text else ["some words "] * max(1, int(seconds / PIECE_S))
        await asyncio.sleep(FIRST_TEXT * seconds)
        for piece in pieces:
            await asyncio.sleep((1 - FIRST_TEXT) * seconds / len(pieces))
            yield Delta(asyncio.get_running_loop().time(), text=piece)


def _start_run(draw: Draw, rules: Rules) -> RunStarted:
    begun = make_start("council", seats=[_key(n) for n in range(len(draw.answers_s))])
    usual = draw.usual_s or ((),) * len(draw.answers_s)
    seats = tuple(replace(s, usual_s=times) for s, times in zip(begun.panel.seats, usual, strict=True))
    return replace(begun, rules=rules, panel=replace(begun.panel, seats=seats))


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
