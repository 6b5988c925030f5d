"""Pipelines as they are written, as they are planned, and as they are kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions.pipeline_files import PipelineBook, drop_absent_seats, read_pipeline, seat_pipeline, strip_fence
from bot.actions.request import RunRequest, rerun
from bot.domain.facts import Removed, RetryAsked, SkipAsked, Stopped, TurnEnded
from bot.domain.run import Failure, Step, TurnId
from bot.errors import Refused
from bot.formats.end_card import END
from bot.settings.settings import PanelSettings, SeatSettings
from tests.support.actions_scene import MO, MODELS, PANELS, PAT, ActionsScene
from tests.support.pipelines import draw_steps, make_step
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import PIPELINES, Play, make_panel, make_start

PANEL = PANELS["default"]


def make_play(*steps: Step) -> Play:
    return Play(replace(make_start("pipeline"), steps=steps))


def make_failure(turn: TurnId) -> TurnEnded:
    return TurnEnded(turn, "failed", failure=Failure("unreachable", "no connection"))


DIAMOND = (
    make_step("a"),
    make_step("b", "a", seats=("bob",)),
    make_step("c", "a", seats=("cyd",)),
    make_step("d", "b", "c", "question"),
)
A, B, C, D = (TurnId(s.name, 1, s.seats[0]) for s in DIAMOND)


class TestPlan:
    def test_a_step_waits_for_its_inputs_and_independent_ones_run_at_once(self) -> None:
        run = make_play(*DIAMOND)
        assert run.wanted == ["a/1/ada"]
        assert run.play_stage().wanted == ["b/1/bob", "c/1/cyd"]
        assert (run.plan.stage, run.plan.total) == ("b, c", 4)
        run.start_wanted()
        assert run.end_turn(B).wanted == ["c/1/cyd"]
        assert run.end_turn(C).wanted == ["d/1/ada"]
        assert [w.about for w in run.plan.wanted] == [(B, C)]
        assert run.plan.titles[D.lane] == "Ada · d"
        run.play_stage(lambda turn: "The end.")
        assert (run.plan.outcome, run.plan.verdict) == ("completed", "**Ada:** The end.")

    def test_a_step_sees_its_inputs_alone(self) -> None:
        run = make_play(*DIAMOND).play_stage(lambda turn: "text of a").play_stage(lambda turn: f"text of {turn.stage}")
        [d] = run.start_wanted()
        texts = "\n".join(part.text for part in run.form.ask(run.t, d).parts)
        assert all(seen in texts for seen in ("Do d.", "Tabs or spaces?", "b by Bob", "text of b", "text of c"))
        assert "text of a" not in texts
        assert "Tabs or spaces?" not in "\n".join(part.text for part in run.form.ask(run.t, B).parts)

    def test_a_step_works_with_what_is_there(self) -> None:
        run = make_play(*DIAMOND).play_stage()
        run.start_wanted()
        run.end_turn(B).record(make_failure(C))
        assert [w.about for w in run.plan.wanted] == [(B,)]
        run.play_stage()
        assert run.plan.outcome == "completed"
        assert "Cyd did not finish its c (no connection)." in run.plan.cards[END]

    def test_where_nothing_came_what_stands_on_it_is_left_out(self) -> None:
        run = make_play(*DIAMOND, make_step("e", seats=("bob",)))
        for turn in run.start_wanted():
            run.record(make_failure(turn)) if turn == A else run.end_turn(turn, "e says so.")
        assert run.plan.outcome == "completed"
        assert run.plan.verdict == (
            "Nothing came from what b, c and d work on, so they were left out. · **Bob:** e says so."
        )
        silent = make_play(make_step("a")).play_stage(lambda turn: "")
        assert (silent.plan.outcome, silent.plan.verdict) == ("failed", "Nothing came out.")

    def test_a_retry_holds_back_what_stands_on_it_and_nothing_else(self) -> None:
        run = make_play(
            make_step("a"), make_step("b", "a"), make_step("x", seats=("bob",)), make_step("y", "x", seats=("bob",))
        )
        x = next(i for i in run.start_wanted() if i.stage == "x")
        run.record(make_failure(A), RetryAsked(A, "p"))
        assert run.end_turn(x).wanted == ["a/1/ada/2", "y/1/bob"]
        run.start_wanted()
        assert "b/1/ada" not in run.wanted
        run.end_turn(A._replace(ask=2), "better")
        assert [str(w.turn) for w in run.plan.wanted if w.turn.stage == "b"] == ["b/1/ada"]

    def test_a_step_that_has_begun_goes_on_when_its_input_is_removed(self) -> None:
        run = make_play(make_step("a"), make_step("b", "a", seats=("bob",))).play_stage()
        run.start_wanted()
        assert run.record(Removed(A, "mod")).wanted == ["b/1/bob"]


@given(steps=draw_steps(), seed=st.integers(0, 10_000))
def test_any_graph_ends_with_each_turn_accounted_for(steps: tuple[Step, ...], seed: int) -> None:
    rng = Random(seed)
    run = make_play(*steps)
    for _ in range(200):
        running = run.start_wanted()
        if run.plan.outcome and not running:
            break
        assert running, "the plan neither ends nor wants anything"
        let_happen(run, rng.choice(running), rng)
    assert run.plan.outcome
    assert all(turn.ended for turn in run.t.turns.values())
    if run.t.stopped is None:
        said = {i.stage for i, turn in run.t.turns.items() if turn.spoke}
        for one in steps:  # a step was asked for exactly where it had something to work on
            fed = one.inputs == ("question",) or bool(said & set(one.inputs))
            assert fed == any(i.stage == one.name for i in run.t.turns)


def let_happen(run: Play, turn: TurnId, rng: Random) -> None:
    match rng.choice(["done", "done", "done", "failed", "retried", "skipped", "empty", "stopped"]):
        case "failed":
            run.record(make_failure(turn))
        case "retried" if turn.ask < 3:
            run.record(make_failure(turn), RetryAsked(turn, "p"))
        case "skipped":
            run.record(SkipAsked(turn, "p")).end_turn(turn, "", "skipped")
        case "empty":
            run.end_turn(turn, "")
        case "stopped" if rng.random() < 0.1:
            run.record(Stopped("p"))
            for each in run.start_wanted():
                run.end_turn(each, "so far", "stopped")
        case _:
            run.end_turn(turn)


def written(**steps: str) -> str:
    return "\n".join(f'[steps.{name}]\nprompt = "x"\n{rest}' for name, rest in steps.items())


class TestWritten:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("steps =", "not valid TOML"),
            ("", "steps: field required"),
            ("[steps]", "steps: dictionary should have at least 1 item"),
            (written(a="inputs = ['b']", b="inputs = ['c']", c="inputs = ['b']"), "wait for each other: b → c → b"),
            (written(a="inputs = ['a']"), "wait for each other: a → a"),
            (
                written(draft="", edit="inputs = ['darft']"),
                "steps.edit.inputs: there is no step “darft”. Did you mean draft",
            ),
            (written(question=""), "a step cannot be called so"),
            (written(Draft=""), "steps.Draft: string should match pattern"),
            (written(a="seat = 1"), "steps.a.seat: there is no such setting"),
            (written(a="seats = 0"), "steps.a.seats.0: input should be greater than or equal to 1"),
            (written(a="seats = []"), "steps.a.seats: list should have at least 1 item"),
            ('[steps.a]\nprompt = ""', "steps.a.prompt: string should have at least 1 character"),
            (written(**{f"s{n}": "" for n in range(13)}), "at most 12 items"),
            ("#" * 20_001, "may have 20,000 characters; this has 20,001"),
        ],
    )
    def test_mistakes_are_told(self, text: str, told: str) -> None:
        with pytest.raises(Refused) as caught:
            read_pipeline(text)
        assert told in str(caught.value)

    @pytest.mark.parametrize(
        ("seats", "told"),
        [("'aba'", "There is no model “aba”. Did you mean ada"), ("'ada@hot'", "“ada@hot” is no seat")],
    )
    def test_models_are_looked_up(self, seats: str, told: str) -> None:
        with pytest.raises(Refused) as caught:
            seat_pipeline(read_pipeline(written(a=f"seats = {seats}")), PANEL, MODELS)
        assert told in str(caught.value)

    def test_a_pipeline_has_at_most_so_many_seats(self) -> None:
        many = ", ".join(f"'ada@{n / 10}'" for n in range(12))
        assert len(seat_pipeline(read_pipeline(written(a=f"seats = [{many}]")), PANEL, MODELS)[0].seats) == 12
        with pytest.raises(Refused, match="12 seats and 36 turns; this has 13 and 13"):
            seat_pipeline(read_pipeline(written(a=f"seats = [{many}]", b="")), PANEL, MODELS)

    def test_a_pipeline_has_at_most_so_many_turns(self) -> None:
        many = read_pipeline(written(**{f"s{n}": "seats = 'panel'" for n in range(12)}))
        four = PanelSettings(seats=[SeatSettings(model="ada")] * 4)
        with pytest.raises(Refused, match="36 turns; this has 4 and 48"):
            seat_pipeline(many, four, MODELS)

    def test_seats_are_places_words_and_models(self) -> None:
        text = written(a="seats = ['panel', 'chair']", b="seats = ['ada@0.2/60', 5, 2]\ninputs = ['a', 'a']")
        table, steps = seat_pipeline(read_pipeline(f"Look:\n```toml\n{text}\n```"), PANEL, MODELS)
        assert [(s.model, s.temperature, s.max_tokens) for s in table.seats[3:]] == [("ada", 0.2, 60)]
        assert steps == (
            Step("a", "x", ("ada", "bob", "cyd", "chair"), ("question",)),
            Step("b", "x", ("ada:2", "bob"), ("a",)),
        )

    def test_where_nobody_of_a_step_is_there_the_first_does_it(self) -> None:
        steps = drop_absent_seats((make_step("a", seats=("dan", "bob")), make_step("b", seats=("dan",))), make_panel())
        assert [s.seats for s in steps] == [("bob",), ("ada",)]

    @pytest.mark.parametrize("name", PIPELINES)
    @pytest.mark.parametrize("seats", [1, 2, 3, 12])
    def test_those_that_come_with_moot_run_with_any_panel(self, name: str, seats: int) -> None:
        table, steps = seat_pipeline(
            read_pipeline(PIPELINES[name]), PanelSettings(seats=[SeatSettings(model="ada")] * seats), MODELS
        )
        run = Play(
            replace(
                make_start("pipeline"),
                panel=replace(make_panel(), seats=make_panel(_keys(len(table.seats))).seats),
                steps=steps,
            )
        )
        while not run.plan.outcome:
            assert run.play_stage()
        assert run.plan.outcome == "completed"


def _keys(count: int) -> list[str]:
    return ["ada", *(f"ada:{n}" for n in range(2, count + 1))]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (".".join(["a"] * 9_000) + " = 1", "its keys have too many dots"),
        ("x = {" + ".".join(['"a"'] * 4_000) + " = 1}", "its keys have too many dots"),
        ("x = " + "[" * 15_000, "it nests too deep"),
        ("x = " + "{a=" * 6_000, "it nests too deep"),
        (f"[{'a' * 10_000}]\n[{'a' * 9_000}]", "there is no such setting"),
        ("\n".join(f"k{i} = 1" for i in range(2_000)), "there is no such setting"),
        (f"[steps.a]\nprompt = 'x'\ninputs = {[f's{i}' for i in range(2_000)]}", "at most 12 items"),
    ],
)
def test_what_is_no_pipeline_is_refused_in_a_message(written: str, told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        read_pipeline(written)
    assert len(str(caught.value)) <= 1_500


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("```toml\na = 1\n```", "a = 1"),
        ("Here:\n````\na = '```'\n````\nThanks.", "a = '```'"),
        ("```\na = 1", "```\na = 1"),
        ("a = 1", "a = 1"),
    ],
)
def test_a_block_around_a_pipeline_is_taken_off(written: str, text: str) -> None:
    assert strip_fence(written) == text


def test_uses_are_counted_a_server() -> None:
    async def main() -> None:
        book = PipelineBook(PIPELINES, MemoryStore(lambda: 0.0))
        await asyncio.gather(*(book.add_use("refine", "x") for _ in range(5)), book.add_use("refine", "y"))
        assert (await book.count_uses("x"), await book.count_uses("y")) == ({"refine": 5}, {"refine": 1})

    asyncio.run(main())


async def test_a_pipeline_is_saved_for_its_server_and_run_from_there(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    mo = replace(MO, server="x:1")
    text = written(draft="", edit="seats = 2\ninputs = ['question', 'draft']")
    with pytest.raises(Refused, match="Editing pipelines needs somebody who manages this server"):
        await scene.actions.books.save_pipeline("mine", text, PAT)
    assert (
        await scene.actions.books.save_pipeline("mine", f"```toml\n{text}\n```", mo) == "Pipeline “mine”: draft, edit."
    )
    assert await scene.actions.services.pipelines.choose_pipeline("mine", "x:1") == text
    with pytest.raises(Refused, match="Did you mean mine"):
        await scene.actions.run_pipeline("mien", RunRequest("pipeline", "Why?", mo), lambda run, title: scene.place)
    run = await scene.actions.run_pipeline("mine", RunRequest("pipeline", "Why?", mo), lambda run, title: scene.place)
    await scene.actions.close_vote(run, mo)
    await scene.actions.wait_until_finished(run)
    t = await scene.actions.read_run(run, mo)
    assert t.finished is not None
    assert (t.finished.outcome, [str(i) for i in t.turns]) == ("completed", ["draft/1/ada", "edit/1/bob"])
    assert await scene.actions.services.pipelines.count_uses("x:1") == {"mine": 1}
    repeated = await scene.actions.start_run(rerun(t, mo), lambda run, title: Place(Platform()))
    assert (await scene.read_stored(repeated)).started.steps == t.started.steps
    await scene.actions.stop_run(repeated, mo)
