"""The limit of a whole run, and the moment from which its waits are counted."""

from __future__ import annotations

from bot.domain.facts import Claimed
from bot.domain.transcript import Transcript


def counted_from(t: Transcript) -> float:
    """Return the wall time from which waits are counted: the start, or the last claim or resumption before the end.

    A process that was down must not cut off seats that it could not hear, and nobody is late while a run is paused.
    """
    ends = t.finished_at if t.is_over else float("inf")
    claimed = next((e.at for e in reversed(t.entries) if isinstance(e.fact, Claimed) and e.at <= ends), 0.0)
    return max(t.entries[0].at, claimed, t.steering.resumed_at)


def deadline_at(t: Transcript) -> float | None:
    """Return the wall time at which a run is out of time; None where it never is, or not while it is paused."""
    limit = t.started.rules.deadline_s
    return None if limit is None or t.steering.paused else counted_from(t) + limit


def is_out_of_time(t: Transcript, now: float) -> bool:
    """Return whether nothing that is still out is waited for any more; the end, once stored, decides it for good."""
    at = deadline_at(t)
    return at is not None and (t.finished_at if t.is_over else now) >= at
