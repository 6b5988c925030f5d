"""Councils played by hand: their seats answer and rank as a test says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.run import Rules, TurnId
from bot.formats.council.review_order import letter_labels
from tests.support.transcripts import Play, make_start

FIVE = ("ada", "bob", "cyd", "dan", "eve")
QUORUM = Rules(quorum=4, grace_s=10.0)


def make_council(
    rules: Rules = QUORUM, seats: Sequence[str] = FIVE, usual: Mapping[str, Sequence[float]] | None = None
) -> Play:
    """Begin a council; `usual`: seconds that the latest answers of some seats took."""
    begun = make_start("council", seats=seats)
    known = tuple(replace(s, usual_s=tuple((usual or {}).get(s.key, ()))) for s in begun.panel.seats)
    return Play(replace(begun, rules=rules, panel=replace(begun.panel, seats=known)))


def let_answer(play: Play, *seats: str) -> Play:
    """Begin all answers and end those of these seats."""
    play.start_wanted()
    for seat in seats:
        play.end_turn(TurnId("answer", 1, seat), f"{seat} speaks")
    return play


def let_rank(play: Play, reviewer: str, *best_first: str, ask: int = 1, round_: int = 1) -> Play:
    """End a review with that ranking, in the reviewer's own letters."""
    turn = TurnId("review", round_, reviewer, ask)
    shown = [i.seat for i in play.t.turns[turn].about]
    letter = dict(zip(shown, letter_labels(len(shown)), strict=True))
    return play.end_turn(
        turn, json.dumps({"ranking": [letter[s] for s in best_first], "review": f"{reviewer}'s reasons"})
    )


def wanted_reviews(play: Play) -> list[str]:
    return [w.turn.seat for w in play.plan.wanted if w.turn.stage == "review"]
