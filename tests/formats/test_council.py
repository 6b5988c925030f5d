"""A council in full, on its plan alone: its modes, waiting, repeated asks, and the chair."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.facts import Claimed, Removed, RetryAsked, SkipAsked, Stopped, TurnEnded, TurnStarted
from bot.domain.lane_links import without_lane_links
from bot.domain.run import Failure, Finish, LaneId, Mode, Rules, TurnId
from bot.engine.thread import thread_posts
from bot.formats.common import seat_of
from bot.formats.council.cards import LATE, REVIEWS, TWO_ANSWERS
from bot.formats.council.chair import SYNTHESIS
from bot.formats.council.review_order import letter_labels
from bot.formats.end_card import END
from tests.support.councils import FIVE, QUORUM, let_answer, let_rank, make_council, wanted_reviews
from tests.support.transcripts import Play, make_start


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "stages", "outcome"),
        [
            ("answers", ["answer"], "answered"),
            ("ranking", ["answer", "review"], "ranked"),
            ("full", ["answer", "review", "synthesis"], "synthesised"),
        ],
    )
    def test_it_goes_as_far_as_it_is_told(self, mode: Mode, stages: list[str], outcome: str) -> None:
        play = make_council(Rules(mode=mode))
        seen, totals = [], {play.plan.total}
        while not play.plan.outcome:
            seen.append(play.plan.wanted[0].turn.stage)
            totals.add(play.plan.total)
            play.play_stage(lambda turn: '{"ranking": ["A", "B", "C", "D", "E"], "review": ""}')
        assert (seen, play.plan.outcome) == (stages, outcome)
        assert totals == {len(play.t.turns)}

    def test_without_reviews_it_waits_for_all(self) -> None:
        play = let_answer(make_council(replace(QUORUM, mode="answers")), *FIVE[:4]).wait(60)
        assert play.wanted == ["answer/1/eve"]
        assert play.plan.again_at is None

    def test_a_ranking_tells_who_is_first(self) -> None:
        play = let_answer(make_council(Rules(mode="ranking"), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "bob", "cyd", "ada")
        assert "**Ranked first by the models:** Bob." in without_lane_links(play.plan.cards[END])


class TestPipelining:
    def test_without_a_quorum_all_are_waited_for(self) -> None:
        play = let_answer(make_council(Rules()), *FIVE[:4]).wait(600)
        assert play.wanted == ["answer/1/eve"]

    @pytest.mark.parametrize(("seconds", "open_"), [(0.0, False), (0.24, False), (0.25, True), (60.0, True)])
    def test_a_quorum_waits_its_grace_and_no_longer(self, seconds: float, open_: bool) -> None:
        play = let_answer(make_council(Rules(quorum=4, grace_s=0.25)), *FIVE[:4])
        assert play.plan.again_at == play.t.at + 0.25
        play.wait(seconds)
        assert bool(wanted_reviews(play)) == open_
        assert "answer/1/eve" in play.wanted

    def test_all_answers_need_no_grace(self) -> None:
        assert wanted_reviews(let_answer(make_council(), *FIVE)) == list(FIVE)

    def test_the_grace_begins_again_with_a_claim(self) -> None:
        play = let_answer(make_council(Rules(quorum=4, grace_s=0.25)), *FIVE[:4]).record(Claimed("another process"))
        assert play.plan.again_at == play.t.at + 0.25
        assert wanted_reviews(play.wait(0.2)) == []
        assert wanted_reviews(play.wait(0.3)) == list(FIVE[:4])

    def test_once_begun_a_claim_takes_nothing_back(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        play.start_wanted()
        assert wanted_reviews(play.record(Claimed("another process"))) == list(FIVE[:4])

    def test_who_has_not_answered_is_not_asked_to_review(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        assert wanted_reviews(play) == list(FIVE[:4])
        play.start_wanted()
        play.end_turn(TurnId("answer", 1, "eve"), "eve speaks")
        assert wanted_reviews(play) == list(FIVE[:4])
        assert {i.seat for w in play.plan.wanted for i in w.about} == set(FIVE[:4])

    def test_a_late_answer_says_so_and_reaches_the_chair_unreviewed(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        play.start_wanted()
        play.end_turn(TurnId("answer", 1, "eve"), "eve speaks")
        assert "Eve answered too late to be reviewed." in play.plan.cards[REVIEWS]
        assert play.plan.footers == {LaneId("answer", 1, "eve"): LATE}
        [post] = [p for p in thread_posts(play.t, play.plan) if p.lane == LaneId("answer", 1, "eve")]
        assert post.footer.startswith(LATE)
        for reviewer in FIVE[:4]:
            let_rank(play, reviewer, "bob", "ada", "cyd", "dan")
        play.start_wanted()
        parts = play.form.ask(play.t, SYNTHESIS).parts
        assert any("[Eve, not reviewed |" in part.text for part in parts)

    def test_the_run_ends_when_the_late_have_spoken_and_are_reviewed(self) -> None:
        play = let_answer(make_council(), *FIVE[:4]).wait(10)
        play.start_wanted()
        for reviewer in FIVE[:4]:
            let_rank(play, reviewer, "bob", "ada", "cyd", "dan")
        play.start_wanted()
        play.end_turn(SYNTHESIS, "All in all.")
        assert (play.wanted, play.plan.outcome) == (["answer/1/eve"], "")
        play.end_turn(TurnId("answer", 1, "eve"), "eve speaks")
        assert wanted_reviews(play) == list(FIVE)
        for reviewer in FIVE:
            play.start_wanted()
            let_rank(play, reviewer, "eve", "bob", "ada", round_=2)
        assert play.plan.outcome == "synthesised"

    def test_a_failed_answer_leaves_the_quorum_to_the_others(self) -> None:
        play = let_answer(make_council(), *FIVE[:3])
        play.end_turn(TurnId("answer", 1, "dan"), "", "failed")
        assert wanted_reviews(play.wait(60)) == []
        play.end_turn(TurnId("answer", 1, "eve"), "eve speaks")
        assert wanted_reviews(play) == ["ada", "bob", "cyd", "eve"]

    def test_the_chair_begins_once_the_top_is_safe_and_the_others_still_vote(self) -> None:
        play = let_answer(make_council(), *FIVE)
        play.start_wanted()
        seen = []
        for reviewer in ("bob", "cyd", "dan", "eve"):
            let_rank(play, reviewer, "ada", "bob", "cyd", "dan", "eve")
            seen.append(str(SYNTHESIS) in play.wanted)
        assert seen == [False, False, True, True]
        assert "After 4 of 5 reviews. The models ranked Ada first, then Bob" in play.plan.cards[REVIEWS]
        assert wanted_reviews(play) == ["ada"]
        play.start_wanted()
        let_rank(play, "ada", "eve", "dan", "cyd", "bob", "ada")
        assert "After" not in play.plan.cards[REVIEWS]
        assert "The models ranked Ada first" in play.plan.cards[REVIEWS]

    def test_of_two_answers_each_would_only_judge_the_other(self) -> None:
        play = let_answer(make_council(seats=FIVE[:2]), *FIVE[:2])
        assert play.wanted == [str(SYNTHESIS)]
        assert play.plan.total == len(play.t.turns) + 1
        plan = play.play_stage(lambda turn: "All in all.").plan
        assert plan.outcome == "synthesised"
        assert TWO_ANSWERS in plan.cards[END]
        assert REVIEWS not in plan.cards

    def test_reviews_of_two_that_have_begun_go_on(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:2])
        about = (TurnId("answer", 1, "ada"), TurnId("answer", 1, "bob"))
        play.record(TurnStarted(TurnId("review", 1, "ada"), about))
        let_rank(play, "ada", "bob", "ada")
        assert wanted_reviews(play) == ["bob"]


class TestBallotsThatCannotBeRead:
    def unread(self) -> Play:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        return play.end_turn(TurnId("review", 1, "ada"), "All of them are fine.")

    def test_it_is_asked_for_once_more_with_the_same_answers(self) -> None:
        play = self.unread()
        [again] = [w for w in play.plan.wanted if w.turn.ask == 2]
        assert again.about == play.t.turns[TurnId("review", 1, "ada")].about
        assert "asked once more" in play.plan.cards[REVIEWS]
        play.start_wanted()
        parts = play.form.ask(play.t, again.turn).parts
        assert [p.text for p in parts if p.role == "assistant"] == ["All of them are fine."]
        assert "No ranking could be read" in parts[-1].text
        assert (
            "Ada**: Bob, then Cyd, then Ada\n" in let_rank(play, "ada", "bob", "cyd", "ada", ask=2).plan.cards[REVIEWS]
        )

    def test_a_second_time_it_is_an_abstention(self) -> None:
        play = self.unread()
        play.start_wanted()
        play.end_turn(TurnId("review", 1, "ada", 2), "As I said.")
        assert "Ada**: gave no ranking\n" in play.plan.cards[REVIEWS]
        assert wanted_reviews(play) == ["bob", "cyd"]

    @pytest.mark.parametrize("finish", ["failed", "skipped", "stopped"])
    def test_what_did_not_end_by_itself_is_not_asked_again(self, finish: Finish) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        assert wanted_reviews(play.end_turn(TurnId("review", 1, "ada"), "", finish)) == ["bob", "cyd"]

    def test_a_review_that_people_retry_is_shown_what_it_was_shown(self) -> None:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        first = TurnId("review", 1, "ada")
        play.record(TurnEnded(first, "failed", failure=Failure("rate", "busy")), RetryAsked(first, "p"))
        [again] = [w for w in play.plan.wanted if w.turn.seat == "ada"]
        assert (again.turn.ask, again.about) == (2, play.t.turns[first].about)

    def test_once_the_chair_speaks_nobody_is_asked_again(self) -> None:
        play = let_answer(make_council(), *FIVE)
        play.start_wanted()
        for reviewer in ("bob", "cyd", "dan"):
            let_rank(play, reviewer, "ada", "bob", "cyd", "dan", "eve")
        play.start_wanted()
        play.end_turn(TurnId("review", 1, "eve"), "Hm.")
        assert wanted_reviews(play) == ["ada"]


class TestSubstitutes:
    def ranked(self) -> Play:
        play = let_answer(make_council(Rules(), FIVE[:3]), *FIVE[:3])
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "bob", "cyd", "ada")
        play.start_wanted()
        return play

    @pytest.mark.parametrize(("text", "finish"), [("", "failed"), ("half a", "failed"), (" ", "done")])
    def test_a_chair_that_fails_is_substituted_by_standing(self, text: str, finish: Finish) -> None:
        play = self.ranked().end_turn(SYNTHESIS, text, finish)
        assert play.wanted == ["synthesis/1/bob"]
        play.start_wanted()
        assert play.plan.titles[LaneId("synthesis", 1, "bob")] == "Synthesis · Bob, for Chair"
        play.end_turn(TurnId("synthesis", 1, "bob"), "All in all.")
        result = without_lane_links(play.plan.cards[END])
        assert "**Bob:** All in all.\n\n**Ranked first by the models:** Bob." in result
        assert "Bob summed up instead of Chair." in play.plan.cards[END]

    def test_two_substitutes_are_tried(self) -> None:
        play = self.ranked().end_turn(SYNTHESIS, "", "failed")
        tried = []
        while not play.plan.outcome:
            tried += [str(i) for i in play.start_wanted()]
            play.play_stage(lambda turn: "")
        assert tried == ["synthesis/1/bob", "synthesis/1/cyd"]
        assert "The chair did not speak" in play.plan.cards[END]

    def test_who_shares_the_model_that_failed_cannot(self) -> None:
        begun = make_start("council")
        panel = begun.panel
        play = Play(replace(begun, panel=replace(panel, chair=replace(panel.seats[1], key="chair"))))
        assert seat_of(play.t, SYNTHESIS).model == panel.seats[1].model
        let_answer(play, *FIVE[:3])
        play.start_wanted()
        for reviewer in FIVE[:3]:
            let_rank(play, reviewer, "bob", "cyd", "ada")
        play.start_wanted()
        assert play.end_turn(SYNTHESIS, "", "failed").wanted == ["synthesis/1/cyd"]

    def test_a_skipped_chair_is_not_substituted(self) -> None:
        play = self.ranked().record(SkipAsked(SYNTHESIS, "p"))
        assert play.end_turn(SYNTHESIS, "", "skipped").plan.outcome == "synthesised"

    def test_a_synthesis_that_is_removed_afterwards_is_not_written_again(self) -> None:
        play = self.ranked().end_turn(SYNTHESIS, "All in all.").record(Removed(SYNTHESIS, "mod"))
        assert play.plan.outcome == "synthesised"


@given(
    seed=st.integers(0, 100_000),
    seats=st.integers(2, 6),
    quorum=st.none() | st.integers(2, 6),
    mode=st.sampled_from(["answers", "ranking", "full"]),
    deadline_s=st.none() | st.floats(5.0, 90.0),
)
def test_any_history_with_late_answers_claims_and_waits_ends_with_each_turn_accounted_for(
    seed: int, seats: int, quorum: int | None, mode: Mode, deadline_s: float | None
) -> None:
    dice = Random(seed)
    rules = Rules(quorum=quorum, grace_s=5.0, mode=mode, review_quorum=0.5, review_grace_s=5.0, deadline_s=deadline_s)
    play = make_council(rules, [f"s{n}" for n in range(seats)])
    shown: dict[TurnId, tuple[TurnId, ...]] = {}
    for _ in range(400):
        running = play.start_wanted()
        if play.plan.outcome and not running:
            break
        shown |= {i: turn.about for i, turn in play.t.turns.items()}
        assert running, "the plan neither ends nor wants anything"
        turn = dice.choice(running)
        match dice.choice(
            ["rank", "rank", "words", "failed", "empty", "skip", "wait", "claim", "remove", "retry", "stop"]
        ):
            case "rank":
                order = dice.sample(letter_labels(len(play.t.turns[turn].about)), len(play.t.turns[turn].about))
                play.end_turn(turn, "FINAL RANKING:\n" + "\n".join(order))
            case "words":
                play.end_turn(turn, "words")
            case "failed":
                play.record(TurnEnded(turn, "failed", failure=Failure("other", "no")))
            case "empty":
                play.end_turn(turn, "")
            case "skip":
                play.record(SkipAsked(turn, "p")).end_turn(turn, "partly", "skipped")
            case "wait":
                play.wait(dice.uniform(0, 8))
            case "claim":
                play.record(Claimed("another"))
            case "remove" if dice.random() < 0.2:
                play.record(Removed(dice.choice(list(play.t.turns)), "mod"))
            case "retry":
                failed = [i for i, x in play.t.turns.items() if x.ended and x.ended.finish == "failed"]
                play.record(*(RetryAsked(i, "p") for i in failed[:1]))
            case "stop" if dice.random() < 0.1:
                play.record(Stopped("p"))
                for each in play.start_wanted():
                    play.end_turn(each, "so far", "stopped")
            case _:
                pass
        for each in [i for i, x in play.t.turns.items() if not x.ended and i not in {w.turn for w in play.plan.wanted}]:
            play.end_turn(each, "so far", "stopped")  # as the conductor does with what is no longer wanted
    assert play.plan.outcome
    assert all(turn.ended for turn in play.t.turns.values())
    assert all(play.t.turns[i].about == about for i, about in shown.items())
    assert {i.ask for i in play.t.turns} <= {1, 2} | {i.ask for i in play.t.retries}
