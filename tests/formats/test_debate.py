"""Debates in every form, what stops them, and the end when a judge fails."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.facts import Interjected, Removed, RetryAsked, SkipAsked, Stopped, TurnEnded, VoteCast
from bot.domain.lane_links import without_lane_links
from bot.domain.run import SIDES, DebateRules, Failure, Finish, Form, TurnId
from bot.formats.debate.continuation import ContinuationCheck, read_check
from bot.formats.debate.debate import PERSONAS
from bot.formats.debate.judge import SCORES
from bot.formats.end_card import END
from tests.support.debates import make_debate, make_scores, play_to_end, say_usual
from tests.support.transcripts import Play, read_ask

JUDGED = ["verdict/1 judge", "scores/1 judge"]
ALL = "ada bob cyd"


@pytest.mark.parametrize(
    ("form", "rounds", "held"),
    [
        ("simultaneous", 2, [f"opening/1 {ALL}", f"closing/2 {ALL}"]),
        ("simultaneous", 1, [f"opening/1 {ALL}"]),
        (
            "turns",
            2,
            ["opening/1 ada", "opening/1 bob", "opening/1 cyd", "closing/2 bob", "closing/2 cyd", "closing/2 ada"],
        ),
        (
            "oxford",
            3,
            [
                *("opening/1 ada", "opening/1 bob", "opening/1 cyd"),
                f"rebuttal/2 {ALL}",
                *("closing/3 cyd", "closing/3 bob", "closing/3 ada"),
            ],
        ),
        ("advocate", 2, ["opening/1 ada bob", "opening/1 cyd", "closing/2 ada bob", "closing/2 cyd"]),
    ],
)
def test_each_form_has_its_order(form: Form, rounds: int, held: list[str]) -> None:
    assert play_to_end(make_debate(form=form, rounds=rounds, watch=False)) == [*held, *JUDGED]


def test_a_free_debate_is_in_an_order_drawn_for_each_round() -> None:
    held = play_to_end(make_debate(form="free", rounds=4, watch=False))[:-2]
    assert [step.split()[0] for step in held] == [f"argument/{n}" for n in range(1, 5) for _ in range(3)]
    orders = {tuple(step.split()[1] for step in held[at : at + 3]) for at in range(0, 12, 3)}
    assert all(sorted(order) == ["ada", "bob", "cyd"] for order in orders)
    assert len(orders) > 1


@pytest.mark.parametrize("form", ["simultaneous", "turns", "oxford", "advocate", "free"])
@pytest.mark.parametrize("seats", [2, 8])
def test_everybody_speaks_once_a_round_whatever_the_form(form: Form, seats: int) -> None:
    play = make_debate(form=form, seats=seats, rounds=3, watch=False)
    play_to_end(play)
    spoken = [i for i in play.t.turns if i.stage not in ("verdict", "scores")]
    assert len(spoken) == len(set(spoken)) == 3 * seats


def turns_heard(play: Play, turn: TurnId) -> str:
    return "\n".join(p.text for p in play.form.ask(play.t, turn).parts if p.role == "user")


class TestMemory:
    def test_who_speaks_later_has_heard_those_before_and_not_itself(self) -> None:
        play = make_debate(form="turns").play_stage(say_usual).play_stage(say_usual)
        [turn] = play.start_wanted()
        assert turn.seat == "cyd"
        assert "ada says opening 1" in turns_heard(play, turn)
        assert "bob says opening 1" in turns_heard(play, turn)

    def test_who_speaks_at_once_hears_nothing_of_the_others_not_even_when_asked_again(self) -> None:
        play = make_debate()
        first, second, _ = play.start_wanted()
        play.record(TurnEnded(first, "failed", failure=Failure("unreachable", "no connection")))
        play.end_turn(second, "bob's opening").record(RetryAsked(first, "p")).start_wanted()
        assert "bob's opening" not in turns_heard(play, first._replace(ask=2))

    def test_all_rounds_are_seen_and_the_latest_turns_kept_longest(self) -> None:
        play = make_debate(watch=False).play_stage(say_usual).play_stage(say_usual)
        turn = next(i for i in play.start_wanted() if i.seat == "bob")
        parts = {p.text.split("]\n")[-1].split("\n")[0]: p for p in play.form.ask(play.t, turn).parts}
        latest, old = parts["ada says rebuttal 2"], parts["ada says opening 1"]
        assert latest.priority > old.priority
        assert (latest.cut, old.cut, old.round) == ("never", "drop", 1)
        assert parts["bob says opening 1"].role == parts["bob says rebuttal 2"].role == "assistant"
        assert play.form.ask(play.t, turn).parts[-1].role == "user"

    def test_a_remark_is_heard_by_the_next_who_speaks(self) -> None:
        play = make_debate(form="turns").play_stage(say_usual).record(Interjected("Kim", "Look at cost."))
        [turn] = play.start_wanted()
        assert "Look at cost." in turns_heard(play, turn)


class TestPositions:
    def read_instructions(self, play: Play, seat: str) -> str:
        return read_ask(play, next(i for i in play.start_wanted() if i.seat == seat))

    def test_given_ones_are_dealt_in_panel_order_and_shown(self) -> None:
        play = make_debate(positions=("tabs", "spaces"))
        assert "“tabs”" in self.read_instructions(play, "ada")
        assert "“spaces”" in self.read_instructions(play, "bob")
        assert "“tabs”" in self.read_instructions(play, "cyd")
        assert play.plan.titles[TurnId("opening", 1, "bob").lane] == "Bob (spaces) · opening"

    def test_what_stands_in_a_position_is_never_a_placeholder(self) -> None:
        assert "“$persona costs $5”" in self.read_instructions(make_debate(positions=("$persona costs $5", "b")), "ada")

    def test_without_any_each_chooses(self) -> None:
        play = make_debate()
        assert "State your own position" in self.read_instructions(play, "ada")
        assert play.plan.titles[TurnId("opening", 1, "ada").lane] == "Ada · opening"

    def test_oxford_has_sides(self) -> None:
        play = make_debate(form="oxford")
        assert f"“{SIDES[0]}”" in self.read_instructions(play, "ada")
        assert play.plan.titles[TurnId("opening", 1, "bob").lane] == "Bob (against) · opening"

    def test_the_devils_advocate_is_the_last_seat(self) -> None:
        play = make_debate(form="advocate")
        assert "devil" not in self.read_instructions(play, "ada")
        play.play_stage(say_usual)
        assert "devil's advocate" in self.read_instructions(play, "cyd")


class TestPersonas:
    def cast(self, reply: str) -> Play:
        play = make_debate(cast=True)
        assert play.wanted == ["cast/1/judge"]
        assert "cast" in play.plan.unstreamed_stages
        return play.play_stage(lambda turn: reply)

    def test_the_judge_writes_them_before_the_opening(self) -> None:
        reply = json.dumps({"personas": [{"debater": "Bob", "persona": "You are a nurse."}]})
        play = self.cast(reply)
        assert play.plan.cards[PERSONAS] == "- **Bob**: You are a nurse."
        told = {i.seat: play.form.ask(play.t, i).parts[0].text for i in play.start_wanted()}
        assert "You are a nurse." in told["bob"]
        assert "nurse" not in told["ada"]

    def test_where_none_can_be_read_all_speak_as_themselves(self) -> None:
        play = self.cast("Ada is the clever one.")
        assert "No personas could be read" in play.plan.cards[PERSONAS]
        assert play.wanted == ["opening/1/ada", "opening/1/bob", "opening/1/cyd"]

    def test_a_seat_that_has_one_keeps_it(self) -> None:
        begun = make_debate(cast=True).t.started
        seats = tuple(replace(s, persona="You doubt.") if s.key == "ada" else s for s in begun.panel.seats)
        play = Play(replace(begun, panel=replace(begun.panel, seats=seats)))
        [turn] = play.start_wanted()
        schema = play.form.ask(play.t, turn).schema
        assert schema is not None
        assert schema["properties"]["personas"]["items"]["properties"]["debater"]["enum"] == ["Bob", "Cyd"]
        everyone = [{"debater": name, "persona": "You are new."} for name in ("Ada", "Bob", "Cyd")]
        play.end_turn(turn, json.dumps({"personas": everyone}))
        told = {i.seat: play.form.ask(play.t, i).parts[0].text for i in play.start_wanted()}
        assert "You doubt." in told["ada"]
        assert "You are new." not in told["ada"]


def write_finding(state: str) -> str:
    return json.dumps({"because": "They say so.", "state": state})


class TestItsEnd:
    def test_three_rounds_are_watched_and_two_are_not(self) -> None:
        assert play_to_end(make_debate(rounds=2)) == [f"opening/1 {ALL}", f"closing/2 {ALL}", *JUDGED]
        assert play_to_end(make_debate(rounds=3))[1::2] == ["check/1 judge", "check/2 judge", *JUDGED[:1]]

    @pytest.mark.parametrize(
        ("state", "told"), [("agreement", "the debaters agree"), ("nothing new", "nothing new was said")]
    )
    def test_it_ends_early_and_says_why(self, state: str, told: str) -> None:
        play = make_debate(rounds=4).play_stage(say_usual).play_stage(lambda turn: write_finding("going on"))
        play.play_stage(say_usual).play_stage(lambda turn: write_finding(state))
        assert play.wanted == ["verdict/1/judge"]
        card = play.play_stage(say_usual).play_stage(say_usual).plan.cards[END]
        assert f"The debate ended after round 2 of 4: {told} (They say so)." in card

    @pytest.mark.parametrize("form", ["simultaneous", "turns", "oxford", "advocate", "free"])
    def test_as_many_turns_are_expected_as_there_will_be(self, form: str) -> None:
        play = make_debate(rounds=3, form=form, cast=True)
        expected = {play.plan.total}
        while not play.plan.outcome:
            expected.add(play.plan.total or len(play.t.turns))
            play.play_stage(say_usual)
        assert expected == {len(play.t.turns)}

    def test_a_debate_that_ends_early_expects_no_more(self) -> None:
        play = make_debate(rounds=4).play_stage(say_usual).play_stage(lambda turn: write_finding("agreement"))
        expected = play.plan.total
        while not play.plan.outcome:
            play.play_stage(say_usual)
        assert expected == len(play.t.turns)

    def test_at_its_limit_it_says_so(self) -> None:
        play = make_debate(rounds=2)
        play_to_end(play)
        assert "The debate ended after round 2, its last." in play.plan.cards[END]

    @pytest.mark.parametrize("finish", ["failed", "skipped", "stopped"])
    def test_a_check_that_does_not_come_ends_nothing(self, finish: Finish) -> None:
        play = make_debate().play_stage(say_usual)
        [check] = play.start_wanted()
        play.record(SkipAsked(check, "p")) if finish == "skipped" else None
        assert play.end_turn(check, "", finish).wanted[0] == "rebuttal/2/ada"

    def test_a_check_that_is_had_again_later_does_not_call_the_debate_back(self) -> None:
        play = make_debate().play_stage(say_usual)
        [check] = play.start_wanted()
        play.end_turn(check, "", "failed")
        play.start_wanted()
        play.record(RetryAsked(check, "p"))
        play.start_wanted()
        play.end_turn(check._replace(ask=2), write_finding("agreement"))
        assert play.wanted == [f"rebuttal/2/{seat}" for seat in ALL.split()]

    def test_a_stop_shows_nothing_that_was_hidden(self) -> None:
        plan = make_debate().play_stage(say_usual).record(Stopped("p")).plan
        assert plan.outcome == "stopped"
        assert {"check", "scores", "cast"} <= plan.unstreamed_stages


class TestJudge:
    def before(self) -> Play:
        return make_debate(rounds=1).play_stage(say_usual)

    def test_it_reasons_for_people_and_then_scores_by_a_schema(self) -> None:
        play = self.before()
        [verdict] = play.start_wanted()
        assert play.form.ask(play.t, verdict).schema is None
        play.end_turn(verdict, say_usual(verdict))
        assert "scores" in play.plan.unstreamed_stages
        [scores] = play.start_wanted()
        asked = play.form.ask(play.t, scores)
        assert asked.schema is not None
        assert "VERDICT: Bob" in next(p.text for p in asked.parts if p.role == "assistant")
        plan = play.end_turn(scores, say_usual(scores)).plan
        assert plan.cards[SCORES].startswith("- **Bob** 9.0: argument 9, evidence 9")
        assert "Bob wins" not in plan.cards[SCORES], "the end card says who wins"
        result = without_lane_links(plan.cards[END])
        assert "Bob wins; scores: Bob 9.0, Ada 6.0, Cyd 6.0.\n\n**Judge:** Bob, by a hair." in result

    def test_scores_that_cannot_be_read_are_asked_for_once_more_with_what_was_wrong(self) -> None:
        play = self.before().play_stage(say_usual).play_stage(lambda turn: "Bob 9, the others 6.")
        assert play.wanted == ["scores/1/judge/2"]
        [again] = play.start_wanted()
        assert "no JSON object with scores" in play.form.ask(play.t, again).parts[-1].text
        assert "Bob wins" in play.end_turn(again, say_usual(again)).plan.cards[END]

    def test_without_readable_scores_there_is_no_verdict_and_no_number(self) -> None:
        play = (
            self.before()
            .play_stage(say_usual)
            .play_stage(lambda turn: "Bob 9.")
            .play_stage(lambda turn: "I said, Bob 9.")
        )
        assert play.plan.outcome == "judged"
        assert "Judge gave no scores that could be read, so there is no verdict." in play.plan.cards[END]
        assert SCORES not in play.plan.cards

    def test_a_winner_that_its_own_scores_deny_is_shown_as_that(self) -> None:
        play = self.before().play_stage(say_usual)
        denied = json.loads(make_scores("Bob", "Ada", "Bob", "Cyd")) | {"winner": "Ada"}
        plan = play.play_stage(lambda turn: json.dumps(denied)).plan
        assert plan.cards[SCORES].endswith("\n\nBob scored highest, yet the judge chose Ada.")

    def test_only_those_who_spoke_are_scored(self) -> None:
        play = make_debate(rounds=1)
        ada, *_ = play.start_wanted()
        play.end_turn(ada, "", "failed").play_stage(say_usual).play_stage(say_usual)
        assert "Bob wins" in play.play_stage(lambda turn: make_scores("Bob", "Bob", "Cyd")).plan.cards[END]

    def test_the_chair_stands_in_for_a_judge_that_fails(self) -> None:
        play = self.before()
        [judge] = play.start_wanted()
        play.end_turn(judge, "", "failed")
        assert play.wanted == ["verdict/1/chair"]
        play.play_stage(lambda turn: "VERDICT: Bob.")
        assert play.wanted == ["scores/1/chair"]
        card = play.play_stage(say_usual).plan.cards[END]
        assert "Bob wins" in card
        assert "Chair judged instead of Judge, which failed." in card

    @pytest.mark.parametrize("taken", ["model-judge", "model-ada"])
    def test_no_debater_and_no_model_that_just_failed_stands_in(self, taken: str) -> None:
        begun = make_debate(rounds=1).t.started
        assert begun.panel.chair is not None
        play = Play(replace(begun, panel=replace(begun.panel, chair=replace(begun.panel.chair, model=taken))))
        [judge] = play.play_stage(say_usual).start_wanted()
        play.record(TurnEnded(judge, "failed", failure=Failure("key", "its key was refused")))
        assert play.plan.outcome == "judged"
        assert (
            "the judge failed (its key was refused), and nobody at this table but the debaters" in play.plan.cards[END]
        )

    def test_a_judge_that_is_skipped_has_not_failed(self) -> None:
        play = self.before()
        [judge] = play.start_wanted()
        play.record(SkipAsked(judge, "p")).end_turn(judge, "So far", "skipped")
        assert play.plan.outcome == "judged"

    def test_a_turn_removed_afterwards_asks_for_no_more_scores(self) -> None:
        play = make_debate(rounds=1)
        play_to_end(play)
        play.record(Removed(TurnId("opening", 1, "bob"), "mod"))
        assert (play.plan.outcome, play.wanted) == ("judged", [])

    def test_people_stand_beside_it(self) -> None:
        play = make_debate(rounds=1).record(VoteCast("p", 1, "ada"))
        play_to_end(play)
        assert "Votes: Ada 1." in play.plan.cards[END]


def test_the_plain_course_of_older_runs_is_neither_watched_nor_scored() -> None:
    begun = make_debate().t.started
    play = Play(replace(begun, rules=replace(begun.rules, debating=None), prompts={**begun.prompts}))
    assert [step.split("/")[0] for step in play_to_end(play)] == ["opening", "rebuttal", "closing", "verdict"]


debatings = st.builds(
    DebateRules,
    form=st.sampled_from(["simultaneous", "turns", "oxford", "advocate", "free"]),
    positions=st.sampled_from([(), SIDES, ("a", "b", "c")]),
    cast=st.booleans(),
    watch=st.sampled_from([None, True, False]),
    criteria=st.sampled_from([(), ("argument",)]),
)
REPLIES = [
    "",
    "words",
    "VERDICT: Ada",
    write_finding("agreement"),
    write_finding("nothing new"),
    write_finding("going on"),
    "{",
]


@given(how=debatings, seed=st.integers(0, 10_000), seats=st.integers(2, 8), rounds=st.integers(1, 6))
def test_any_order_of_facts_ends_with_each_turn_accounted_for(
    how: DebateRules, seed: int, seats: int, rounds: int
) -> None:
    rng = Random(seed)
    begun = make_debate(seats=seats, rounds=rounds, vote_s=rng.choice([0.0, 60.0])).t.started
    play = Play(replace(begun, seed=seed, rules=replace(begun.rules, debating=how)))
    for _ in range(400):
        running = play.start_wanted()
        if play.plan.outcome and not running:
            break
        assert running, "the plan neither ends nor wants anything"
        turn = rng.choice(running)
        match rng.choice(["done", "done", "done", "failed", "retried", "skip", "removed", "vote", "stop"]):
            case "failed":
                play.record(TurnEnded(turn, "failed", "half", failure=Failure("other", "no")))
            case "retried" if turn.ask < 3:
                play.record(TurnEnded(turn, "failed", failure=Failure("other", "no")), RetryAsked(turn, "p"))
            case "skip":
                play.record(SkipAsked(turn, "p")).end_turn(turn, "partly", "skipped")
            case "removed":
                play.end_turn(turn, rng.choice(REPLIES)).record(Removed(turn, "mod"))
            case "vote":
                play.record(VoteCast("p", rng.choice([0, 1]), f"{rng.choice(begun.panel.seats).key}"))
            case "stop" if rng.random() < 0.1:
                play.record(Stopped("p"))
                for each in play.start_wanted():
                    play.end_turn(each, "so far", "stopped")
            case _:
                play.end_turn(turn, rng.choice(REPLIES))
        assert play.form.plan(play.t, play.t.at) == play.plan  # asked again, as after a restart, it says the same
    assert play.plan.outcome
    assert all(turn.ended for turn in play.t.turns.values())
    assert play.plan.cards[END]


def test_a_check_reads_the_schema_it_asks_for() -> None:
    assert read_check(write_finding("agreement")) == ContinuationCheck("agreement", "They say so.")
