"""The vote after a round, whether the debate goes on: by majority of those who vote, and on where nobody does.

The vote is open for `Rules.next_s` seconds after the round's last word, after a claim, or after a pause, whichever came
last; Next goes on at once, Close counts at once. Once the next round or the verdict has begun the facts say how it came
out, so that a late vote, a restart or another clock never changes it.
"""

from __future__ import annotations

from math import inf
from typing import Literal

from bot.domain.controls import Control
from bot.domain.costs import expect_next_round
from bot.domain.facts import RoundAsked, TurnEnded
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript
from bot.domain.visibility import names_hidden
from bot.formats import pauses
from bot.formats.debate.speaking_order import DEBATERS, JUDGING, debate_rules, round_start_seq
from bot.text import as_text

VOTE_STAGE = "round"
BUTTONS = {
    "go_on": "Go on",
    "end_here": "End here",
    "object": "Objection!",
    "next": "Next",
    "close_round": "Close",
}  # action → label

Decision = Literal["open", "go on", "end"]


def round_vote_lane(round_: int) -> LaneId:
    """Return the lane of the card on which people vote after that round."""
    return LaneId(VOTE_STAGE, round_, "")


def round_vote_controls(round_: int) -> tuple[Control, ...]:
    """Return the buttons under the vote after that round."""
    about = TurnId(*round_vote_lane(round_))
    return tuple(Control(action, label, about) for action, label in BUTTONS.items())


def has_round_vote(t: Transcript, round_: int) -> bool:
    """Return whether people decide on the course after that round."""
    return debate_rules(t).next == "vote" and round_ < t.started.rules.rounds


def round_decision(t: Transcript, round_: int, now: float) -> Decision:
    """Return the decision after a round, all of which has been said."""
    if not has_round_vote(t, round_) or round_start_seq(t, round_ + 1) < inf:
        return "go on"
    if any(i.stage in JUDGING for i in t.turns):
        return "end"
    pressed = t.steering.settled_rounds.get(round_)
    if isinstance(pressed, RoundAsked):
        return "go on"
    if pressed is None and now < round_vote_ends_at(t, round_):
        return "open"
    on, end = _count_wishes(t, round_)
    return "end" if end > on else "go on"


def round_vote_ends_at(t: Transcript, round_: int) -> float:
    """Return the wall time at which the votes are counted though nobody has pressed Next or Close."""
    stages = DEBATERS | {"check"}
    ends = [
        e.at
        for e in t.entries
        if isinstance(e.fact, TurnEnded) and e.fact.turn.round == round_ and e.fact.turn.stage in stages
    ]
    said = max(ends, default=0.0)
    return max(said, pauses.last_claim_at(t), t.steering.resumed_at) + t.started.rules.next_s


def round_vote_card(t: Transcript, round_: int, now: float) -> str:
    """Return the question while the vote is open, its counts hidden; then its outcome."""
    if pauses.cut_short_reason(t, now) and round_start_seq(t, round_ + 1) == inf:
        return "Nothing was decided: the debate was stopped."
    if round_decision(t, round_, now) != "open":
        return outcome_line(t, round_, now)
    last, cast = t.started.rules.rounds, sum(_count_wishes(t, round_))
    return (
        f"Go on to round {round_ + 1} of {last}, or end here and hear the judge? The majority of those who vote "
        f"decides; where nobody votes it goes on. Open for {t.started.rules.next_s:g} s, unless it is closed before. "
        f"{_count_voters(cast)}{_cost_line(t, round_)}"
    )


def _count_voters(cast: int) -> str:
    return f"{cast or 'Nobody'} {'have' if cast > 1 else 'has'} voted{'' if cast else ' yet'}."


def _cost_line(t: Transcript, round_: int) -> str:
    """Say what another round costs, where that is known and tells nobody apart."""
    expected = "" if names_hidden(t) else expect_next_round(t, round_)
    return f" Another round costs {expected}." if expected else ""


def outcome_line(t: Transcript, round_: int, now: float) -> str:
    """Say how the vote came out, and why."""
    on, end = _count_wishes(t, round_)
    pressed = t.steering.settled_rounds.get(round_)
    if round_decision(t, round_, now) == "end":
        return f"The debate ended: {end} voted to end, {on} to go on."
    if isinstance(pressed, RoundAsked):
        return f"The debate went on: {as_text(pressed.name or pressed.by)} pressed Next."
    return f"The debate went on: {f'{on} voted to go on, {end} to end' if on or end else 'nobody voted'}."


def _count_wishes(t: Transcript, round_: int) -> tuple[int, int]:
    """Return the votes for going on, and those for ending."""
    cast = [wish for (_, at), wish in t.steering.round_votes.items() if at == round_]
    return cast.count("go on"), cast.count("end")
