"""A run played through before it starts, with words that mean nothing: its turns, and how much each reads. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.asks import Ask, JsonSchema
from bot.domain.facts import Fact, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import TurnId
from bot.domain.transcript import Entry, Transcript, fold
from bot.formats import FORMATS

MAX_TURNS = 400  # a debate of 8 seats has 6 rounds; a pipeline 12 seats in each of its steps

WriteTurn = Callable[[TurnId, Ask], str]  # what a turn says


@dataclass(frozen=True, slots=True)
class RehearsedTurn:
    """A turn of a run that is played through: what it is asked, and what it says."""

    turn: TurnId
    ask: Ask
    text: str


def rehearse(start: RunStarted, write: WriteTurn) -> Iterator[RehearsedTurn]:
    """Yield the turns of a run in which everyone says what `write` says, nothing fails, and nobody presses anything."""
    form, t, now = FORMATS[start.format], _add(Transcript(), 0.0, start), 0.0
    while not (plan := form.plan(t, now)).outcome and len(t.turns) < MAX_TURNS:
        new = [want for want in plan.wanted if want.turn not in t.turns]
        for want in new:
            t = _add(t, now, TurnStarted(want.turn, want.about, want.objection))
        for want in new:
            ask = form.ask(t, want.turn)
            said = RehearsedTurn(want.turn, ask, write(want.turn, ask))
            yield said
            t = _add(t, now, TurnEnded(want.turn, "done", said.text))
        if not new:
            if plan.again_at is None or plan.again_at <= now:
                return  # only people could go on from here
            now = plan.again_at


def _add(t: Transcript, at: float, fact: Fact) -> Transcript:
    return fold(t, Entry(t.seq + 1, at, fact))


def fill_schema(schema: JsonSchema, words: str) -> str:
    """Write an object that follows a schema of `bot.formats`, with `words` wherever a text is free.

    Of a choice the last is taken, by which a debate goes on; a list holds every choice that its items have.
    """
    return json.dumps(_fill(schema, words))


def _fill(schema: JsonSchema, words: str) -> Any:
    if "enum" in schema:
        return schema["enum"][-1]
    match schema.get("type"):
        case "object":
            return {name: _fill(part, words) for name, part in schema["properties"].items()}
        case "array":
            return _fill_list(schema["items"], words)
        case "string":
            return words
        case _:
            return schema.get("minimum", 1)


def _fill_list(items: JsonSchema, words: str) -> list[Any]:
    """Return one item for each choice that an item has, or that its first field with choices has."""
    if "enum" in items:
        return list(items["enum"])
    choices = {name: part["enum"] for name, part in items.get("properties", {}).items() if "enum" in part}
    name, values = next(iter(choices.items()), ("", ()))
    return [_fill(items, words) | {name: value} for value in values] or [_fill(items, words)]
