"""Replies of a judge, and what is read from them: checks after a round, scores, personas."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.formats.debate import casting, scores
from bot.formats.debate.continuation import check_schema, read_check
from bot.formats.debate.scores import NotScored
from bot.formats.json_replies import json_objects
from tests.support.debates import play_rounds

DEBATES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "debates.toml").read_text("utf-8"))["debate"]
NAMES, CRITERIA = ["Ada", "Bob"], ["argument", "evidence"]
GOOD = {
    "scores": [{"debater": "Ada", "argument": 8, "evidence": 6}, {"debater": "Bob", "argument": 5, "evidence": 7}],
    "winner": "Ada",
}


@pytest.mark.parametrize("written", DEBATES, ids=[d["name"] for d in DEBATES])
def test_a_debate_ends_on_an_explicit_word_of_the_judge_alone(written: dict[str, Any]) -> None:
    rounds = written["rounds"]
    play = play_rounds(rounds, more=1)
    [check] = play.start_wanted()
    assert str(check) == f"check/{len(rounds)}/judge"
    asked = play.form.ask(play.t, check)
    assert asked.schema == check_schema()
    seen = "\n".join(p.text for p in asked.parts)
    assert all(text in seen for texts in rounds for text in texts)
    play.end_turn(check, written["reply"])
    ended = written["ends"] in ("agreement", "nothing new")
    assert read_check(written["reply"]).state == (written["ends"] or "going on")
    assert play.wanted[0].startswith("verdict/" if ended else "closing/")


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(GOOD),
        f"Here are my scores:\n\n{json.dumps(GOOD, indent=2)}\n\nWell argued.",
        f"So:\n```json\n{json.dumps(GOOD)}\n```",
        f"<think>{json.dumps(GOOD | {'winner': 'Bob'})}</think>\n{json.dumps(GOOD)}",
        f"{json.dumps(GOOD | {'winner': 'Bob'})}\nNo, on reflection:\n{json.dumps(GOOD)}",
        json.dumps(
            {"scores": {"ada": {"Argument": "8/10", "evidence": 6.0}, "**Bob**": {"argument": "5", "evidence": 7}}}
            | {"winner": "ADA."}
        ),
        json.dumps(GOOD).replace('"Ada"', '"\u00a0Ada "'),
    ],
)
def test_scores_are_read_as_judges_write_them(reply: str) -> None:
    read = scores.read_scores(reply, NAMES, CRITERIA)
    assert read.marks == {"Ada": {"argument": 8, "evidence": 6}, "Bob": {"argument": 5, "evidence": 7}}
    assert (read.winner, read.highest, read.mean("Ada")) == ("Ada", ("Ada",), 7)


@pytest.mark.parametrize(
    ("written", "mark"),
    [
        ("8", 8),
        ("7,5", 7.5),
        ("8 / 10", 8),
        ("8 out of 10", 8),
        ("4/5", 8),
        ("80 %", 8),
        ("82.5/100", 8.25),
        ("**8**", 8),
        ({"score": 8, "because": "it holds"}, 8),
        ({"score": "8/10"}, 8),
        ({"value": 8}, 8),
        ("8 von 10", 8),
        ("8 sur 10", 8),
        ("8.0/10.0", 8),
        ("8 points", 8),
        ("8分", 8),
        ("8 (it holds)", 8),
        ("4/5 – it holds, 9 of 10 times", 8),
        ("8: it holds", 8),
        ("8 - 9", None),
        ("8 or 9", None),
        ("eight", None),
        ("80", None),
        ("11/10", None),
        ("4/0", None),
        ("0%", None),
        ("8-9", None),
        ("1,000", None),
        ({"because": "it holds"}, None),
        ({"score": True}, None),
    ],
)
def test_a_mark_says_its_own_scale_or_is_on_ours(written: object, mark: float | None) -> None:
    if mark is None:
        with pytest.raises(NotScored, match="Ada's argument is not a number from 1 to 10"):
            scores.read_scores(rows(argument=written), NAMES, CRITERIA)
    else:
        assert scores.read_scores(rows(argument=written), NAMES, CRITERIA).marks["Ada"]["argument"] == mark


def rows(**changed: object) -> str:
    first = {**GOOD["scores"][0], **changed}  # type: ignore[dict-item]  # JSON has no types to speak of
    return json.dumps({**GOOD, "scores": [first, GOOD["scores"][1]]})


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "no JSON object with scores"),
        ("Ada 8, Bob 7. Ada wins.", "no JSON object with scores"),
        (json.dumps(GOOD)[:-20], "no JSON object with scores"),
        (f"> {json.dumps(GOOD)}\nI will not say that.", "no JSON object with scores"),
        (json.dumps(GOOD | {"winner": "Cyd"}), "its winner is none of Ada, Bob or tie"),
        (json.dumps({"scores": GOOD["scores"]}), "its winner is none of"),
        (json.dumps(GOOD | {"scores": GOOD["scores"][:1]}), "Bob is scored 0 times"),
        (json.dumps(GOOD | {"scores": [*GOOD["scores"], GOOD["scores"][0]]}), "Ada is scored 2 times"),
        (json.dumps(GOOD | {"scores": 7}), "Ada is scored 0 times"),
        (rows(argument=11), "Ada's argument is not a number from 1 to 10"),
        (rows(argument=0), "Ada's argument is not"),
        (rows(argument=None), "Ada's argument is not"),
        (rows(argument=True), "Ada's argument is not"),
        (rows(argument="good"), "Ada's argument is not"),
        (rows(argument=float("nan")), "Ada's argument is not"),
    ],
)
def test_nothing_is_made_up(reply: str, problem: str) -> None:
    with pytest.raises(NotScored, match=problem):
        scores.read_scores(reply, NAMES, CRITERIA)


def test_a_tie_is_a_verdict() -> None:
    for word in ("Tie", "draw", "Tied."):
        assert scores.read_scores(json.dumps(GOOD | {"winner": word}), NAMES, CRITERIA).winner == ""


@given(st.text() | st.sampled_from(["{" * 40_000, '{"a":' * 5_000, '{"scores": [' * 99]))
@example('{"scores": {"Ada": 1}, "winner": []}')
@example('{"personas": [1, {"debater": [], "persona": 3}]}')
@example('{"state": ["agreement"], "because": 1}')
def test_no_reply_is_a_fault_of_ours(text: str) -> None:
    assert all(isinstance(reply, dict) for reply in json_objects(text))
    assert read_check(text).state == "going on"
    assert casting.read_casting(text, NAMES) == {}
    with pytest.raises(NotScored):
        scores.read_scores(text, NAMES, CRITERIA)


def test_personas_are_one_line_each_and_only_for_debaters() -> None:
    given = [
        {"debater": "ada", "persona": "You are a nurse.\n\nIgnore the question."},
        {"debater": "Bob", "persona": "x" * 1_000},
        {"debater": "Cyd", "persona": "You are the judge."},
    ]
    read = casting.read_casting(json.dumps({"personas": given}), NAMES)
    assert read == {"Ada": "You are a nurse. Ignore the question.", "Bob": "x" * casting.PERSONA_CHARS}


def test_schemas_use_shared_keywords_alone() -> None:
    known = {"type", "properties", "required", "additionalProperties", "items", "enum", "description"}

    def keywords(schema: Any) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
        return set(schema).union(*map(keywords, inner))

    for schema in (check_schema(), scores.scores_schema(NAMES, CRITERIA), casting.casting_schema(NAMES)):
        assert keywords(schema) <= known


def test_every_written_debate_is_of_its_own_kind() -> None:
    assert len(DEBATES) == 10
    assert {d["ends"] for d in DEBATES} == {"agreement", "nothing new", "going on", ""}
