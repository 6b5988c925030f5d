"""`moot runs` and `moot show`: runs are found, and one that was cut off reads as it was last seen."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

from bot.domain.facts import CaughtUp, Deleted, Fact, RunFinished, TurnEnded, TurnStarted
from bot.domain.run import TurnId, Visibility
from storage import open_store
from storage.sqlite import lock_file
from tests.support.command_line import run_moot
from tests.support.transcripts import make_start

TURN = TurnId("answer", 1, "ada")
SEEN = "So far, tabs are"


async def fill(path: Path) -> None:
    start = make_start("compare")
    async with open_store(path, clock=itertools.count(1_000.0).__next__) as store:
        hidden = replace(start, question="Hidden?", rules=replace(start.rules, veil=Visibility("together")))
        for run, began in (("cut", start), ("hidden", hidden)):
            await store.append(run, [began, TurnStarted(TURN)])
            await store.snapshot(run, TURN, SEEN)
        over: list[Fact] = [
            replace(start, question="Tea?", by="discord:1", panel_name="fast"),
            TurnEnded(TURN, "done", "Yes."),
            RunFinished("compared"),
        ]
        await store.append("over", [*over, CaughtUp()])


def test_a_run_is_named_and_archived_also_beside_a_bot(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "moot.db"))

    def read(*words: str) -> str:
        return run_moot(*words, cwd=tmp_path).stdout

    with lock_file(tmp_path / "moot.db"):
        assert "by this name" in read("name", "over", "  Afternoon \n drinks ")
        assert "leave run over out" in read("archive", "over")
    assert "Afternoon drinks" not in read("runs")
    assert "Afternoon drinks" in read("runs", "afternoon", "--state", "archived")
    assert "archived already" in run_moot("archive", "over", cwd=tmp_path).stderr
    assert "again" in read("archive", "over", "--undo")
    assert "Afternoon drinks" in read("runs", "--panel", "fast")
    assert "80 characters" in run_moot("name", "over", "x" * 81, cwd=tmp_path).stderr
    assert "There is no run" in run_moot("name", "nowhere", "x", cwd=tmp_path).stderr
    assert "its question" in read("name", "over")
    assert "Tea?" in read("runs")
    assert read("runs", "--panel", "slow") == "No run is like that.\n"


def test_runs_are_found_and_shown_as_they_were_last_seen(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "moot.db"))

    def read(*words: str) -> str:
        return run_moot(*words, cwd=tmp_path).stdout

    found = read("runs", "tea", "yes", "--person", "discord:1", "--state", "over")
    assert "Tea?" in found
    assert "Tabs" not in found
    assert read("runs", "tea", "--state", "open") == "No run is like that.\n"
    wrong = run_moot("runs", "--state", "odd", cwd=tmp_path)
    assert (wrong.returncode, "open, over, failed or archived" in wrong.stderr) == (1, True)
    shown = read("show", "cut")
    assert SEEN in shown
    assert "not finished" in shown
    assert SEEN not in read("show", "hidden")


def test_a_deleted_run_whose_texts_are_still_to_go_is_gone_for_every_command(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "moot.db"))
    asyncio.run(delete(tmp_path / "moot.db", "over"))
    for command in (("show", "over"), ("export", "over"), ("cost", "over"), ("name", "over", "x"), ("resume", "over")):
        told = run_moot(*command, cwd=tmp_path)
        assert (told.returncode, "There is no run" in told.stderr) == (1, True), command
        assert "Tea?" not in told.stdout + told.stderr


async def delete(path: Path, run: str) -> None:
    async with open_store(path, clock=itertools.count(2_000.0).__next__) as store:
        await store.append(run, [Deleted("discord:1")])
