"""Facts survive their plain form, whatever is in them; foreign data is refused with its place named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.codec import Unreadable, decode, encode, read_turn, turn_text
from bot.domain.facts import Fact, RunStarted, SkipAsked, TurnEnded, TurnStarted
from bot.domain.run import Panel, Price, PriceHours, PriceStep, Rules, Seat, TurnId

# Any text at all: NUL, lone surrogates, other planes.
texts = st.text(st.characters(), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
keys = st.from_regex(r"[A-Za-z0-9_.:-]{1,40}", fullmatch=True)
rounds = st.integers(min_value=0)
turns = st.builds(TurnId, st.sampled_from(["answer", "review", "chair"]), rounds, keys, rounds)

st.register_type_strategy(str, texts)
st.register_type_strategy(float, numbers)
st.register_type_strategy(TurnId, turns)
st.register_type_strategy(Mapping, st.dictionaries(texts, texts, max_size=3))

facts: st.SearchStrategy[Fact] = st.one_of([st.from_type(kind) for kind in get_args(Fact)])


@given(facts)
def test_every_fact_survives_json(fact: Fact) -> None:
    kind, data = encode(fact)
    assert decode(kind, json.loads(json.dumps(data))) == fact


@given(turns)
def test_turns_read_as_they_print(turn: TurnId) -> None:
    assert turn_text(turn) == str(turn)
    assert read_turn(turn_text(turn)) == turn


def test_the_plain_form_is_readable() -> None:
    about = (TurnId("answer", 1, "claude"), TurnId("answer", 1, "gpt", 2))
    assert encode(TurnStarted(TurnId("review", 1, "gemini"), about)) == (
        "TurnStarted",
        {"turn": "review/1/gemini", "about": ["answer/1/claude", "answer/1/gpt/2"], "objection": 0},
    )


def test_types_are_restored() -> None:
    data = {
        "turn": "answer/1/claude",
        "finish": "done",
        "usage": {"input": 3, "output": 4, "thinking": 0, "source": "reported"},
    }
    fact = decode("TurnEnded", {**data, "cost_usd": 1})
    assert isinstance(fact, TurnEnded)
    assert isinstance(fact.turn, TurnId)
    assert fact.usage.output == 4
    assert isinstance(fact.cost_usd, float)
    assert fact.failure is None  # left out by an older version: its default


def test_a_slash_in_a_name_is_refused_before_it_is_stored() -> None:
    with pytest.raises(ValueError, match="slash"):
        encode(SkipAsked(TurnId("answer", 1, "a/b"), by="ann"))


STARTED = encode(RunStarted("council", "Why?", Panel((Seat("a", "m", "A"),)), Rules(), seed=1, prompts={}, by="ann"))[1]


def test_a_price_with_all_its_parts_is_restored_and_an_older_one_has_none() -> None:
    step = PriceStep(4.0, 20.0, 0.4, above_tokens=200_000, hours=(PriceHours(600, 30, (1, 7)),))
    seat = Seat("a", "m", "A", price=Price(2.0, 10.0, "litellm", 0.1, 0.2, 2.5, 12.0, (step,)))
    fact = RunStarted("council", "Why?", Panel((seat,)), Rules(), seed=1, prompts={}, by="ann")
    kind, data = encode(fact)
    assert decode(kind, json.loads(json.dumps(data))) == fact
    data["panel"]["seats"][0]["price"] = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 10.0, "source": "litellm"}
    old = decode(kind, data)
    assert isinstance(old, RunStarted)
    assert old.panel.seats[0].price == Price(2.0, 10.0, "litellm")


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("Elected", {}, "Elected: a kind of fact unknown here, perhaps written by a newer version"),
        ("Stopped", {"by": "ann", "why": "late"}, "Stopped: unknown here, perhaps written by a newer version: why"),
        ("VoteCast", {"by": "ann"}, "VoteCast: missing: round, seat"),
        ("VoteCast", {"by": "ann", "round": "1", "seat": "a"}, "VoteCast.round: int expected, not '1'"),
        ("VoteCast", {"by": "ann", "round": True, "seat": "a"}, "VoteCast.round: int expected, not True"),
        ("VoteCast", "a", "VoteCast: VoteCast expected, not 'a'"),
        ("TurnEnded", {"turn": "answer/1/a", "finish": "lost"}, "TurnEnded.finish: .*'skipped'.* expected, not 'lost'"),
        ("TurnStarted", {"turn": "answer/1/a", "about": ["answer"]}, "'answer' is no turn"),
        ("TurnStarted", {"turn": "answer/one/a"}, "whole numbers"),
        ("TurnStarted", {"turn": "answer/1/a", "about": "answer/1/a"}, "TurnStarted.about: tuple"),
        ("RunStarted", {**STARTED, "prompts": {"chair": 1}}, "RunStarted.prompts.chair: str expected"),
        ("RunStarted", {**STARTED, "panel": {"seats": [{"key": "a"}]}}, r"RunStarted.panel.seats\[0\]: missing: model"),
        ("Interjected", {"by": "ann", "text": ["long" * 99]}, r"Interjected.text: str expected, not .{79}…$"),
    ],
)
def test_foreign_data_is_refused_with_its_place(kind: str, data: Any, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        decode(kind, data)
