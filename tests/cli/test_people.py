"""`moot forget` and `moot export --person`: what an operator does for a person who asks."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.exit import FAILED, OK, run_guarded
from bot.cli.people import export_person, forget_somebody
from bot.domain.facts import CaughtUp, Interjected, RunFinished
from bot.ports.offers import KeptOffer
from storage import open_store
from tests.support.kept_runs import find_in_files
from tests.support.transcripts import make_start

EVE, DATABASE = "discord:31337", Path("moot.db")


@pytest.fixture
async def talk(folder: Path) -> None:
    """Put a run into the database in which Eve has spoken."""
    async with open_store(DATABASE, clock=time.time) as store:
        said = Interjected(EVE, "think of quietsecret", "Eve")
        await store.append("r1", [make_start("compare"), said, RunFinished("compared"), CaughtUp()])


@pytest.mark.usefixtures("talk")
async def test_a_person_has_their_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert await export_person(EVE, Path("eve.json")) == OK
    [act] = json.loads(Path("eve.json").read_text())["runs"]["r1"]
    assert act["text"] == "think of quietsecret"
    assert capsys.readouterr().out == f"What is kept of {EVE} is in eve.json.\n"


@pytest.mark.usefixtures("talk")
async def test_nothing_goes_before_somebody_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert await forget_somebody(EVE, yes=False) == OK
    assert f"Of {EVE} goes: 1 remark in runs of others. Nothing has gone yet" in capsys.readouterr().out
    assert find_in_files(DATABASE, "quietsecret") == ["quietsecret"]
    assert await forget_somebody(EVE, yes=True) == OK
    assert find_in_files(DATABASE, "quietsecret") == []


@pytest.mark.usefixtures("talk")
def test_somebody_unknown_is_told_how_people_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(forget_somebody("eve", yes=True)) == FAILED
    assert "discord:123" in capsys.readouterr().err


async def test_what_waits_for_a_person_is_told_of_goes_and_stands_in_no_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_store(DATABASE, clock=time.time) as store:
        await store.put_offer("22222222", KeptOffer(EVE, {"question": "quietsecret?"}, {"council": 1.5}))
    assert await export_person(EVE, Path("eve.json")) == OK
    assert "quietsecret" not in Path("eve.json").read_text()
    assert await forget_somebody(EVE, yes=False) == OK
    assert f"Of {EVE} goes: the last run that was offered. Nothing has gone yet" in capsys.readouterr().out
    assert await forget_somebody(EVE, yes=True) == OK
    assert find_in_files(DATABASE, "quietsecret") == []


async def test_an_operator_is_told_of_a_persons_own_runs_as_theirs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_store(DATABASE, clock=time.time) as store:
        await store.append("r1", [replace(make_start("compare"), by=EVE)])
    assert await forget_somebody(EVE, yes=False) == OK
    assert f"Of {EVE} goes: 1 run of theirs, with all texts. Nothing" in capsys.readouterr().out
