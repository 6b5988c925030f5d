"""Which deaths of processes a run is blamed for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.domain.facts import CaughtUp, Claimed, Fact, ProcessDied, RunFinished, SetAside, TurnEnded, TurnStarted
from bot.domain.run import TurnId
from bot.engine.quarantine import CLOSED, DEADLY, count_deaths, is_deadly
from storage import open_store
from storage.note import open_note

TURN = TurnId("answer", 1, "claude")
BEGAN, ENDED, OVER = TurnStarted(TURN), TurnEnded(TURN, "done", "Tea."), RunFinished("answered")
KILLED, CRASHED, CLAIMED = ProcessDied(), ProcessDied(crashed=True), Claimed("here")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([BEGAN, KILLED, CLAIMED, KILLED], id="killed twice at one point"),
        pytest.param([KILLED, BEGAN, KILLED, CLAIMED, KILLED], id="and once before"),
        pytest.param([BEGAN, CRASHED, CLAIMED, ENDED, CRASHED], id="crashed twice"),
        pytest.param([BEGAN, CRASHED, CLAIMED, KILLED], id="crashed, then killed at the same point"),
    ],
)
def test_a_run_is_blamed_for_what_comes_again(facts: list[Fact]) -> None:
    assert is_deadly(facts)


@pytest.mark.parametrize("between", [BEGAN, ENDED, OVER], ids=["a turn began", "a turn ended", "the run ended"])
def test_kills_with_something_between_them_are_chance(between: Fact) -> None:
    assert not is_deadly([BEGAN, KILLED, CLAIMED, between, KILLED])


@pytest.mark.parametrize("death", [KILLED, CRASHED], ids=["killed", "crashed"])
def test_one_death_may_be_chance(death: Fact) -> None:
    assert not is_deadly([BEGAN, death, CLAIMED, ENDED])


@pytest.mark.parametrize(
    ("facts", "is_shown"),
    [
        pytest.param([BEGAN, SetAside(CLOSED)], True, id="the first death after an operator closed it"),
        pytest.param([BEGAN, KILLED, SetAside(CLOSED)], True, id="the first since then"),
        pytest.param([BEGAN, SetAside(CLOSED), KILLED, CLAIMED], False, id="the second"),
        pytest.param([BEGAN, KILLED, CLAIMED, KILLED, SetAside(DEADLY)], False, id="set aside for its deaths"),
    ],
)
async def test_what_was_set_aside_is_shown_until_showing_is_deadly(
    tmp_path: Path, facts: list[Fact], is_shown: bool
) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=time.time) as store:
        await store.append("abcdefgh", facts)
        with open_note(path) as note:
            note.write(["abcdefgh"])
        with open_note(path) as note:
            await count_deaths(store, note)
        with open_note(path) as note:
            await count_deaths(store, note)  # it was counted already
        stored = [entry.fact for entry in await store.read("abcdefgh")]
    assert stored == [*facts, KILLED, *([] if is_shown else [CaughtUp()])]
