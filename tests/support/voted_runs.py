"""Runs in which people have voted, as facts to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.facts import CaughtUp, Fact, RunFinished, ViewAttached, VoteCast
from tests.support.transcripts import Play, make_start

VOTERS = 12  # two such runs are enough for a leaderboard


def make_voted_run(
    server: str, address: str, *, seats: Sequence[str] = ("ada", "bob", "cyd"), vote_s: float = 0.0, panel: str = ""
) -> list[Fact]:
    """Return the facts of a comparison, shown at an address, in which everybody prefers the first seat.

    A seat has the model of its name.
    """
    start = make_start("compare", seats=seats)
    table = tuple(replace(seat, model=seat.key) for seat in start.panel.seats)
    rules = replace(start.rules, vote_s=vote_s)
    play = Play(replace(start, server=server, rules=rules, panel=replace(start.panel, seats=table), panel_name=panel))
    play.record(ViewAttached(address)).play_stage()
    play.record(*(VoteCast(f"p{n}", 1, seats[0]) for n in range(VOTERS)), RunFinished("compared"), CaughtUp())
    return [entry.fact for entry in play.t.entries]
