"""`moot leaderboard`: from stored runs to a table of models."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.exit import OK
from bot.cli.leaderboard import show_leaderboard
from bot.domain.facts import RunFinished, VoteCast
from bot.errors import Misconfigured, Refused
from storage import open_store
from tests.support.transcripts import Play, make_start


async def keep_voted_run(run: str, voters: int, *, server: str = "", ada: str = "Ada") -> None:
    """Store a comparison in which that many people prefer the first seat, and one finds all answers bad."""
    start = make_start("compare")
    seats = tuple(replace(seat, name=ada) if seat.key == "ada" else seat for seat in start.panel.seats)
    play = Play(replace(start, server=server, panel=replace(start.panel, seats=seats))).play_stage()
    play.record(*(VoteCast(f"p{n}", 1, "ada") for n in range(voters)), VoteCast("critic", 1, "=none"))
    play.record(RunFinished("compared"))
    async with open_store(Path("moot.db"), clock=time.time) as store:
        await store.append(run, [entry.fact for entry in play.t.entries])


async def test_models_are_ranked_by_votes_under_their_newest_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await keep_voted_run("first", 12)
    await keep_voted_run("second", 12, server="discord:1", ada="Ada the Second")
    assert await show_leaderboard(None, None, True) == OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["votes"] == 26
    best = shown["ratings"][0]
    assert (best["name"], best["model"], best["votes"]) == ("Ada the Second", "model-ada", 26)
    assert best["low"] <= best["points"] <= best["high"]
    assert (shown["votes_to_flip"], shown["reviewers"]) == (None, None)
    assert shown["longer_wins"] is None  # all answers are equally long
    assert await show_leaderboard(None, "compare", False) == OK
    table = capsys.readouterr().out
    assert table.index("Ada the Second") < table.index("Bob")
    assert "26 votes: 0 blind, 0 ties, 2 that found none of the answers good." in table


async def test_models_are_drawn_into_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_voted_run("first", 30)
    assert await show_leaderboard(None, None, False, folder / "models.png") == OK
    assert capsys.readouterr().out.startswith("The leaderboard is in ")
    assert (folder / "models.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(Refused, match="cannot be written"):
        await show_leaderboard(None, None, False, folder)
    monkeypatch.setitem(sys.modules, "bot.ratings.picture", None)
    with pytest.raises(Misconfigured, match=r"pip install 'moot\[leaderboard,charts\]'"):
        await show_leaderboard(None, None, False, folder / "again.png")


async def test_few_votes_rank_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await keep_voted_run("first", 12)
    await keep_voted_run("second", 12, server="discord:1")
    assert await show_leaderboard("discord:1", None, False) == OK
    assert capsys.readouterr().out == "13 votes between answers so far; with fewer than 20 nothing is ranked.\n"


async def test_a_format_without_such_votes_is_refused(folder: Path) -> None:
    with pytest.raises(Refused, match="people vote between answers in compare, council, debate"):
        await show_leaderboard(None, "pipeline", False)


async def test_without_the_libraries_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("leaderboard", "ratings", "sensitivity"):
        monkeypatch.delitem(sys.modules, f"bot.ratings.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "evalica", None)
    with pytest.raises(Misconfigured, match=r"pip install 'moot\[leaderboard\]'"):
        await show_leaderboard(None, None, False)
