"""Pipelines: TOML with named steps as people write it, its checks, and the named pipelines of a server.

description = "…"

[steps.draft]
prompt = "…"              # what the step is to do
seats = 1                 # who does it: a place at the table, "panel", "chair", or a model ("claude@0.2/600");
                          # several in a list
inputs = ["question"]     # what it works on: "question" and other steps
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from bot.actions.panels import read_seat, seat_panel
from bot.domain.run import Panel, Step
from bot.errors import Refused
from bot.formats.pipeline import QUESTION
from bot.models.catalogue import Model
from bot.ports.store import DocumentStore
from bot.settings.settings import PanelSettings
from bot.settings.value_types import MAX_SEATS, Strict
from bot.text import did_you_mean, quote_typed, shorten_typed

PANEL, CHAIR = "panel", "chair"  # words for seats
MAX_INPUTS = 12  # of a step: the question and every other step
MAX_MISTAKES = 8  # told at once
MAX_TURNS = 36  # of all steps together
TEXT_CHARS = 20_000  # of a pipeline's TOML
# more dotted parts than any key of a pipeline has: Python's parser of TOML takes quadratic time for them
_PART = r"(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')"
_DEEP = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{30}}")
FENCE = re.compile(r"(?<!`)(`{3,}+)\w*+\n")  # as in a chat, or as an attached file comes

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,29}$")]
Place = Annotated[int, Field(ge=1, le=MAX_SEATS, strict=True)]


def _as_list(value: Any) -> Any:
    """Put a single seat or input into a list."""
    return value if isinstance(value, list) else [value]


class StepSettings(Strict):
    prompt: str = Field(min_length=1, max_length=4_000)
    seats: Annotated[list[Place | str], BeforeValidator(_as_list)] = Field([1], min_length=1, max_length=MAX_SEATS)
    inputs: Annotated[list[str], BeforeValidator(_as_list)] = Field([QUESTION], min_length=1, max_length=MAX_INPUTS)


class PipelineSettings(Strict):
    description: str = Field("", max_length=200)
    steps: dict[Name, StepSettings] = Field(min_length=1, max_length=12)


def read_pipeline(text: str) -> PipelineSettings:
    """Read a pipeline from its TOML, with or without a code block around it. Raises Refused with every mistake."""
    if len(text) > TEXT_CHARS:
        raise Refused(f"A pipeline may have {TEXT_CHARS:,} characters; this has {len(text):,}.")
    if _DEEP.search(text):
        raise Refused("That is no pipeline: its keys have too many dots.")
    try:
        pipeline = PipelineSettings.model_validate(tomllib.loads(strip_fence(text)))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"That is not valid TOML: {shorten_typed(str(error), 200)}.") from error
    except RecursionError as error:
        raise Refused("That is no pipeline: it nests too deep.") from error
    except ValidationError as error:
        told = [_describe_mistake(e["loc"], e["msg"]) for e in error.errors(include_input=False)[:MAX_MISTAKES]]
        raise Refused("\n".join(told)) from error
    if mistakes := list(islice(_find_loose_ends(pipeline), MAX_MISTAKES)):
        raise Refused("\n".join(mistakes))
    _order_steps(pipeline)
    return pipeline


def strip_fence(text: str) -> str:
    """Return the text without the code block around it, if there is one."""
    opening = FENCE.search(text)
    end = text.rfind(f"\n{opening[1]}", opening.end()) if opening else -1
    return text[opening.end() : end] if opening and end >= 0 else text


def _describe_mistake(where: tuple[int | str, ...], message: str) -> str:
    path = ".".join(
        shorten_typed(str(part)) for part in where if part not in ("[key]", "str") and "constrained" not in str(part)
    )
    if message == "Extra inputs are not permitted":
        return f"{path}: there is no such setting."
    return f"{path or 'The pipeline'}: {message[:1].lower()}{message[1:]}."


def _find_loose_ends(pipeline: PipelineSettings) -> Iterator[str]:
    steps = pipeline.steps
    if QUESTION in steps:
        yield f"steps.{QUESTION}: a step cannot be called so: it is the name of what was asked."
    for name, step in steps.items():
        for unknown in dict.fromkeys(i for i in step.inputs if i != QUESTION and i not in steps):
            hint = did_you_mean(unknown, [QUESTION, *steps], "inputs")
            yield f"steps.{name}.inputs: there is no step {quote_typed(unknown)}. {hint}"


def _order_steps(pipeline: PipelineSettings) -> list[str]:
    """Return the names of the steps, each after its inputs. Raises Refused where steps wait for each other."""
    needs = {name: [i for i in step.inputs if i != QUESTION] for name, step in pipeline.steps.items()}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise Refused(f"These steps wait for each other: {' → '.join(error.args[1])}.") from error


def seat_pipeline(
    pipeline: PipelineSettings, panel: PanelSettings, models: Mapping[str, Model]
) -> tuple[PanelSettings, tuple[Step, ...]]:
    """Return the panel that the pipeline needs, and its steps with the keys of that panel's seats.

    A place is counted modulo the size of the panel, so that every pipeline runs with any panel. Raises Refused, for
    instance where a model is not in the catalogue.
    """
    who = {name: list(_choose_seats(step, panel)) for name, step in pipeline.steps.items()}
    used = list(dict.fromkeys(one for each in who.values() for one in each if one != CHAIR)) or [0]
    turns = sum(map(len, who.values()))
    if len(used) > MAX_SEATS or turns > MAX_TURNS:
        raise Refused(f"A pipeline may have {MAX_SEATS} seats and {MAX_TURNS} turns; this has {len(used)} and {turns}.")
    seats = [panel.seats[one] if isinstance(one, int) else read_seat(one) for one in used]
    table = panel.model_copy(update={"seats": seats, "chair": panel.chair or panel.seats[0].model})
    keys = {CHAIR: CHAIR, **{one: s.key for one, s in zip(used, seat_panel(table, models).seats, strict=True)}}
    steps = ((name, pipeline.steps[name]) for name in _order_steps(pipeline))
    return table, tuple(
        Step(name, step.prompt, tuple(keys[one] for one in who[name]), tuple(dict.fromkeys(step.inputs)))
        for name, step in steps
    )


def _choose_seats(step: StepSettings, panel: PanelSettings) -> dict[int | str, None]:
    """Return who does a step, each once: places in the panel (from 0), models as written, or the chair."""
    found: dict[int | str, None] = {}
    for word in step.seats:
        match word:
            case int():
                found[(word - 1) % len(panel.seats)] = None
            case "panel":
                found |= dict.fromkeys(range(len(panel.seats)))
            case _:
                found[word.strip()] = None
    return found


def drop_absent_seats(steps: tuple[Step, ...], panel: Panel) -> tuple[Step, ...]:
    """Return the steps without absent seats; a step that has none left goes to the panel's first seat."""
    there = {seat.key for seat in panel.everyone()}
    return tuple(
        replace(step, seats=tuple(key for key in step.seats if key in there) or (panel.seats[0].key,)) for step in steps
    )


class PipelineBook:
    """The pipelines of each server by name, as TOML: those that come with Moot (`built_in`), and those made there."""

    def __init__(self, built_in: Mapping[str, str], documents: DocumentStore) -> None:
        self._built_in = built_in
        self._documents = documents
        self._counting = asyncio.Lock()

    async def list_pipelines(self, server: str) -> dict[str, str]:
        prefix = f"pipeline/{server}/"
        made = await self._documents.documents(prefix)
        return {**self._built_in, **{key.removeprefix(prefix): str(text) for key, text in made.items()}}

    async def choose_pipeline(self, name: str, server: str) -> str:
        """Return the TOML of the pipeline of that name. Raises Refused, with names like it."""
        known = await self.list_pipelines(server)
        if name in known:
            return known[name]
        raise Refused(f"There is no pipeline {quote_typed(name)}. {did_you_mean(name, list(known), 'pipelines')}")

    async def save_pipeline(self, name: str, text: str, server: str) -> None:
        await self._documents.put(f"pipeline/{server}/{name}", strip_fence(text))

    async def count_uses(self, server: str) -> dict[str, int]:
        """Return how often each pipeline was run in a server, without those that never were."""
        prefix = f"pipeline-uses/{server}/"
        kept = await self._documents.documents(prefix)
        return {key.removeprefix(prefix): n for key, n in kept.items() if isinstance(n, int)}

    async def add_use(self, name: str, server: str) -> None:
        """Count one more run of a pipeline."""
        async with self._counting:
            uses = (await self.count_uses(server)).get(name, 0)
            await self._documents.put(f"pipeline-uses/{server}/{name}", uses + 1)
