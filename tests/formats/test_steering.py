"""Steering a run, on plans alone: pauses, seats that come and go, and all of it in any order."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.controls import SeatRef
from bot.domain.facts import (
    Claimed,
    Interjected,
    Joined,
    Objected,
    Paused,
    Resumed,
    RetryAsked,
    RoundAsked,
    RoundClosed,
    RoundVoteCast,
    RoundWish,
    RunFinished,
    SeatAdded,
    SeatDropped,
    SkipAsked,
    SteeringFact,
    Stopped,
    TurnEnded,
    Upvoted,
    UpvoteWithdrawn,
)
from bot.domain.run import LaneId, TurnId
from bot.engine.thread import running_controls, thread_posts
from bot.formats.council.cards import REVIEWS
from bot.formats.end_card import END
from tests.support.debates import make_debate, play_to_end, say_usual
from tests.support.transcripts import Play, make_seat, make_start, read_ask

PAUSE = Paused("p", "Pat")


class TestPause:
    def test_what_speaks_finishes_and_nothing_begins_until_it_is_resumed(self) -> None:
        play = make_debate(watch=False)
        first, *_ = play.start_wanted()
        play.record(PAUSE)
        assert len(play.wanted) == 3, "those who speak go on"
        play.end_turn(first)
        assert len(play.wanted) == 2
        play.play_stage()
        assert play.wanted == []
        assert play.plan.outcome == ""
        assert "Pat has paused this run" in play.plan.board_lines[0]
        play.record(Resumed("p"))
        assert play.wanted == ["rebuttal/2/ada", "rebuttal/2/bob", "rebuttal/2/cyd"]
        assert play.plan.board_lines == ()

    def test_the_board_offers_to_resume_what_is_paused(self) -> None:
        play = make_debate()
        assert [c.action for c in running_controls(play.t)] == ["stop", "pause", "say", "summarise"]
        assert [c.action for c in running_controls(play.record(PAUSE).t)] == ["stop", "resume", "say", "summarise"]

    def test_a_retry_waits_as_well(self) -> None:
        play = make_debate().record(PAUSE)
        play.record(Resumed("p"))
        (first, *_) = play.start_wanted()
        play.end_turn(first, "", "failed").record(PAUSE, RetryAsked(first, "p"))
        assert str(first._replace(ask=2)) not in play.wanted
        assert str(first._replace(ask=2)) in play.record(Resumed("p")).wanted

    def test_what_is_over_ends_though_it_is_paused(self) -> None:
        play = Play(make_start("compare"))
        play.start_wanted()
        play.record(PAUSE).play_stage()
        assert play.plan.outcome == "compared"

    def test_one_that_nobody_ends_is_closed_after_a_day_and_a_claim_restarts_the_day(self) -> None:
        play = make_debate().play_stage().record(PAUSE)
        closes_at = play.plan.again_at
        assert closes_at == play.t.steering.paused_at + 86_400
        play.wait(80_000).record(Claimed("another process"))
        assert play.plan.again_at == play.t.at + 86_400
        assert play.wait(86_399).plan.outcome == ""
        ended = play.wait(1).plan
        assert (ended.outcome, ended.wanted) == ("stopped", ())
        assert "Pat paused this run, and nobody resumed it within a day" in ended.cards[END]
        play.record(RunFinished("stopped"), Claimed("and another"))
        assert play.plan.outcome == "stopped", "what has ended stays so"

    @pytest.mark.parametrize(("pause_s", "within"), [(90.0, "90 s"), (7_200.0, "2 hours"), (172_800.0, "2 days")])
    def test_for_how_long_at_most_is_told(self, pause_s: float, within: str) -> None:
        begun = make_start("debate")
        play = Play(replace(begun, rules=replace(begun.rules, pause_s=pause_s))).record(PAUSE)
        assert f"Where nobody does within {within}, it ends" in play.plan.board_lines[0]


class TestSeats:
    def test_a_seat_joins_a_debate_from_the_next_round_on(self) -> None:
        play = make_debate(seats=2, watch=False)
        play.start_wanted()
        play.record(SeatAdded(make_seat("cyd"), "p"))
        assert play.wanted == ["opening/1/ada", "opening/1/bob"]
        assert play.play_stage().wanted == ["rebuttal/2/ada", "rebuttal/2/bob", "rebuttal/2/cyd"]
        play.start_wanted()
        assert "You are Cyd, debater 3 of 3" in read_ask(play, TurnId("rebuttal", 2, "cyd"))
        play.play_stage()
        assert len(play.play_stage().wanted) == 1
        assert "Cyd" in read_ask(play, play.start_wanted()[0])

    def test_before_the_first_word_it_joins_at_once(self) -> None:
        assert make_debate(seats=2).record(SeatAdded(make_seat("cyd"), "p")).wanted[-1] == "opening/1/cyd"

    def test_a_seat_dropped_in_mid_turn_is_cut_kept_and_marked(self) -> None:
        play = make_debate(watch=False)
        play.start_wanted()
        play.record(SeatDropped("bob", "p", "Pat"))
        assert play.wanted == ["opening/1/ada", "opening/1/cyd"]
        bob = TurnId("opening", 1, "bob")
        play.end_turn(bob, "as far as it came", "skipped").play_stage()
        [post] = [p for p in thread_posts(play.t, play.plan) if p.lane == bob.lane]
        assert post.text == "as far as it came"
        assert post.footer.startswith("dropped by Pat · skipped")
        assert play.wanted == ["rebuttal/2/ada", "rebuttal/2/cyd"]
        play.start_wanted()
        assert "as far as it came" in read_ask(play, TurnId("rebuttal", 2, "ada"))

    def test_the_judge_hears_but_does_not_score_who_was_dropped_before_it_began(self) -> None:
        play = make_debate(rounds=1).play_stage().record(SeatDropped("cyd", "p"))
        [judge] = play.start_wanted()
        assert "cyd speaks" in read_ask(play, judge)
        play.end_turn(judge, "VERDICT: Ada.")
        [scores] = play.start_wanted()
        assert "Score Ada, Bob now." in read_ask(play, scores)
        before = play.form.ask(play.t, scores)
        assert play.record(SeatDropped("ada", "p")).form.ask(play.t, scores) == before

    @pytest.mark.parametrize("form", ["turns", "oxford", "advocate", "free"])
    def test_in_every_form_who_left_is_asked_no_more_and_who_came_is(self, form: str) -> None:
        play = make_debate(form=form, watch=False).play_stage(say_usual)
        play.record(SeatDropped("bob", "p"), SeatAdded(make_seat("dan"), "p"))
        held = play_to_end(play)
        assert not any("bob" in step for step in held)
        assert not any("dan" in step for step in held if "/1 " in step)
        assert sum("dan" in step for step in held) == 2
        assert play.plan.outcome == "judged"

    def test_the_devils_advocate_does_not_wander_to_who_joins(self) -> None:
        play = (
            make_debate(form="advocate", watch=False).play_stage().play_stage().record(SeatAdded(make_seat("dan"), "p"))
        )
        assert play.wanted == ["rebuttal/2/ada", "rebuttal/2/bob", "rebuttal/2/dan"]
        play.play_stage().play_stage().record(SeatDropped("cyd", "p"))
        assert play.wanted == ["closing/3/ada", "closing/3/dan"]
        assert play.play_stage().wanted == ["closing/3/bob"]
        assert play.plan.titles[TurnId("closing", 3, "bob").lane] == "Bob (devil's advocate) · closing"
        assert play.plan.titles[TurnId("rebuttal", 2, "cyd").lane] == "Cyd (devil's advocate) · rebuttal"

    def test_a_councils_new_seat_answers_while_answers_are_out(self) -> None:
        play = Play(make_start("council"))
        play.start_wanted()
        play.record(SeatAdded(make_seat("dan"), "p"))
        assert play.wanted[-1] == "answer/1/dan"
        assert play.play_stage().wanted == [f"review/1/{s}" for s in ("ada", "bob", "cyd", "dan")]

    def test_a_dropped_answer_is_shown_and_neither_reviewed_nor_voted_for(self) -> None:
        play = Play(make_start("council", seats=("ada", "bob", "cyd", "dan"))).play_stage()
        play.record(SeatDropped("cyd", "p"))
        assert play.wanted == ["review/1/ada", "review/1/bob", "review/1/dan"]
        assert {i.seat for w in play.plan.wanted for i in w.about} == {"ada", "bob", "dan"}
        assert any(p.text == "cyd speaks" for p in thread_posts(play.t, play.plan))
        play.play_stage(lambda turn: "1. A\n2. B\n3. C")
        [chair] = play.start_wanted()
        assert "cyd speaks" not in read_ask(play, chair)
        play.end_turn(chair).record(RunFinished("synthesised"))
        [end] = [p for p in thread_posts(play.t, play.plan) if p.lane == END]
        assert "vote" not in [c.action for c in end.controls if c.about == SeatRef("cyd")]

    def test_ballots_that_had_it_before_count_as_they_were_cast(self) -> None:
        play = Play(make_start("council")).play_stage()
        ada, bob, cyd = play.start_wanted()
        first = play.t.turns[ada].about[0].seat
        play.record(SeatDropped(first, "p"))
        for turn in (ada, bob, cyd):
            letter = "ABC"[[i.seat for i in play.t.turns[turn].about].index(first)]
            others = [x for x in "ABC" if x != letter]
            skipped = turn.seat == first
            play.end_turn(
                turn,
                "" if skipped else f"1. {letter}\n2. {others[0]}\n3. {others[1]}",
                "skipped" if skipped else "done",
            )
        assert f"The models ranked {first.capitalize()} first" in play.plan.cards[REVIEWS]
        assert play.wanted == ["synthesis/1/chair"]

    def test_nobody_left_who_has_answered_ends_a_council(self) -> None:
        play = Play(make_start("council", seats=("ada", "bob")))
        ada, bob = play.start_wanted()
        play.end_turn(ada).record(SeatDropped("ada", "p")).end_turn(bob, "", "failed")
        assert play.plan.outcome == "failed"

    def test_what_comes_after_the_end_changes_nothing(self) -> None:
        play = Play(make_start("compare")).play_stage().record(RunFinished("compared"))
        before = play.t
        play.record(SeatAdded(make_seat("dan"), "p"), SeatDropped("ada", "p"), PAUSE, Joined("q", "Quin"))
        assert (play.t.start, play.t.steering) == (before.start, before.steering)

    def test_a_seat_joins_and_leaves_once(self) -> None:
        play = make_debate().record(
            SeatAdded(make_seat("ada"), "p"), SeatDropped("bob", "p", "Pat"), SeatDropped("bob", "q")
        )
        assert len(play.t.started.panel.seats) == 3
        assert play.plan.board_lines == ("Dropped: Bob (by Pat)",)


class TestWhoIsThere:
    @pytest.mark.parametrize(
        ("names", "told"),
        [
            (["Ann"], "Also here: Ann"),
            (["Ann", "Bob"], "Also here: Ann and Bob"),
            (["Ann", "Bob", "Cid", "Dee", "Eve"], "Also here: Ann, Bob and 3 more"),
        ],
    )
    def test_the_board_names_each_person_who_joined_once(self, names: list[str], told: str) -> None:
        play = make_debate().record(*(Joined(name, name) for name in names), Joined("Ann", "Ann again"))
        assert play.record(Interjected("Ann", "tea", "Ann")).plan.board_lines == (told,)

    def test_who_asked_is_not_told_of(self) -> None:
        assert make_debate().record(Joined("a person", "A")).plan.board_lines == ()

    def test_a_person_who_joins_does_not_yet_count_as_present(self) -> None:
        assert "q" not in make_debate().record(Joined("q", "Quin")).t.present


def draw_fact(rng: Random, play: Play) -> SteeringFact | SeatAdded:
    """Draw a fact that somebody might store at any moment, sensible or not."""
    by, round_ = rng.choice("pqr"), rng.randint(1, 4)
    seats = [s.key for s in play.t.started.panel.seats]
    wish: RoundWish = rng.choice(["go on", "end"])
    facts: list[SteeringFact | SeatAdded] = [
        Paused(by),
        Resumed(by),
        SeatAdded(make_seat(f"n{rng.randint(0, 5)}"), by),
        SeatDropped(rng.choice(seats), by),
        Joined(by, by),
        Objected(by, "No!", by, tuple(rng.sample(seats, rng.randint(0, 2)))),
        Upvoted(rng.randint(1, 3), by),
        UpvoteWithdrawn(rng.randint(1, 3), by),
        RoundVoteCast(by, round_, wish),
        RoundAsked(by, round_),
        RoundClosed(by, round_),
    ]
    return rng.choice(facts)


@given(
    form=st.sampled_from(["debate", "council", "compare", "pipeline"]),
    how=st.sampled_from(["simultaneous", "turns", "oxford", "advocate", "free"]),
    seed=st.integers(0, 100_000),
    seats=st.integers(2, 5),
)
def test_any_order_of_steering_ends_failures_and_restarts_ends_with_each_turn_accounted_for(
    form: str, how: str, seed: int, seats: int
) -> None:
    rng = Random(seed)
    keys = [f"s{n}" for n in range(seats)]
    begun = make_start(form, seats=keys)
    rules = (
        make_debate(form=how, next=rng.choice(["vote", "at once"])).t.started.rules if form == "debate" else begun.rules
    )
    play = Play(replace(begun, rules=rules))
    seen: set[LaneId] = set()
    for _ in range(400):
        if rng.random() < 0.4:
            play.record(draw_fact(rng, play))
        if rng.random() < 0.05:
            play.record(Claimed("another process"))
        if rng.random() < 0.01:
            play.record(Stopped("p"))
        running = play.start_wanted()
        plan = play.plan
        shown = {post.lane for post in thread_posts(play.t, plan)}
        assert seen <= shown, "what people have seen does not vanish"
        seen = shown
        wanted = {w.turn for w in plan.wanted}
        if unwanted := [i for i in running if i not in wanted]:  # as the conductor does
            play.end_turn(unwanted[0], "partly", "skipped")
            continue
        if plan.outcome and not running:
            break
        if not running:
            assert plan.again_at is not None, "the plan neither ends, nor wants anything, nor waits for a time"
            play.wait(max(0.0, plan.again_at - max(play.now, play.t.at)))
            continue
        turn = rng.choice(running)
        match rng.choice(["done", "done", "done", "failed", "skip", "empty"]):
            case "skip":
                play.record(SkipAsked(turn, "p")).end_turn(turn, "partly", "skipped")
            case "failed":
                play.record(TurnEnded(turn, "failed"))
                if rng.random() < 0.3:
                    play.record(RetryAsked(turn, "p"))
            case "empty":
                play.end_turn(turn, "")
            case _:
                play.end_turn(turn, "1. B\n2. A")
    assert play.plan.outcome
    assert all(turn.ended for turn in play.t.turns.values())
    assert play.plan.cards[END]
    play.record(RunFinished(play.plan.outcome))
    told = play.plan
    play.record(Claimed("a last one"), *(draw_fact(rng, play) for _ in range(5)))
    assert (play.plan.outcome, play.plan.cards) == (told.outcome, told.cards), "an end stays what it was"
