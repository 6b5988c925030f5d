"""A format is two pure functions of what has happened: `plan` and `ask`. Nothing here waits for anything."""

from __future__ import annotations

from bot.domain.facts import Fact, Interjected, SkipAsked, TurnEnded, TurnStarted
from bot.domain.run import TurnId
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.formats.council import council
from tests.support.transcripts import make_start

ADA, BOB, CYD = (TurnId("answer", 1, seat) for seat in ("ada", "bob", "cyd"))
BEGUN = (make_start("council", seats=("ada", "bob", "cyd")), TurnStarted(ADA), TurnStarted(BOB), TurnStarted(CYD))


def fold(*facts: Fact) -> Transcript:
    """Return what has happened in a run of these facts, one a second."""
    return fold_all(Transcript(), [Entry(second, float(second), fact) for second, fact in enumerate(facts, 1)])


def test_a_plan_wants_every_answer_first() -> None:
    plan = council.plan(fold(BEGUN[0]), 1.0)
    assert [want.turn for want in plan.wanted] == [ADA, BOB, CYD]


def test_a_turn_that_was_skipped_is_wanted_no_more() -> None:
    plan = council.plan(fold(*BEGUN, SkipAsked(ADA, "p")), 5.0)
    assert [want.turn for want in plan.wanted] == [BOB, CYD]


def test_the_reviews_follow_when_all_answers_are_in() -> None:
    ends = [TurnEnded(turn, "done", f"{turn.seat} thinks so") for turn in (ADA, BOB, CYD)]
    plan = council.plan(fold(*BEGUN, *ends), 7.0)
    assert [str(want.turn) for want in plan.wanted] == ["review/1/ada", "review/1/bob", "review/1/cyd"]


def test_a_question_never_changes_once_its_turn_has_begun() -> None:
    """So a turn that a restart has cut off is asked the same again."""
    before = council.ask(fold(*BEGUN), ADA)
    after = council.ask(fold(*BEGUN, Interjected("g", "Think of the blind.")), ADA)
    assert any("Tabs or spaces?" in part.text for part in before.parts)
    assert after == before
