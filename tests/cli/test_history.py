"""`moot runs` and `moot show`: runs are found, and one that was cut off reads as it was last seen."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

from bot.domain.facts import CaughtUp, Fact, RunFinished, TurnEnded, TurnStarted
from bot.domain.run import TurnId, Visibility
from storage import open_store
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
            replace(start, question="Tea?", by="discord:1"),
            TurnEnded(TURN, "done", "Yes."),
            RunFinished("compared"),
        ]
        await store.append("over", [*over, CaughtUp()])


def test_runs_are_found_and_shown_as_they_were_last_seen(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "moot.db"))

    def read(*words: str) -> str:
        return run_moot(*words, cwd=tmp_path).stdout

    found = read("runs", "tea", "yes", "--person", "discord:1", "--state", "over")
    assert "Tea?" in found
    assert "Tabs" not in found
    assert read("runs", "tea", "--state", "open") == "No run is like that.\n"
    wrong = run_moot("runs", "--state", "odd", cwd=tmp_path)
    assert (wrong.returncode, "open, over or failed" in wrong.stderr) == (1, True)
    shown = read("show", "cut")
    assert SEEN in shown
    assert "not finished" in shown
    assert SEEN not in read("show", "hidden")
