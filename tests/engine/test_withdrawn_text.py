"""Text that turns out to have been thinking: it leaves the message, and no fact keeps it."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.facts import ThinkingSeen, TurnEnded
from bot.engine.supervisor import RunSupervisor
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from tests.support.conducted_runs import ADA, ConductedRun, conduct_run, read_ends
from tests.support.speakers import Step

THOUGHT = "Okay, the user wants to know about tabs."
ANSWERED = Delta(5.0, "Tabs", restarts=True)


def shown_by_ada(run: ConductedRun) -> list[str]:
    return [text for lane, text in run.place.read_texts() if lane == ADA.lane]


@pytest.mark.parametrize(
    ("rest", "text"),
    [([5.0, ", surely."], "Tabs, surely."), ([5.0, ProviderError("broken_off", "the answer broke off")], "Tabs")],
)
def test_thinking_that_was_shown_leaves_the_message_and_the_facts(rest: list[Step], text: str) -> None:
    async def during(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(4)
        assert shown_by_ada(run) == [THOUGHT]
        await asyncio.sleep(4)
        assert shown_by_ada(run) == ["Tabs"]

    lines: dict[str, list[Step]] = {"ada": [THOUGHT, 5.0, ANSWERED, *rest]}
    run, transcript = conduct_run("compare", lines, during)
    assert read_ends(transcript)[str(ADA)][1] == text
    [ended] = [e.fact for e in transcript.entries if isinstance(e.fact, TurnEnded) and e.fact.turn == ADA]
    assert ended.timings.first_token_s is not None
    assert ended.timings.first_token_s > 0, "its first word came after the thinking"
    assert not any("Okay" in shown for shown in shown_by_ada(run))


def test_a_turn_that_thinks_is_noted_once_where_nobody_knew_it() -> None:
    thinks: list[Step] = [Delta(0.0, thinking="Hm."), 3.0, Delta(3.0, thinking="Well."), 3.0, "Tabs"]
    _, transcript = conduct_run("compare", {"ada": thinks, "bob": [1.0, "Spaces"]})
    assert [e.fact for e in transcript.entries if isinstance(e.fact, ThinkingSeen)] == [ThinkingSeen(ADA)]


def test_a_reported_cost_is_the_turns_cost() -> None:
    lines: dict[str, list[Step]] = {"ada": ["Tabs", Delta(0.0, cost_usd=0.25)]}
    _, transcript = conduct_run("compare", lines)
    ended = transcript.turns[ADA].ended
    assert ended is not None
    assert ended.cost_usd == 0.25
