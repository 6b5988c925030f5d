"""What the asks of one seat have in common stands first, so that a provider reads it from its cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

import pytest

from bot.domain.asks import Part
from bot.domain.facts import Interjected
from bot.domain.run import DebateRules, Form, Rules
from tests.support.transcripts import Play, make_start

Asked = dict[str, list[tuple[Part, ...]]]  # by seat, what it was asked, first to last


def play_asks(play: Play) -> Asked:
    """Play a run to its end; a remark is made after each stage."""
    asked: Asked = {}
    while not play.plan.outcome:
        for turn in play.start_wanted():
            asked.setdefault(turn.seat, []).append(play.form.ask(play.t, turn).parts)
            play.end_turn(turn, f"{turn} speaks.\nVERDICT: nobody")
        play.record(Interjected("Kim", f"A remark before {play.t.seq}."))
    return asked


def shared_start(one: Sequence[Part], other: Sequence[Part]) -> int:
    """Return how many of the first parts read the same."""
    pairs = ((a.role, a.text) == (b.role, b.text) for a, b in zip(one, other, strict=False))
    return len(list(takewhile(bool, pairs)))


def marked(parts: Sequence[Part]) -> int:
    """Return how many of the first parts are to be kept; 0: none."""
    return max((n for n, part in enumerate(parts, 1) if part.cache_breakpoint), default=0)


@pytest.mark.parametrize("form", ["simultaneous", "turns", "oxford", "advocate", "free"])
def test_later_rounds_begin_as_earlier_ones_did(form: Form) -> None:
    begun = make_start("debate", rounds=4)
    play = Play(replace(begun, rules=replace(begun.rules, debating=DebateRules(form, watch=False))))
    for seat, asks in play_asks(play).items():
        if seat == "judge":
            continue
        for before, after in pairwise(asks):
            assert shared_start(before, after) == marked(before) >= 2, "instructions and question at least"
        assert marked(asks[-1]) == marked(asks[-2]), "nothing is kept for an ask that never comes"


def test_the_judge_reads_on_where_it_was() -> None:
    begun = make_start("debate", rounds=3)
    play = Play(replace(begun, rules=replace(begun.rules, debating=DebateRules(cast=True, watch=True))))
    asks = play_asks(play)["judge"]
    assert len(asks) >= 5, "personas, two checks, the verdict, scores"
    for before, after in pairwise(asks):
        assert shared_start(before, after) >= marked(before) >= 2


def test_a_review_begins_as_its_seats_answer_did() -> None:
    asked = play_asks(Play(replace(make_start("council"), rules=Rules())))
    for seat in ("ada", "bob", "cyd"):
        answer, review, *_ = asked[seat]
        assert shared_start(answer, review) == marked(answer) == marked(review) == 2
    assert marked(asked["chair"][0]) == 0, "it is asked once"
