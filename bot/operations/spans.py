"""Spans of OpenTelemetry: a run, in it its stages, in these the turns, in these the calls of providers.

They hold names, counts and times, and no text of anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from bot.domain.facts import Claimed, RunFinished, RunStarted, SeatAdded, SetAside, TurnEnded, TurnStarted
from bot.domain.run import TurnId
from bot.domain.transcript import SET_ASIDE, Entry
from bot.engine.trace import NoTrace
from bot.models.calls import ProviderCall
from bot.models.catalogue import prefix_of
from bot.operations import conventions as names
from bot.ports.process import Clock, Trace

Attributes = dict[str, AttributeValue]
StageKey = tuple[str, int]


class SpanTrace(NoTrace):
    """A trace that makes spans with a tracer. What ended before `since` (wall seconds) has spans of its process."""

    def __init__(self, tracer: Tracer, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock
        self._since = clock()
        self._runs: dict[str, _RunSpans] = {}

    def for_run(self, run: str) -> Trace:
        self._runs[run] = _RunSpans(self._tracer, run, self._since, on_end=partial(self._runs.pop, run, None))
        return self._runs[run]

    def observe_call(self, call: ProviderCall) -> None:
        """Make the span of a call that has ended, below the turn that it was made for."""
        spans = self._runs.get(call.run)
        if spans is not None:
            spans.add_call(call, self._clock() - asyncio.get_running_loop().time())


class _RunSpans(NoTrace):
    """The open spans of one run. One that an earlier process began has a span from its claim here on."""

    def __init__(self, tracer: Tracer, run: str, since: float, on_end: Callable[[], object]) -> None:
        self._tracer = tracer
        self._run = run
        self._on_end = on_end
        self._since = since
        self._format = ""
        self._models: dict[str, str] = {}  # seat → model
        self._span: Span | None = None
        self._stages: dict[StageKey, Span] = {}
        self._turns: dict[TurnId, Span] = {}

    def record_fact(self, entry: Entry) -> None:
        at = _nanoseconds(entry.at)
        match entry.fact:
            case RunStarted() as start:
                self._format = start.format
                self._models |= {seat.key: seat.model for seat in start.panel.everyone()}
            case SeatAdded(seat):
                self._models[seat.key] = seat.model
        if entry.at < self._since:
            return
        match entry.fact:
            case RunStarted() | Claimed() if self._span is None:
                about: Attributes = {names.RUN: self._run, names.FORMAT: self._format}
                self._span = self._tracer.start_span(f"run {self._format}", attributes=about, start_time=at)
            case TurnStarted(turn):
                self._begin_turn(turn, at)
            case TurnEnded() as ended:
                self._end_turn(ended, at)
            case RunFinished(outcome):
                self._end_run(outcome, at)
            case SetAside():
                self._end_run(SET_ASIDE, at)

    def _begin_turn(self, turn: TurnId, at: int) -> None:
        key = (turn.stage, turn.round)
        if key not in self._stages:
            about: Attributes = {names.STAGE: turn.stage, names.ROUND: turn.round}
            self._stages[key] = self._start(f"stage {turn.stage}", about, at, self._span)
        about = {names.SEAT: turn.seat, names.REQUEST_MODEL: self._models.get(turn.seat, "")}
        self._turns[turn] = self._start(f"turn {turn.seat}", about, at, self._stages[key])

    def _end_turn(self, ended: TurnEnded, at: int) -> None:
        """End a turn's span, and that of its stage with the last turn that is open there."""
        turn = ended.turn
        if (span := self._turns.pop(turn, None)) is None:  # an earlier process began it
            return
        about: Attributes = {
            names.FINISH: ended.finish,
            names.INPUT_TOKENS: ended.usage.input,
            names.OUTPUT_TOKENS: ended.usage.output,
        }
        if ended.cost_usd is not None:
            about[names.COST] = ended.cost_usd
        if ended.failure:
            about[names.ERROR] = ended.failure.kind
            span.set_status(Status(StatusCode.ERROR))
        span.set_attributes(about)
        span.end(at)
        if not any(other[:2] == turn[:2] for other in self._turns):
            self._stages.pop((turn.stage, turn.round)).end(at)

    def _end_run(self, outcome: str, at: int) -> None:
        open_spans: Iterable[Span] = (*self._turns.values(), *self._stages.values())
        for span in open_spans:
            span.end(at)
        self._turns.clear()
        self._stages.clear()
        if self._span is not None:
            self._span.set_attribute(names.OUTCOME, outcome)
            self._span.end(at)
        self._on_end()

    def add_call(self, call: ProviderCall, offset_s: float) -> None:
        """Add a call below the latest open turn of its seat. `offset_s`: from loop time to wall time."""
        turns = [span for turn, span in self._turns.items() if turn.seat == call.seat]
        about: Attributes = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: prefix_of(call.model),
            names.REQUEST_MODEL: call.model.litellm,
        }
        if call.first_at is not None:
            about[names.FIRST_CHUNK] = call.first_at - call.began
        if call.usage is not None:
            about |= {names.INPUT_TOKENS: call.usage.input, names.OUTPUT_TOKENS: call.usage.output}
        if call.retries is not None:
            about[names.RETRIES] = call.retries
        parent = turns[-1] if turns else self._span
        name, began = f"{names.CHAT} {call.model.litellm}", _nanoseconds(call.began + offset_s)
        span = self._start(name, about, began, parent, SpanKind.CLIENT)
        if call.outcome not in ("answered", "closed"):
            span.set_attribute(names.ERROR, call.outcome)
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nanoseconds(call.ended + offset_s))

    def _start(
        self, name: str, about: Attributes, at: int, parent: Span | None, kind: SpanKind = SpanKind.INTERNAL
    ) -> Span:
        context = set_span_in_context(parent) if parent is not None else None
        return self._tracer.start_span(name, context, kind, about, start_time=at)


def _nanoseconds(at: float) -> int:
    return round(at * 1e9)
