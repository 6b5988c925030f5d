"""When a council goes on without what is still out: reviews without answers, the chair without reviews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.facts import TurnEnded
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.formats.common import open_turns, seat_of
from bot.formats.council.patience import (
    Outstanding,
    find_patience,
    find_stretch,
    usual_times,
    usual_turn,
    value_one_more,
)
from bot.formats.council.reviews import Review, answer_turns, first_answers, given_answers
from bot.formats.time_limits import counted_from

# What follows the first reviews' start, in turns of the usual length: reviews until enough are in, and the chair. It is
# the median in councils of recorded answers (`python -m benchmarks.formats`, "to come").
AFTER_ANSWERS, AFTER_REVIEWS = 4.0, 1.0


def reviews_open_at(t: Transcript) -> float | None:
    """Return the wall time at which the reviews begin though answers are still out; None: not before all are in."""
    rules = t.started.rules
    ends = _ends_of(t, (turn.id for turn in given_answers(t)))
    if rules.quorum is None or len(ends) < rules.quorum:
        return None
    out = open_turns(t, answer_turns(t)) or ()
    return _pays_until(t, ends, out, rules.quorum, rules.grace_s, AFTER_ANSWERS)


def chair_begins_at(t: Transcript, reviews: Sequence[Review]) -> float | None:
    """Return the wall time at which the chair begins though reviews are still out; None: not before all are in."""
    rules = t.started.rules
    ends = _ends_of(t, (r.turn.id for r in reviews if r.turn and r.tiers and not r.pending))
    out = [r.want.turn for r in reviews if r.pending]
    quorum = max(1, _count_share(rules.review_quorum, len(ends) + len(out)))
    if not out or len(ends) < quorum:
        return None
    return _pays_until(t, ends, out, quorum, rules.review_grace_s, AFTER_REVIEWS)


def _pays_until(
    t: Transcript, ends: Mapping[TurnId, float], out: Iterable[TurnId], quorum: int, grace_s: float, to_come: float
) -> float:
    """Return until when waiting pays, and at most a grace time after the quorum was there; `to_come`: in usual turns.

    Waits are counted anew from a claim and from the end of a pause.
    """
    since, begun = counted_from(t), min(t.turns[i].started.at for i in t.turns if i.stage == "answer")
    now = max(since, *ends.values())
    taken = {i: at - t.turns[i].started.at for i, at in ends.items()}
    answers = _ends_of(t, (turn.id for turn in first_answers(t)))
    usual_s = usual_turn(at - t.turns[i].started.at for i, at in answers.items())
    stretch = find_stretch((seconds, _usual_of(t, i)) for i, seconds in taken.items())
    worth_s = value_one_more(now - begun, to_come * usual_s, len(ends))
    missing = tuple(
        Outstanding(
            tuple(stretch * second for second in _usual_of(t, i)),
            now - max(since, t.turns[i].started.at) if i in t.turns else 0.0,
        )
        for i in out
    )
    had_quorum = max(since, sorted(ends.values())[quorum - 1])
    return min(now + find_patience(missing, worth_s), had_quorum + grace_s)


def _usual_of(t: Transcript, turn: TurnId) -> tuple[float, ...]:
    return usual_times(seat_of(t, turn), thinks=turn in t.turns and t.turns[turn].thinks)


def _ends_of(t: Transcript, turns: Iterable[TurnId]) -> dict[TurnId, float]:
    """Return the wall times at which these turns have ended."""
    wanted = set(turns)
    return {e.fact.turn: e.at for e in reversed(t.entries) if isinstance(e.fact, TurnEnded) and e.fact.turn in wanted}


def _count_share(share: float, count: int) -> int:
    """Return how many a share of a count is, rounded up, whatever binary fractions make of it."""
    return -int(-(share * count - 1e-9) // 1)
