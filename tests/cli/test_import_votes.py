"""`moot import votes`: a file of votes goes in whole or not at all, and comes out as ratings."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import evalica
import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.cli.exit import OK
from bot.cli.leaderboard import show_leaderboard
from bot.cli.votes import import_votes, read_imported_votes
from bot.domain.codec import Unreadable
from bot.errors import Refused
from bot.ratings.ratings import (
    MAX_ITERATIONS,
    PHANTOM,
    TOLERANCE,
    WINNERS,
    add_phantom,
    fit_scores,
    weigh_comparisons,
)
from bot.ratings.vote_file import read_vote_file
from storage import open_store
from tests.support.crowd import CROWD

HEADER = "id,left,right,winner\n"
DATABASE = Path("moot.db")


@pytest.mark.parametrize("prior", [False, True], ids=["without a prior", "with a prior"])
async def test_ratings_of_imported_votes_are_evalicas(folder: Path, reference: Path, prior: bool) -> None:
    file = reference / CROWD
    assert await import_votes(file) == OK
    async with open_store(DATABASE, clock=time.time, read_only=True) as store:
        votes = await read_imported_votes(store)
    with file.open(encoding="utf-8", newline="") as opened:
        rows = [(row["left"], row["right"], row["winner"]) for row in csv.DictReader(opened)]
    assert len(votes) == len(rows)
    if prior:
        rows += [(PHANTOM, model, "tie") for model in sorted({model for row in rows for model in row[:2]})]
    xs, ys, winners = zip(*rows, strict=True)
    codes = [WINNERS[winner] for winner in winners]
    theirs = evalica.bradley_terry(xs, ys, codes, tolerance=TOLERANCE, limit=MAX_ITERATIONS).scores
    weights = weigh_comparisons(votes)
    ours = fit_scores(add_phantom(weights) if prior else weights)
    assert ours == pytest.approx(dict(theirs), abs=1e-9)


async def test_they_come_out_of_the_leaderboard_unless_it_is_narrowed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("votes.csv")
    file.write_text(HEADER + "1,Oak,Elm,left\n" * 20 + "2,Elm,Äsche,tie\n", "utf-8")
    assert await import_votes(file) == OK
    assert capsys.readouterr().out.startswith("Imported 21 votes: ")
    assert await show_leaderboard(None, None, True) == OK
    shown = json.loads(capsys.readouterr().out)
    assert (shown["votes"], shown["ratings"][0]["name"]) == (21, "Oak")
    assert await show_leaderboard(None, "compare", True) == OK
    assert json.loads(capsys.readouterr().out)["votes"] == 0
    with pytest.raises(Refused, match="are here already"):
        await import_votes(file)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1 is cut off"),
        ("a,b\n1,2\n", "line 1 names no column left, right, winner"),
        (HEADER, "line 1 is all there is"),
        (HEADER + "1,Oak,Elm,left\n2,Oak,El", "line 3 is cut off"),
        (HEADER + "1,Oak,Elm,left\n2,Oak\n", "line 3 has 2 fields, where line 1 names 4"),
        (HEADER + "1,Oak,Elm,Oak\n", "line 2 says neither left nor right nor tie"),
        (HEADER + "1,Oak,Oak,left\n", "line 2 compares a model with itself"),
        (HEADER + "1,Oak,,left\n", "line 2 has no name of a model"),
        (HEADER + "1,Oak,\x1b[2J,left\n", "line 2 has no name of a model"),
        (HEADER + '1,"Oak,Elm,left\n', "line 2 is no line of comma-separated values"),
        (HEADER + "1,Oak,Elm\u2028,left\n2,Oak\n", "line 3 has 2 fields"),
    ],
)
def test_a_cut_or_foreign_file_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_vote_file(text)


async def test_of_a_refused_file_nothing_is_stored(folder: Path) -> None:
    file = Path("votes.csv")
    for data, why in (
        ((HEADER + "1,Oak,Elm,left\n2,Oak,El").encode(), "line 3 is cut off"),
        ((HEADER + "1,Oak,Elm,left\n").encode() + b"2,\xff,Elm,left\n", "line 3 is no text in UTF-8"),
    ):
        file.write_bytes(data)
        with pytest.raises(Refused, match=f"{why}.*Nothing was stored"):
            await import_votes(file)
    async with open_store(DATABASE, clock=time.time) as store:
        assert await store.documents("votes/") == {}
    with pytest.raises(Refused, match="cannot be read"):
        await import_votes(Path("none.csv"))


def test_votes_are_named_before_their_file(folder: Path) -> None:
    Path("votes.csv").write_text(HEADER + "1,Oak,Elm,left\n", "utf-8")
    assert CliRunner().invoke(app, ["import", "votes", "votes.csv"]).exit_code == OK
    assert CliRunner().invoke(app, ["import", "run.json", "votes.csv"]).exit_code == 2
