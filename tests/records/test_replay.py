"""A run as it came to be, from its snapshots or from an events file."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.codec import Unreadable
from bot.domain.facts import RunFinished
from bot.domain.run import LIVE, TurnId, Visibility
from bot.domain.transcript import Transcript, fold_all
from bot.engine.thread import replay_thread
from bot.engine.trace import EventsFile
from bot.formats import FORMATS
from bot.records import replay
from bot.records.events import read_events
from bot.records.replay import last_posts, list_frames
from tests.support.histories import play_history, show_growing
from tests.support.transcripts import Play, make_start

ADA = TurnId("answer", 1, "ada")


def play_comparison(veil: Visibility = LIVE) -> Play:
    start = make_start("compare")
    play = Play(replace(start, rules=replace(start.rules, veil=veil)))
    play.play_stage(lambda turn: f"what {turn.seat} says in the end")
    return play.record(RunFinished(play.plan.outcome))


@pytest.mark.parametrize("form", FORMATS)
def test_a_replay_ends_as_the_thread_reads(form: str) -> None:
    play = play_history(form, 2)
    now = play.t.at + 1e6
    frames = list_frames(play.t.entries, show_growing(play), FORMATS[form], now)
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)
    read = {p.lane: (p.title, p.text, p.footer) for p in replay_thread(play.t.entries, FORMATS[form], now)}
    assert {lane: (p.title, p.text, p.footer) for lane, p in last_posts(frames).items()} == read


@pytest.mark.parametrize("form", FORMATS)
def test_a_plan_that_serves_for_several_facts_reads_as_one_for_each(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    play = play_history(form, 3)
    for veil in (LIVE, Visibility("together"), Visibility("live", blind=True)):
        rules = replace(play.t.started.rules, veil=veil)
        start = replace(play.t.started, rules=rules)
        entries = [replace(e, fact=start) if e.fact == play.t.start else e for e in play.t.entries]
        frames = list_frames(entries, (), FORMATS[form], play.t.at)
        with monkeypatch.context() as patch:
            patch.setattr(replay, "_ends_openly", lambda t, fact: False)
            assert frames == list_frames(entries, (), FORMATS[form], play.t.at)


def test_a_text_grows_between_its_turns_start_and_end() -> None:
    play = play_comparison()
    frames = list_frames(play.t.entries, show_growing(play), FORMATS["compare"], play.t.at)
    texts = [frame.post.text or "" for frame in frames if frame.post.lane == ADA.lane]
    assert texts[0] == ""
    assert len(texts) > 4
    assert all("what ada says in the end".startswith(text) for text in texts)


def test_what_was_hidden_while_it_grew_appears_when_people_could_read_it() -> None:
    play = play_comparison(Visibility("together"))
    frames = list_frames(play.t.entries, show_growing(play), FORMATS["compare"], play.t.at)
    assert not any(frame.growing for frame in frames if frame.post.lane == ADA.lane)
    last = max(e.at for e in play.t.entries if type(e.fact).__name__ == "TurnEnded")
    assert min(f.at for f in frames if f.post.lane == ADA.lane and f.post.text) == last


async def write_events(path: Path, play: Play) -> None:
    """Write the events file of a play, with three deltas for Ada's turn."""
    with EventsFile(path) as events:
        began = asyncio.get_running_loop().time()
        for entry in play.t.entries:
            events.record_fact(entry)
        for at, chars in enumerate((5, 0, 30)):
            events.record_delta(ADA, began + at, chars, 0)


async def test_an_events_file_is_read_back(tmp_path: Path) -> None:
    play = play_comparison()
    await write_events(tmp_path / "events.jsonl", play)
    text = (tmp_path / "events.jsonl").read_text("utf-8")
    for whole in (text, text + '{"t": 1, "ty'):  # cut off in its last line
        record = read_events(whole)
        assert fold_all(Transcript(), record.entries).turns.keys() == play.t.turns.keys()
        assert [entry.fact for entry in record.entries] == [entry.fact for entry in play.t.entries]
        assert [(shot.turn, shot.kept, shot.text) for shot in record.snapshots] == [
            (ADA, 0, "what "),
            (ADA, 5, "ada says in the end"),
        ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no run from its beginning"),
        ("x\n{}", "line 1 is no JSON"),
        (json.dumps({"type": "fact", "fact": "TurnStarted", "seq": 1, "t": 0, "turn": "?"}) + "\n{}", "line 1: "),
    ],
    ids=["empty", "no JSON", "no turn"],
)
def test_what_is_no_events_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_events(text)
