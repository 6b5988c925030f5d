"""The cost of a run before it starts: its turns played through, at the prices of its seats.

How often seats speak and what they read comes from the format's own plan (`bot.formats.rehearsal`), how much they write
from earlier runs of the server (`bot.actions.habits`), and so does how far such an expectation is off.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import log as natural_log

import structlog

from bot.actions.habits import UNFAMILIAR_LOG, Habits, Written, wanted_length
from bot.concurrency import KeyedSemaphore, run_in_thread
from bot.domain.asks import Ask
from bot.domain.facts import RunStarted
from bot.domain.run import CostRange, Earlier, Seat, TurnId, Usage
from bot.domain.transcript import Entry, Transcript, Turn, fold_all
from bot.errors import UnknownFacts
from bot.formats.common import COMPLETE_FINISHES
from bot.formats.rehearsal import fill_schema, rehearse
from bot.models.catalogue import LOCAL, Model
from bot.models.images import IMAGE_TOKENS
from bot.models.prices import cost_usd
from bot.models.requests import find_limit, thinking_effort
from bot.models.tokens import Count, make_counter
from bot.models.window import answer_share
from bot.ports.store import Store

log = structlog.get_logger()

CHARS = 4  # of a token of English, and of a filler word
FILLER, WORDS = "wor ", "some words"
MAX_LEARNT_RUNS = 20  # of a server's newest ones, when it is looked at for the first time
MAX_SERVERS = 200  # whose habits are kept in memory; others are looked at anew


@dataclass(frozen=True, slots=True)
class Expectation:
    """The cost that a run would have if everyone wrote as usual: US dollars of the seats whose price is known.

    `concentration`: the sum of the squared shares that single answers have in it. `unfamiliar`: the share of its turns
    whose seat has not spoken so here before.
    """

    usd: float
    unpriced: bool
    concentration: float
    unfamiliar: float


class Estimator:
    """Estimates of runs of these models (by key), from habits that it teaches as well. It needs no network."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models

    def estimate(self, start: RunStarted, habits: Habits) -> CostRange:
        """Return what a run is expected to cost; zero where all is local, or no price is known."""
        if not has_prices(start):
            return CostRange(0.0, 0.0, any(seat.price is None for seat in start.panel.everyone()))
        expected = self.expect(start, habits)
        spread = habits.spread(start.format, wanted_length(start.question))
        low, high = spread.factors(expected.concentration, expected.unfamiliar * UNFAMILIAR_LOG**2)
        return CostRange(expected.usd * low, expected.usd * high, expected.unpriced)

    def expect(self, start: RunStarted, habits: Habits) -> Expectation:
        """Play the run through, and add up what its turns cost."""
        seats = {seat.key: seat for seat in start.panel.everyone()}
        written: dict[TurnId, Written] = {}

        def write(turn: TurnId, ask: Ask) -> str:
            written[turn] = self._expect_turn(seats[turn.seat], turn, ask, habits)
            return fill_schema(ask.schema, WORDS) if ask.schema else FILLER * max(1, round(written[turn].text))

        costs: list[float] = []
        answers: list[float] = []  # of the costs, what is written
        unpriced, unfamiliar = False, 0
        for played in rehearse(_with_filler(start, make_counter("gpt-4o")), write):
            seat = seats[played.turn.seat]
            usage = self._make_usage(seat, played.ask, written[played.turn])
            cost = cost_usd(usage, seat.price)
            costs.append(cost or 0.0)
            answers.append(cost_usd(replace(usage, input=0), seat.price) or 0.0)
            unpriced = unpriced or cost is None
            unfamiliar += not (habits.knows(seat, played.turn.stage) or seat.price in (None, LOCAL))
        usd = sum(costs)
        concentration = sum(answer * answer for answer in answers) / usd**2 if usd else 0.0
        return Expectation(usd, unpriced, concentration, unfamiliar / max(1, len(costs)))

    def learn(self, t: Transcript, habits: Habits) -> None:
        """Learn from a run that came to its own end: first how far it was from what was expected before it."""
        if t.start is None or t.finished is None or t.stopped or t.deleted or t.finished.outcome == "failed":
            return
        own = [turn for turn in t.turns.values() if turn.ended and turn.ended.stand_in is None]
        cost = _real_cost(own)
        if cost and len(own) == len(t.turns) and has_prices(t.start):
            expected = self.expect(t.start, habits)
            if expected.usd and not expected.unfamiliar:
                length, log_ratio = wanted_length(t.start.question), natural_log(cost / expected.usd)
                habits.add_run(t.start.format, length, log_ratio, expected.concentration)
        seats = {seat.key: seat for seat in t.start.panel.everyone()}
        for turn in own:
            if turn.ended and turn.ended.finish in COMPLETE_FINISHES and turn.ended.usage.output:
                usage = turn.ended.usage
                habits.add_turn(seats[turn.id.seat], turn.id.stage, usage.output - usage.thinking, usage.output)

    def _expect_turn(self, seat: Seat, turn: TurnId, ask: Ask, habits: Habits) -> Written:
        """Return what a seat is expected to write in a turn, within its limits."""
        model = self._models.get(seat.model)
        thinks = thinking_effort(model, seat) if model else "none"
        expected = habits.expect(seat, turn.stage, thinks, is_object=ask.schema is not None)
        if model is None:  # a search provider, which is paid for by the query
            return replace(expected, output=0.0)
        limit = find_limit(model, seat)
        return expected if limit is None else replace(expected, output=min(expected.output, float(limit)))

    def _make_usage(self, seat: Seat, ask: Ask, written: Written) -> Usage:
        thinking = max(0.0, written.output - written.text)
        return Usage(self._count_read(seat, ask), round(written.output), round(thinking), "estimated")

    def _count_read(self, seat: Seat, ask: Ask) -> int:
        """Count the tokens that a seat reads, as far as its window has room."""
        model = self._models.get(seat.model)
        if model is None:
            return 0
        images = sum(len(part.images) for part in ask.parts) if model.sees else 0
        read = sum(len(part.text) for part in ask.parts) // CHARS + IMAGE_TOKENS * images
        return read if seat.window is None else min(read, seat.window - answer_share(seat.window))


class RunEstimates:
    """Estimates of runs that are about to start, by what the store has of their server's newest runs."""

    def __init__(
        self,
        store: Store,
        list_models: Callable[[], Mapping[str, Model]],
        watch: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Take what lists the models by their keys. `watch` bounds the work in a thread that plays a run through."""
        self._store = store
        self._watch = watch
        self._list_models = list_models
        self._learnt: OrderedDict[str, tuple[Habits, set[str]]] = OrderedDict()  # server → and the runs in it
        self._servers = KeyedSemaphore()

    async def estimate(self, start: RunStarted) -> CostRange:
        """Return what a run is expected to cost. Raises StoreFailed."""
        if not has_prices(start):
            return Estimator(self._list_models()).estimate(start, Habits())
        async with self._servers.of(start.server):  # nothing is learnt twice
            habits = await self._learn_newest(start.server)
            return await run_in_thread(self._watch, partial(Estimator(self._list_models()).estimate, start, habits))

    async def _learn_newest(self, server: str) -> Habits:
        """Learn from the server's runs that have ended since it was asked last, oldest first."""
        habits, known = self._learnt.setdefault(server, (Habits(), set()))
        self._learnt.move_to_end(server)
        if len(self._learnt) > MAX_SERVERS:
            self._learnt.popitem(last=False)
        rows = [row.run for row in await self._store.runs(MAX_LEARNT_RUNS, server) if row.outcome]
        for run in reversed(rows):
            if run not in known:
                with suppress(UnknownFacts):  # of a newer version, which runs beside this one
                    entries = await self._store.read(run)
                    await run_in_thread(self._watch, partial(self._learn, run, entries, habits))
        known.clear()
        known.update(rows)
        return habits

    def _learn(self, run: str, entries: Sequence[Entry], habits: Habits) -> None:
        """Learn from one run; one that cannot be played through, such as an older version's, teaches nothing."""
        try:
            Estimator(self._list_models()).learn(fold_all(Transcript(), entries), habits)
        except Exception:
            log.exception("nothing could be learnt of what a run cost", run=run)


def has_prices(start: RunStarted) -> bool:
    """Return whether any seat's price is known and is not nothing."""
    return any(seat.price not in (None, LOCAL) for seat in start.panel.everyone())


def _with_filler(start: RunStarted, count: Count) -> RunStarted:
    """Return the start with fillers of as many tokens in place of what people wrote, in whatever script."""

    def fill(text: str) -> str:
        return FILLER * count(text)

    return replace(
        start,
        question=fill(start.question) or FILLER,
        context=fill(start.context),
        earlier=tuple(Earlier(said.label, fill(said.text), said.kept, said.own) for said in start.earlier),
    )


def _real_cost(turns: Iterable[Turn]) -> float | None:
    """Return what a run has cost; None where part of it is unknown."""
    ends = [turn.ended for turn in turns if turn.ended and turn.ended.usage.source != "none"]
    costs = [end.cost_usd for end in ends]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
