"""How long models have taken to answer lately, by server: what the waits of new runs are reckoned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from bot.concurrency import SingleFlight
from bot.domain.run import Effort, Panel, Seat
from bot.domain.transcript import Transcript, fold_all
from bot.formats.common import COMPLETE_FINISHES
from bot.ports.store import Store

RUNS = 20  # latest runs of a server that are looked at
ANSWERS = 20  # latest answers of a model at an effort
LEAST_S = 0.1  # of an answer: how many times as long others take is reckoned from it
CACHED_RUNS = 2_000  # a run that has ended changes no more


class AnswerTime(NamedTuple):
    """An answer that came to its own end: whose, how hard it thought, and its seconds."""

    model: str
    effort: Effort | None
    seconds: float


class PaceBook:
    """The latest answers in each server's runs, read from their facts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[AnswerTime, ...]] = {}  # run → its answers
        self._latest = SingleFlight(self._read_latest)

    async def note_usual(self, panel: Panel, server: str) -> Panel:
        """Return the panel with what is known of each seat's times on that server. Raises StoreFailed."""
        latest = await self._latest.get(server)
        return replace(panel, seats=tuple(_with_usual(seat, latest) for seat in panel.seats))

    async def note_seat(self, seat: Seat, server: str) -> Seat:
        """Return a seat with what is known of its times on that server. Raises StoreFailed."""
        return _with_usual(seat, await self._latest.get(server))

    async def _read_latest(self, server: str) -> tuple[AnswerTime, ...]:
        """Return the answers of the server's latest runs, newest run first."""
        ended = [row.run for row in await self._store.runs(RUNS, server) if row.outcome]
        for run in ended:
            if run not in self._known:
                self._known[run] = list_answer_times(fold_all(Transcript(), await self._store.read(run)))
        latest = tuple(time for run in ended for time in self._known.get(run, ()))
        while len(self._known) > CACHED_RUNS:
            del self._known[next(iter(self._known))]
        return latest


def list_answer_times(t: Transcript) -> tuple[AnswerTime, ...]:
    """Return the times of a run's first answers that came to their own end."""
    seats = {s.key: s for s in t.start.panel.everyone()} if t.start else {}
    return tuple(
        AnswerTime(seats[i.seat].model, seats[i.seat].effort, max(LEAST_S, round(turn.ended.timings.total_s, 1)))
        for i, turn in t.turns.items()
        if i.stage == "answer" and turn.ended and turn.ended.finish in COMPLETE_FINISHES and turn.ended.timings.total_s
        if turn.ended.stand_in is None  # its time is another model's
    )


def _with_usual(seat: Seat, latest: Iterable[AnswerTime]) -> Seat:
    own = [time.seconds for time in latest if (time.model, time.effort) == (seat.model, seat.effort)]
    return replace(seat, usual_s=tuple(own[:ANSWERS]))
