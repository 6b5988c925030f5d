"""A run as a JSON document: what goes out comes in again, and what is no such document is refused with its reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.domain.codec import Unreadable
from bot.domain.facts import Claimed, Deleted, Interjected, Removed, TurnEnded
from bot.domain.run import TurnId
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.formats import FORMATS
from bot.ports.store import Snapshot
from bot.records.record import MAX_FACTS, VERSION, RunRecord, make_record, read_record, write_record
from bot.records.schema import make_schema
from tests.support.histories import play_history, record_play, show_growing
from tests.support.paths import ROOT
from tests.support.transcripts import Play, make_start

SCHEMA = Draft202012Validator(make_schema())
ADA = TurnId("answer", 1, "ada")


def small_document(**changes: object) -> dict[str, Any]:
    """Return the document of a short run, with some of its parts replaced."""
    play = Play(make_start("compare"))
    play.play_stage()
    return {**json.loads(write_record(record_play(play))), **changes}


@given(st.sampled_from(list(FORMATS)), st.integers(0, 10_000))
def test_what_is_written_reads_the_same_and_fits_the_schema(form: str, seed: int) -> None:
    record = record_play(play_history(form, seed))
    text = write_record(record)
    assert read_record(text) == record
    assert write_record(read_record(text)) == text
    SCHEMA.validate(json.loads(text))


@given(st.text())
def test_any_text_survives(text: str) -> None:
    record = record_play(Play(replace(make_start("compare"), question=text)).record(Interjected("p", text)))
    written = write_record(record)
    written.encode("utf-8")
    assert [e.fact for e in read_record(written).entries] == [e.fact for e in record.entries]


def test_the_schema_in_the_docs_is_that_of_the_code() -> None:
    assert json.loads((ROOT / "docs" / "run.schema.json").read_text("utf-8")) == make_schema(), (
        "write it again: python -m bot.records.schema > docs/run.schema.json"
    )


def test_the_schema_is_one_and_knows_no_other_field() -> None:
    Draft202012Validator.check_schema(make_schema())
    document = small_document()
    document["facts"][0]["data"]["mood"] = "good"
    assert not SCHEMA.is_valid(document)


def test_what_is_removed_and_where_it_ran_stays_here() -> None:
    play = Play(make_start("compare")).record(Claimed("the host:1"))
    play.play_stage(lambda turn: f"the words of {turn.seat}")
    play.record(Removed(ADA, "mod"))
    written = write_record(make_record("r", play.t, show_growing(play)))
    assert "the words of ada" not in written.replace("the words of bob", "")
    assert "the words of bob" in written
    assert "the host" not in written


def test_listed_words_are_blanked_in_texts_and_snapshots() -> None:
    play = Play(make_start("compare"))
    play.play_stage(lambda turn: "a newt" if turn == ADA else "a cat")
    record = make_record("r", play.t, show_growing(play), lambda text: text.replace("newt", "████"))
    ends = {e.fact.turn: e.fact.text for e in record.entries if isinstance(e.fact, TurnEnded)}
    assert ends[ADA] == "a ████"
    assert {s.turn.seat for s in record.snapshots} == {"bob", "cyd"}


DEEP = "[" * 100_000
BAD = {
    "nothing": ("", "no JSON"),
    "a picture": ("\x89PNG", "no JSON"),
    "nested too deep": (DEEP, "no JSON"),
    "a number of many digits": ('{"version": ' + "9" * 5_000 + "}", "no JSON"),
    "NaN": ('{"document": NaN}', "no JSON"),
    "another document": ('{"a": 1}', "no run"),
    "a list": ("[1]", "no run"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_document_is_refused(what: str) -> None:
    text, why = BAD[what]
    with pytest.raises(Unreadable, match=why):
        read_record(text)


CHANGED: dict[str, tuple[dict[str, object], str]] = {
    "a newer version": ({"version": VERSION + 1}, "update Moot"),
    "no version": ({"version": True}, "which version"),
    "a line end in a name": ({"run": "x\n"}, "run: letters"),
    "a path for a name": ({"run": "../../etc/x"}, "run: letters"),
    "a field from elsewhere": ({"mood": 1}, "unknown here.*mood"),
    "no facts": ({"facts": []}, "start of the run"),
    "too many facts": ({"facts": [None] * (MAX_FACTS + 1)}, "at most"),
    "facts that are none": ({"facts": {"a": 1}}, "a list expected"),
    "a snapshot of no turn": (
        {"snapshots": [{"turn": "answer/1/zoe", "at": 1, "kept": 0, "text": ""}]},
        "no turn of this run",
    ),
    "a snapshot that keeps what was never there": (
        {"snapshots": [{"turn": "answer/1/ada", "at": 1, "kept": 10**9, "text": ""}]},
        "more than it showed",
    ),
    "a snapshot of no shape": ({"snapshots": ["x"]}, "snapshot 1: turn, at"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_document_that_was_changed_is_refused(what: str) -> None:
    changes, why = CHANGED[what]
    with pytest.raises(Unreadable, match=why):
        read_record(json.dumps(small_document(**changes)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seq": 5}, "fact 2: its number is 5"),
        ({"at": -1.0}, "seconds since 1970"),
        ({"at": 1e300}, "seconds since 1970"),
        ({"kind": "Overthrown"}, "fact 2: Overthrown"),
        ({"data": {"turn": 3}}, "fact 2: TurnStarted.turn"),
        ({"more": 1}, "fact 2: seq, at, kind and data"),
    ],
    ids=["number", "before time", "beyond time", "kind", "data", "shape"],
)
def test_a_fact_that_was_changed_is_named(change: dict[str, object], why: str) -> None:
    document = small_document()
    document["facts"][1] = {**document["facts"][1], **change}
    with pytest.raises(Unreadable, match=re.escape(why)):
        read_record(json.dumps(document))


def test_a_deleted_run_and_one_whose_time_runs_backwards_are_refused() -> None:
    play = Play(make_start("compare"))
    with pytest.raises(Unreadable, match="deleted"):
        read_record(write_record(record_play(Play(make_start("compare")).record(Deleted("p")))))
    late = (Entry(1, 9.0, play.t.started), Entry(2, 3.0, Interjected("p", "x")))
    with pytest.raises(Unreadable, match="backwards"):
        read_record(write_record(RunRecord("r", late)))


@given(st.data())
def test_a_document_that_is_cut_off_anywhere_is_refused(data: st.DataObject) -> None:
    text = json.dumps(small_document())
    with pytest.raises(Unreadable):
        read_record(text[: data.draw(st.integers(0, len(text) - 1))])


def test_snapshots_of_a_record_are_bounded_and_end_as_they_did() -> None:
    play = Play(make_start("compare"))
    play.play_stage(lambda turn: "words " * 50)
    shots = show_growing(play, steps=100)
    record = make_record("r", play.t, shots)
    assert len(record.snapshots) == 3 * 32
    assert isinstance(record.snapshots[0], Snapshot)
    assert fold_all(Transcript(), record.entries) == play.t
