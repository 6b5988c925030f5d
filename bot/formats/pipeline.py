"""Pipeline: named steps, each working on the output of earlier ones; independent ones run at once.

The steps are stored resolved in the run's start. A step begins when all its inputs are settled; where none of them
has said anything it is left out, and so are the steps that depend on it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from bot.domain.asks import Ask, Part
from bot.domain.run import Step, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import (
    fixed_seats,
    frame,
    frame_code,
    instruction_part,
    name_of,
    no_objections,
    open_turns,
    question_parts,
    remark_parts,
    transcript_at_start,
    turns_with_text,
    with_people,
)
from bot.formats.end_card import plan_end, plan_if_stopped, quote_beginning
from bot.formats.plan import Plan, Want
from bot.text import join_names

PROMPTS = ("pipeline.step",)
ROUNDS = (1, 1)
SEATS = (1, 12)
seat_rules, objection_rules = fixed_seats, no_objections

QUESTION = "question"  # the word for the run's question among a step's inputs

State = Literal["waiting", "running", "heard", "silent", "left out"]


@with_people
def plan(t: Transcript, now: float) -> Plan:
    steps = t.started.steps
    turns = [i for step in steps for i in _step_turns(step)]
    titles = {i.lane: f"{name_of(t, i)} · {i.stage}" for i in turns}
    if end := plan_if_stopped(t, now, titles, {}):
        return end
    states = _step_states(t)
    running = [step for step in steps if states[step.name] == "running"]
    if running:
        want = [Want(i, _input_ids(t, step)) for step in running for i in _open_turns(t, step) or ()]
        return Plan(tuple(want), ", ".join(s.name for s in running), total=len(turns), titles=titles)
    heard = any(states[step.name] == "heard" for step in _final_steps(steps))
    return plan_end(t, now, "completed" if heard else "failed", _verdict(t, states), titles=titles)


def ask(t: Transcript, turn: TurnId) -> Ask:
    t = transcript_at_start(t, turn)
    step = _find_step(t, turn.stage)
    mark = frame_code(t, turn)
    asked = question_parts(t, turn) if QUESTION in step.inputs else []
    made = [
        Part("user", frame(f"{said.id.stage} by {name_of(t, said.id)}", said.text, mark), priority=50, cut="tail")
        for said in _input_turns(t, step)
    ]
    return Ask((instruction_part(t, turn, "pipeline.step", task=step.prompt), *asked, *made, *remark_parts(t, turn)))


def _step_states(t: Transcript) -> dict[str, State]:
    """Return the state of each step; one that has begun goes on, whatever becomes of its inputs."""
    states: dict[str, State] = {}
    for step in t.started.steps:
        inputs = [states[name] for name in step.inputs if name != QUESTION]
        if not any(i in t.turns for i in _step_turns(step)):
            if "waiting" in inputs or "running" in inputs:
                states[step.name] = "waiting"
                continue
            if inputs and "heard" not in inputs:
                states[step.name] = "left out"
                continue
        if _open_turns(t, step) is not None:
            states[step.name] = "running"
        else:
            states[step.name] = "heard" if turns_with_text(t, _step_turns(step)) else "silent"
    return states


def _open_turns(t: Transcript, step: Step) -> tuple[TurnId, ...] | None:
    """Return the turns of a step that should be running; None once it is settled.

    As `open_turns`, but looking at this step and its dependents alone: a step beside it is no later stage.
    """
    above = {step.name}
    for later in t.started.steps:  # inputs come first
        if above & set(later.inputs):
            above.add(later.name)
    turns = {i: turn for i, turn in t.turns.items() if i.stage in above}
    return open_turns(replace(t, turns=MappingProxyType(turns)), _step_turns(step))


def _step_turns(step: Step) -> list[TurnId]:
    return [TurnId(step.name, 1, seat) for seat in step.seats]


def _find_step(t: Transcript, name: str) -> Step:
    return next(step for step in t.started.steps if step.name == name)


def _input_turns(t: Transcript, step: Step) -> list[Turn]:
    """Return the turns that a step works on: all from its inputs, in the order in which it names them."""
    return [
        said
        for name in step.inputs
        if name != QUESTION
        for said in turns_with_text(t, _step_turns(_find_step(t, name)))
    ]


def _input_ids(t: Transcript, step: Step) -> tuple[TurnId, ...]:
    return tuple(said.id for said in _input_turns(t, step))


def _final_steps(steps: Sequence[Step]) -> list[Step]:
    """Return the steps whose output no other step uses."""
    used = {name for step in steps for name in step.inputs}
    return [step for step in steps if step.name not in used]


def _verdict(t: Transcript, states: dict[str, State]) -> list[str]:
    """Say which steps were left out, then the beginning of the output."""
    out = [
        quote_beginning(name_of(t, said.id), said.id.lane, said.text)
        for step in _final_steps(t.started.steps)
        for said in turns_with_text(t, _step_turns(step))
    ]
    left_out = _names_in_state(states, "left out")
    works, were = ("works", "it was") if len(left_out) == 1 else ("work", "they were")
    first = f"Nothing came from what {join_names(left_out)} {works} on, so {were} left out." if left_out else ""
    return [*([first] if first else []), *(out or ["Nothing came out."])]


def _names_in_state(states: dict[str, State], state: State) -> list[str]:
    return [name for name, is_ in states.items() if is_ == state]
