"""What happens in runs and with providers, counted as it happens."""

from __future__ import annotations

import asyncio

from bot.domain.facts import RunFinished, RunStarted, SeatAdded, SetAside, TurnEnded, TurnStarted
from bot.domain.run import LaneId, Seat
from bot.domain.transcript import SET_ASIDE, Entry
from bot.engine.trace import NoTrace
from bot.models.calls import ProviderCall
from bot.models.catalogue import prefix_of
from bot.operations.metrics import Metrics
from bot.ports.process import Trace


class CountingTrace(NoTrace):
    """A trace that counts. Facts from before `since` (wall seconds) were counted by an earlier process."""

    def __init__(self, metrics: Metrics, since: float) -> None:
        self._metrics = metrics
        self._since = since

    def for_run(self, run: str) -> Trace:
        return _RunCounter(self._metrics, self._since)


class _RunCounter(NoTrace):
    """The trace of one run. `_began`: loop times at which turns began that nobody can read yet."""

    def __init__(self, metrics: Metrics, since: float) -> None:
        self._metrics = metrics
        self._since = since
        self._format = self._platform = ""
        self._is_live = True
        self._seats: dict[str, Seat] = {}
        self._began: dict[LaneId, float] = {}

    def record_fact(self, entry: Entry) -> None:
        match entry.fact:
            case RunStarted() as start:
                self._take_start(start)
            case SeatAdded(seat):
                self._seats[seat.key] = seat
        if entry.at < self._since:
            return
        match entry.fact:
            case RunStarted(format=format):
                self._metrics.runs_started.labels(format).inc()
            case TurnStarted(turn) if turn.ask == 1 and self._is_live:
                self._began[turn.lane] = asyncio.get_running_loop().time()
            case TurnEnded() as ended:
                self._count_turn(ended)
            case RunFinished(outcome):
                self._metrics.runs_ended.labels(self._format, outcome).inc()
            case SetAside():
                self._metrics.runs_ended.labels(self._format, SET_ASIDE).inc()

    def _take_start(self, start: RunStarted) -> None:
        self._format, self._platform = start.format, start.server.partition(":")[0]
        self._is_live = start.rules.veil.reveal == "live"  # otherwise people wait for more than the bot
        self._seats = {seat.key: seat for seat in start.panel.everyone()}

    def _count_turn(self, ended: TurnEnded) -> None:
        seat = self._seats.get(ended.turn.seat)
        if seat is None:
            return
        metrics, model = self._metrics, ended.stand_in.model if ended.stand_in else seat.model
        metrics.turns.labels(model, ended.finish).inc()
        if ended.failure:
            metrics.turn_failures.labels(model, ended.failure.kind).inc()
        if ended.timings.first_token_s is not None:
            metrics.first_token.labels(model, self._platform).observe(ended.timings.first_token_s)
        for kind in ("input", "output", "thinking", "cached"):
            metrics.tokens.labels(model, kind).inc(getattr(ended.usage, kind))
        if ended.cost_usd is not None:
            metrics.cost.labels(model).inc(ended.cost_usd)
        elif ended.usage.output:
            metrics.unpriced.labels(model).inc()

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        if chars and (began := self._began.pop(lane, None)) is not None and lane.seat in self._seats:
            waited_s = asyncio.get_running_loop().time() - began
            self._metrics.first_line.labels(self._seats[lane.seat].model, surface.lower()).observe(waited_s)

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None:
        self._metrics.shown.labels(surface.lower()).inc(chars)
        self._metrics.waited.labels(surface.lower()).inc(max(0.0, waited_s))  # not below 0 by rounding

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        self._metrics.requests.labels(surface.lower(), method, str(status)).inc()
        self._metrics.request_time.labels(surface.lower(), method).observe(duration_s)


def count_call(metrics: Metrics, call: ProviderCall) -> None:
    """Count a call of a provider that has ended."""
    provider = prefix_of(call.model)
    metrics.calls.labels(provider, call.outcome).inc()
    if call.retries is not None:
        metrics.retries.labels(provider, call.retries).inc()
