"""How long a council waits: for answers and reviews as long as it pays, for late ballots never, for all to a limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.facts import Claimed, Paused, Resumed, RetryAsked, RunFinished, SeatDropped, ThinkingSeen, TurnEnded
from bot.domain.run import Failure, Mode, Rules, Seat, TurnId
from bot.formats.council.cards import COUNTED, REVIEWS
from bot.formats.council.chair import SYNTHESIS
from bot.formats.council.patience import (
    RECORDED_S,
    Outstanding,
    find_patience,
    find_stretch,
    usual_times,
    value_one_more,
)
from bot.formats.end_card import END
from tests.support.councils import FIVE, let_answer, let_rank, make_council, wanted_reviews
from tests.support.transcripts import Play, read_ask

WAITS = Rules(quorum=3, grace_s=60.0, review_quorum=0.6, review_grace_s=60.0, deadline_s=100.0)
DAN, EVE, LATE_EVE = TurnId("answer", 1, "dan"), TurnId("answer", 1, "eve"), ("eve", "bob", "ada")


class TestPatience:
    @pytest.mark.parametrize(
        ("out", "worth_s", "seconds"),
        [
            ((), 9.0, 0.0),
            (((5.0,), 0.0), 5.1, 5.0),  # certain, and worth it
            (((5.0,), 0.0), 4.9, 0.0),
            (((5.0,), 3.0), 2.1, 2.0),  # only what is left of it counts
            (((5.0,), 5.0), 99.0, 0.0),  # slower than it ever was: not expected
            (((1.0, 100.0), 0.0), 2.1, 1.0),  # half come soon, the others not for long
            (((1.0, 100.0), 2.0), 9.0, 0.0),  # it is none of those that come soon
            (((1.0, 100.0), 0.0), 999.0, 100.0),
        ],
    )
    def test_it_lasts_as_long_as_an_answer_is_worth(
        self, out: tuple[tuple[float, ...], float] | tuple[()], worth_s: float, seconds: float
    ) -> None:
        missing = (Outstanding(*out),) if out else ()
        assert find_patience(missing, worth_s) == seconds

    def test_two_are_worth_more_than_one_and_cost_the_same_wait(self) -> None:
        one = Outstanding((5.0,), 0.0)
        assert (find_patience((one,), 3.0), find_patience((one, one), 3.0)) == (0.0, 5.0)

    def test_one_that_hangs_leaves_the_patience_for_the_other_one(self) -> None:
        assert find_patience((Outstanding((5.0,), 0.0), Outstanding((2.0,), 90.0)), 6.0) == 5.0

    @pytest.mark.parametrize(
        ("seat", "times"),
        [
            (Seat("a", "m", "A"), 1),
            (Seat("a", "m", "A", effort="none", thinks=True), 1),
            (Seat("a", "m", "A", effort="low"), 2),
            (Seat("a", "m", "A", thinks=True), 5),
            (Seat("a", "m", "A", effort="high"), 10),
        ],
    )
    def test_who_thinks_harder_is_taken_to_be_slower(self, seat: Seat, times: int) -> None:
        assert usual_times(seat) == tuple(times * s for s in RECORDED_S)
        assert usual_times(replace(seat, usual_s=(3.0, 4.0))) == (3.0, 4.0)

    def test_a_question_that_takes_all_longer_stretches_what_is_usual(self) -> None:
        assert find_stretch([(6.0, (2.0,)), (3.0, (1.0,)), (1.0, (1.0,))]) == 3.0
        assert (find_stretch([]), find_stretch([(900.0, (1.0,))])) == (1.0, 8.0)

    def test_one_more_is_worth_what_each_has_cost(self) -> None:
        assert value_one_more(10.0, 20.0, 3) == 10.0


class TestAnswers:
    def test_a_seat_known_to_be_slow_is_not_waited_for(self) -> None:
        quick = dict.fromkeys(FIVE[:4], (4.0, 5.0, 6.0))
        slow = let_answer(make_council(WAITS, usual={**quick, "eve": (50.0, 60.0)}), *FIVE[:4])
        assert (wanted_reviews(slow), "answer/1/eve" in slow.wanted) == (list(FIVE[:4]), True)

    def test_a_seat_known_to_be_about_to_answer_is(self) -> None:
        soon = let_answer(make_council(WAITS, usual=dict.fromkeys(FIVE, (8.0, 9.0, 9.0))), *FIVE[:4])
        assert wanted_reviews(soon) == []
        assert soon.plan.again_at is not None
        assert soon.t.at < soon.plan.again_at < soon.t.at + 10
        assert wanted_reviews(soon.end_turn(EVE, "eve speaks")) == list(FIVE)

    def test_a_seat_that_is_seen_to_think_is_expected_later(self) -> None:
        play = let_answer(make_council(WAITS), *FIVE[:3])
        thinks = let_answer(make_council(WAITS), *FIVE[:3]).record(ThinkingSeen(EVE), ThinkingSeen(DAN))
        assert thinks.t.turns[EVE].thinks
        assert wanted_reviews(play.wait(2.0)) == []
        assert wanted_reviews(thinks) == list(FIVE[:3])

    def test_no_quorum_no_reviews(self) -> None:
        assert wanted_reviews(let_answer(make_council(WAITS), "ada", "bob").wait(90)) == []


class TestReviews:
    def ranked(self, *reviewers: str, rules: Rules = WAITS) -> Play:
        play = let_answer(make_council(rules), *FIVE)
        play.start_wanted()
        for n, reviewer in enumerate(reviewers):
            let_rank(play, reviewer, *(FIVE if n % 2 else FIVE[::-1]))  # so that no order is safe early
        return play

    def test_a_reviewer_that_hangs_does_not_hold_the_chair(self) -> None:
        play = self.ranked(*FIVE[:4])
        assert SYNTHESIS not in {w.turn for w in play.plan.wanted}
        assert play.plan.again_at is not None
        assert {str(SYNTHESIS), "review/1/eve"} == set(play.wait(60).wanted)

    def test_below_its_quorum_the_chair_waits_until_the_deadline(self) -> None:
        play = self.ranked("ada", "bob")
        assert str(SYNTHESIS) not in play.wait(60).wanted
        assert play.plan.again_at == play.t.entries[0].at + 100

    def test_runs_from_before_wait_for_all_reviews(self) -> None:
        play = self.ranked(*FIVE[:4], rules=Rules(quorum=4, grace_s=8.0))
        assert (str(SYNTHESIS) in play.wait(3_000).wanted, play.plan.again_at) == (False, None)


class TestLaterBallots:
    def late(self, *ranked: str, rules: Rules = WAITS) -> Play:
        """Begin the reviews without Eve, end those of these reviewers, and let Eve answer."""
        play = let_answer(make_council(rules, usual={"eve": (99.0,)}), *FIVE[:4])
        play.start_wanted()
        for reviewer in ranked:
            let_rank(play, reviewer, "bob", "ada", "cyd", "dan")
        return play.end_turn(EVE, "eve speaks")

    def test_it_has_the_late_answer_beside_those_that_lead(self) -> None:
        play = self.late(*FIVE[:4])
        later = [w for w in play.plan.wanted if w.turn.round == 2]
        assert [w.turn.seat for w in later] == list(FIVE)  # the late seat has a say on the others
        assert {frozenset(i.seat for i in w.about) for w in later} == {frozenset({"eve", "bob", "ada"})}
        play.start_wanted()
        asked = read_ask(play, later[0].turn)
        assert ("Rank the answers A, B, C, best first." in asked, "eve speaks" in asked) == (True, True)

    def test_only_who_is_free_is_asked(self) -> None:
        play = self.late("ada", "bob")
        assert [w.turn.seat for w in play.plan.wanted if w.turn.round == 2] == ["ada", "bob", "eve"]
        play.start_wanted()
        let_rank(play, "cyd", "bob", "ada", "cyd", "dan")
        assert [w.turn.seat for w in play.plan.wanted if w.turn.round == 2] == ["ada", "bob", "cyd", "eve"]

    def test_nobody_free_but_its_author_is_no_ballot(self) -> None:
        assert [w for w in self.late().plan.wanted if w.turn.round == 2] == []

    def test_a_late_answer_joins_the_standings_and_may_win(self) -> None:
        play = self.late(*FIVE[:4])
        play.start_wanted()
        assert "The models ranked Bob first" in play.plan.cards[REVIEWS]
        assert "Eve" not in play.plan.full_texts[COUNTED]
        for reviewer in ("ada", "bob", "cyd"):
            let_rank(play, reviewer, *LATE_EVE, round_=2)
        assert "4 ballots, 0 abstained;" in play.plan.full_texts[COUNTED]
        assert "\n\nThe models ranked Eve first, then Bob" in play.plan.cards[REVIEWS]
        titles = [section.title for section in play.plan.sections[REVIEWS]]
        assert "Ada, on Eve" in titles
        assert len(titles) == len(set(titles))
        assert "**Ada, Bob and Cyd**, on Eve: Eve, then Bob, then Ada\n" in play.plan.cards[REVIEWS]
        assert "too late to be reviewed" not in play.plan.cards[REVIEWS]

    def test_two_answers_are_reviewed_where_the_third_is_out_and_joins_them(self) -> None:
        play = let_answer(make_council(replace(WAITS, quorum=2), FIVE[:3], {"cyd": (99.0,)}), *FIVE[:2])
        play.start_wanted()
        for reviewer, other in (("ada", "bob"), ("bob", "ada")):
            let_rank(play, reviewer, other)
        told = "No answer is ranked first: of two, each model could only judge the other's."
        assert play.plan.cards[REVIEWS].endswith(told)
        play.end_turn(TurnId("answer", 1, "cyd"), "cyd speaks").start_wanted()
        assert {i.seat for i in play.t.turns if i.stage == "review" and i.round == 2} == set(FIVE[:3])

    def test_the_chair_does_not_wait_for_it(self) -> None:
        play = self.late(*FIVE[:4])
        assert str(SYNTHESIS) in play.wanted

    def test_an_unreadable_one_is_not_asked_for_again_and_a_retry_sees_the_same(self) -> None:
        play = self.late(*FIVE[:4])
        play.start_wanted()
        first = TurnId("review", 2, "ada")
        play.end_turn(TurnId("review", 2, "bob"), "All fine.")
        play.record(TurnEnded(first, "failed", failure=Failure("rate", "busy")), RetryAsked(first, "p"))
        again = [w for w in play.plan.wanted if w.turn.ask == 2]
        assert [(w.turn.seat, w.about) for w in again] == [("ada", play.t.turns[first].about)]

    def test_answers_that_come_meanwhile_gather_for_one_more(self) -> None:
        usual = {"dan": (99.0,), "eve": (99.0,), "fay": (99.0,)}
        play = let_answer(make_council(WAITS, (*FIVE, "fay"), usual), *FIVE[:3])
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "bob", "ada", "cyd")
        for seat in ("dan", "eve", "fay"):
            play.end_turn(TurnId("answer", 1, seat), f"{seat} speaks")
            play.start_wanted()
        assert {i.round for i in play.t.turns if i.stage == "review"} == {1, 2}
        let_rank(play, "ada", "dan", "bob", "ada", round_=2)
        assert {s for w in play.plan.wanted if w.turn.round == 3 for s in w.about} >= {EVE, TurnId("answer", 1, "fay")}

    def test_a_seat_that_has_left_neither_reviews_nor_is_reviewed(self) -> None:
        play = self.late(*FIVE[:4]).record(SeatDropped("ada", "p"))
        assert [w.turn.seat for w in play.plan.wanted if w.turn.round == 2] == ["bob", "cyd", "dan", "eve"]
        assert not [w for w in play.record(SeatDropped("eve", "p")).plan.wanted if w.turn.round == 2]

    def test_a_run_that_ended_without_one_stays_as_it_ended(self) -> None:
        play = self.late(*FIVE[:4]).record(RunFinished("synthesised")).wait(10_000)
        assert "Eve answered too late to be reviewed." in play.plan.cards[REVIEWS]
        assert not [w for w in play.plan.wanted if w.turn.stage == "review"]


class TestDeadline:
    def test_the_chair_speaks_with_what_is_there_and_the_end_says_what_is_missing(self) -> None:
        play = let_answer(make_council(WAITS), "ada", "bob").wait(89)
        assert play.plan.again_at == play.t.entries[0].at + 100
        assert play.wait(20).wanted == []  # what is still out is cut off first
        for seat in ("cyd", "dan", "eve"):
            play.end_turn(TurnId("answer", 1, seat), "half" if seat == "cyd" else "", "stopped")
        assert play.wanted == [str(SYNTHESIS)]
        play.start_wanted()
        assert any("cyd" in p.text.lower() and "half" in p.text for p in play.form.ask(play.t, SYNTHESIS).parts)
        play.end_turn(SYNTHESIS, "All in all.")
        assert play.plan.outcome == "synthesised"
        assert "Cyd, Dan and Eve did not finish their answer (not in time)." in play.plan.cards[END]

    def test_reviews_that_hang_are_cut_off_as_well(self) -> None:
        play = let_answer(make_council(WAITS), *FIVE)
        play.start_wanted()
        let_rank(play, "ada", *FIVE)
        assert play.wait(100).wanted == []
        for seat in FIVE[1:]:
            play.end_turn(TurnId("review", 1, seat), "", "stopped")
        assert play.wanted == [str(SYNTHESIS)]

    def test_a_chair_that_speaks_is_not_cut_off(self) -> None:
        play = let_answer(make_council(WAITS), *FIVE)
        for _ in FIVE:
            play.start_wanted()
        for reviewer in FIVE:
            let_rank(play, reviewer, *FIVE)
        play.start_wanted()
        assert play.wait(500).wanted == [str(SYNTHESIS)]

    @pytest.mark.parametrize(("mode", "outcome"), [("answers", "answered"), ("ranking", "ranked")])
    def test_other_modes_end_with_what_is_there(self, mode: Mode, outcome: str) -> None:
        play = let_answer(make_council(replace(WAITS, mode=mode)), "ada", "bob").wait(100)
        assert play.wanted == []
        for seat in ("cyd", "dan", "eve"):
            play.end_turn(TurnId("answer", 1, seat), "", "stopped")
        assert (play.wanted, play.plan.outcome) == ([], outcome)

    def test_nobody_in_time_is_a_failure(self) -> None:
        assert let_answer(make_council(WAITS)).wait(100).plan.outcome == "failed"

    def test_a_pause_and_a_claim_begin_it_anew(self) -> None:
        play = let_answer(make_council(WAITS), "ada").wait(99).record(Paused("p"))
        assert len(play.wait(5_000).wanted) == 4
        play.record(Resumed("p"))
        assert play.plan.again_at == play.t.at + 100
        play.wait(99).record(Claimed("another process"))
        assert play.plan.again_at == play.t.at + 100
        assert len(play.wait(99).wanted) == 4
