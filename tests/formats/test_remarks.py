"""Remarks in the thread: a line each, with what has become of it."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import Interjected, Stopped
from bot.domain.run import LaneId
from bot.engine.thread import lane_posts, replay_thread
from bot.formats.council import council as format_council
from tests.support.transcripts import Play, make_start

SAID = Interjected("p", "Mind the tabs.", "Pat", has_line=True)


def read_remarks(play: Play) -> list[tuple[str, str]]:
    """Return title and text of each remark's message."""
    posts = lane_posts(play.t, play.plan)
    return [(post.title, post.text or "") for post in posts if post.lane.stage == "remark"]


def play_council() -> Play:
    return Play(make_start("council", seats=("ada", "bob", "cyd")))


def test_a_remark_is_a_line_that_says_who_has_read_it() -> None:
    play = play_council()
    play.start_wanted()
    play.record(SAID)
    assert read_remarks(play) == [("Pat to the table", "> Mind the tabs.\n\nread by whoever speaks next")]
    for turn in [want.turn for want in play.plan.wanted]:
        play.end_turn(turn)
    play.play_stage(lambda turn: "FINAL RANKING:\n1. A\n2. B\n3. C")  # reviews read no remarks
    assert read_remarks(play)[0][1].endswith("read by whoever speaks next")
    play.start_wanted()
    assert read_remarks(play)[0][1].endswith("read by Chair")


def test_one_that_came_too_late_says_so() -> None:
    play = play_council()
    play.start_wanted()
    play.record(SAID, Stopped("p"))
    assert read_remarks(play)[0][1].endswith("it came too late: nobody spoke after it")


def test_a_comparison_keeps_it_and_says_that_no_model_reads_it() -> None:
    play = Play(make_start("compare", seats=("ada", "bob")))
    play.record(SAID)
    assert read_remarks(play)[0][1].endswith("each model speaks only once here")


def test_a_message_of_the_thread_is_not_repeated_there_but_stands_in_what_is_exported() -> None:
    play = play_council().record(replace(SAID, has_line=False))
    assert read_remarks(play) == []
    posts = replay_thread(play.t.entries, format_council, play.t.at)
    assert [post.title for post in posts if post.lane.stage == "remark"] == ["Pat to the table"]
    assert LaneId("remark", play.t.entries[-1].seq, "") in {post.lane for post in posts}


def test_a_long_one_is_cut() -> None:
    play = play_council().record(replace(SAID, text="x" * 999))
    assert read_remarks(play)[0][1].startswith(f"> {'x' * 300} …")
