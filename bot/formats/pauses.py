"""A pause: running turns finish, nothing begins, and after a day the run is over as it stands.

A pause that nobody ends must end by itself: a run would otherwise be taken up at every start for ever. It is closed
and not resumed, since a run that goes on costs money and nobody watches.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import Claimed
from bot.domain.transcript import Transcript
from bot.formats.plan import Plan
from bot.text import as_text

HOUR_S, DAY_S = 3_600.0, 86_400.0


def pause_ends_at(t: Transcript) -> float:
    """Return the wall time at which the pause is closed.

    A claim restarts it: while a process was down nobody could resume.
    """
    return max(t.steering.paused_at, last_claim_at(t)) + t.started.rules.pause_s


def cut_short_reason(t: Transcript, now: float) -> str:
    """Return why nothing more is wanted though the run has not come to its end; "" where it may go on.

    Once the end is stored it decides: a later claim changes nothing.
    """
    kept = "what was said is kept" if any(turn.spoke for turn in t.turns.values()) else "nothing had been said"
    if t.stopped is not None:
        return f"This run was stopped before its end; {kept}."
    if t.steering.paused is None:
        return ""
    over = t.finished.outcome == "stopped" if t.finished else now >= pause_ends_at(t)
    who = as_text(t.steering.paused.name or t.steering.paused.by)
    return f"{who} paused this run, and nobody resumed it {_within(t)}; {kept}." if over else ""


def hold_plan(t: Transcript, made: Plan) -> Plan:
    """Return the plan while paused: only those of its turns that have begun."""
    want = tuple(w for w in made.wanted if w.turn in t.turns)
    return replace(made, wanted=want, again_at=pause_ends_at(t), stage=f"{made.stage}, paused")


def pause_line(t: Transcript) -> str:
    """Tell the board who has paused the run, and for how long at most; "" where nobody has."""
    paused = t.steering.paused
    if paused is None or t.finished:
        return ""
    who = as_text(paused.name or paused.by)
    return (
        f"⏸ {who} has paused this run: whoever speaks finishes, and nothing begins until somebody resumes it. "
        f"Where nobody does {_within(t)}, it ends as it stands."
    )


def last_claim_at(t: Transcript) -> float:
    """Return the wall time at which a process took the run over last; 0 where none has."""
    return next((e.at for e in reversed(t.entries) if isinstance(e.fact, Claimed)), 0.0)


def _within(t: Transcript) -> str:
    seconds = t.started.rules.pause_s
    if seconds >= DAY_S:
        return "within a day" if seconds == DAY_S else f"within {seconds / DAY_S:g} days"
    return f"within {seconds / HOUR_S:g} hours" if seconds >= HOUR_S else f"within {seconds:g} s"
