"""The swing of opinion: people vote before a debate and after it, and the result is how far they moved.

As in Oxford-style debates the side wins that has moved most, but shares are taken over those alone who voted both
times: latecomers and those who left then change nothing, and whatever a share gains, somebody has moved to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.controls import Control
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name
from bot.formats.common import last_votes, open_turns
from bot.formats.debate.speaking_order import position_of, round_steps
from bot.formats.vote_options import ROUND_BEFORE
from bot.text import count_word

BEFORE = LaneId("before", ROUND_BEFORE, "")
BEFORE_TITLE = "Before it begins"


@dataclass(frozen=True, slots=True)
class Swing:
    """The movement of `people` who voted both times.

    `moved` of them changed sides; `side` gained most. Shares are from 0 to 1.
    """

    side: str
    before: float
    after: float
    moved: int
    people: int

    def __str__(self) -> str:
        after = round(self.after * 100)
        if not self.moved:
            return f"Nobody changed sides: {self.side} stays at {after} % of {self.people} who voted both times."
        return f"{self.side}: {round(self.before * 100)} → {after} %: {count_word(self.moved)} of you moved."


def has_vote_before(t: Transcript) -> bool:
    """Return whether people vote before and after: where sides are known and the vote goes on after the end."""
    rules = t.started.rules
    is_asked = rules.debating is not None and rules.vote_s > 0 and len(t.started.panel.seats) > 1
    return is_asked and (any(position_of(t, s.key) for s in t.started.panel.seats) or _count_before(t) > 0)


def is_vote_before_open(t: Transcript) -> bool:
    """Return whether a vote still counts as one from before: until everyone has spoken once."""
    first = [turn for step in round_steps(t, 1) for turn in step]
    return has_vote_before(t) and t.stopped is None and t.finished is None and open_turns(t, first) is not None


def vote_before_choices(t: Transcript) -> Mapping[TurnId, str]:
    """Return the choices before the debate: each side by its first seat, and its label."""
    there = {seat: side for seat, side in _sides_by_seat(t).items() if seat not in t.steering.dropped}
    first = {side: seat for seat, side in reversed(there.items())}
    return {TurnId(BEFORE.stage, ROUND_BEFORE, seat): side for side, seat in reversed(first.items())}


def vote_before_controls(t: Transcript) -> tuple[Control, ...]:
    """Return a button for each side that people can vote for before the debate."""
    return tuple(Control("vote", f"👍 {side}", turn) for turn, side in vote_before_choices(t).items())


def vote_before_card(t: Transcript) -> str:
    """Ask whom people side with; once that is closed, say how many did, or "" where nobody has."""
    cast = _count_before(t)
    count = f"{cast} {'has' if cast == 1 else 'have'} voted." if cast else ""
    if not is_vote_before_open(t):
        return f"The vote from before is closed; {count} There is another one at the end." if cast else ""
    return f"Whom would you side with now? Vote before you have heard them, and again at the end. {count}".strip()


def _count_before(t: Transcript) -> int:
    return sum(round_ == ROUND_BEFORE for _, round_ in t.votes)


def measure_swing(t: Transcript) -> Swing | None:
    """Return the swing; None where nobody has voted both times."""
    sides, after = _sides_by_seat(t), last_votes(t)
    both = [
        (sides[was], sides[after[by]])
        for (by, round_), was in t.votes.items()
        if round_ == ROUND_BEFORE and by in after
    ]
    if not both:
        return None
    was, now = Counter(a for a, _ in both), Counter(b for _, b in both)
    gained = max(sides.values(), key=lambda side: (now[side] - was[side], now[side]))
    moved = sum(a != b for a, b in both)
    return Swing(gained, was[gained] / len(both), now[gained] / len(both), moved, len(both))


def _sides_by_seat(t: Transcript) -> dict[str, str]:
    """Return the position that each seat was given, or its name where it chooses its own; in panel order."""
    return {s.key: position_of(t, s.key) or display_name(t, s.key) for s in t.started.panel.seats}
