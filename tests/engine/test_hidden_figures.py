"""Figures of a blind run: times, tokens and prices would tell models apart, so they are shown with the names."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.domain.facts import NamesRevealed, RunFinished, Stopped, TurnEnded, VoteClosed
from bot.domain.run import Panel, Price, StandIn, TurnId, Usage, WindowCut
from bot.domain.run import Timings as Took
from bot.engine.thread import replay_thread
from bot.live.board import build_board, render_board
from tests.support.hidden_runs import make_hidden_start
from tests.support.transcripts import Play

FIGURES = re.compile(r"\$|Other|tokens|local|[78]\d\d\d|1\d\.\d s")


def make_play(form: str) -> Play:
    """Return a blind play of seats with prices."""
    start = make_hidden_start(form, blind=True, vote_s=600.0, rounds=3 if form == "debate" else 1)
    price = Price(1.0, 2.0, "settings")
    seats, chair, judge = start.panel.seats, start.panel.chair, start.panel.judge
    assert chair is not None
    assert judge is not None
    panel = Panel(
        tuple(replace(s, price=price) for s in seats), replace(chair, price=price), replace(judge, price=price)
    )
    return Play(replace(start, panel=panel))


def end_turn(p: Play, turn: TurnId, number: int) -> None:
    """End a turn with figures that no other turn has."""
    usage = Usage(output=7_000 + number, source="estimated" if number % 2 else "reported")
    took = Took(total_s=10.0 + number / 10)
    other = StandIn("other", "Other", Price(1.0, 2.0, "settings"), "unreachable")
    cut = WindowCut(7_168, (1, 2))
    p.record(TurnEnded(turn, "done", "I agree.", usage, 0.8001 + number, took, stand_in=other, cut=cut))


def read_all(p: Play) -> str:
    """Return all that is shown of a run: its board, its thread as it grew, and as it is read again."""
    board = render_board(build_board(p.t, p.plan.stage, 9, {}, p.t.at + 1.0, verdict=p.plan.verdict))
    posts = replay_thread(p.t.entries, p.form, p.t.at)
    return "\n".join([board, *(f"{post.title} {post.text} {post.footer} {post.placeholder}" for post in posts)])


@pytest.mark.parametrize("form", ["compare", "council", "debate"])
def test_no_figure_of_a_blind_run_is_shown_before_its_names(form: str) -> None:
    p, number = make_play(form), 0
    while p.plan.wanted:
        for turn in p.start_wanted():
            number += 1
            end_turn(p, turn, number)
            assert FIGURES.findall(read_all(p)) == []
    p.record(RunFinished(p.plan.outcome))
    assert FIGURES.findall(read_all(p)) == []
    p.record(VoteClosed("x"), NamesRevealed())
    shown = read_all(p)
    assert "rounds 1–2 were left out for Other: its window is 7,168 tokens · 10.1 s · about 7001 tokens" in shown
    assert "$" in shown


def test_the_sums_of_a_blind_run_that_was_stopped_are_not_those_of_its_only_seat() -> None:
    p = make_play("compare")
    first, *_ = p.start_wanted()
    end_turn(p, first, 1)
    p.record(Stopped("x"))
    p.record(RunFinished(p.plan.outcome))
    assert FIGURES.findall(read_all(p)) == []
    p.record(VoteClosed("x"), NamesRevealed())
    assert "7001 tokens" in read_all(p)
