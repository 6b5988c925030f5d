"""A substitute that answers in a seat's place: what people and operators read of it, and what is stored."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.run import Price, StandIn, Usage
from bot.engine.supervisor import RunSupervisor
from bot.engine.thread import replay_thread
from bot.formats import FORMATS
from bot.models.deltas import Delta, Switch
from bot.models.errors import Kind, ProviderError
from tests.support.conducted_runs import ADA, ConductedRun, conduct_run
from tests.support.speakers import Step

OTHER = Price(1.0, 10.0, "settings")
TOLD = "Ada is unreachable; Sonnet via Bedrock answers"


def switch(kind: Kind = "unreachable") -> Delta:
    stand_in = StandIn("sonnet", "Sonnet via Bedrock", OTHER, kind)
    return Delta(0.0, switch=Switch("ada", ProviderError(kind, "its server failed"), stand_in))


async def read_boards(run: ConductedRun, supervisor: RunSupervisor, boards: list[str]) -> None:
    for _ in range(3):
        await asyncio.sleep(2)
        boards += [text for lane, text in run.place.read_texts() if lane.stage == "board"]


def play(*steps: Step) -> tuple[ConductedRun, list[str]]:
    boards: list[str] = []

    async def watch(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await read_boards(run, supervisor, boards)

    run, _ = conduct_run("compare", {"ada": steps, "bob": [9.0, "b"]}, watch)
    return run, boards


def test_people_read_who_answers_while_it_does_and_afterwards() -> None:
    early = Delta(0.0, usage=Usage(900, 0, 0, "estimated"))
    run, boards = play(early, switch(), 3.0, "Tabs", 2.0, ".", Delta(0.0, usage=Usage(3, 5, 0, "reported")))
    assert f"Ada: {TOLD}" in boards[0]  # before its first word
    assert f"Ada: {TOLD}" in boards[1]  # and while it speaks
    assert f"⚠ {TOLD}" in boards[2]  # once it is done
    t = asyncio.run(run.transcript())
    ended = t.turns[ADA].ended
    assert ended is not None
    assert (ended.usage.input, ended.stand_in and ended.stand_in.model) == (3, "sonnet")
    assert ended.cost_usd == pytest.approx(53e-6)  # by the price of the model that has answered
    [post] = [post for post in replay_thread(t.entries, FORMATS["compare"], t.at) if post.lane == ADA.lane]
    assert post.footer.startswith(f"{TOLD} · ")


def test_a_substitute_that_fails_as_well_says_so() -> None:
    run, _ = play(switch(), ProviderError("no_text", "the answer was empty"))
    t = asyncio.run(run.transcript())
    [post] = [post for post in replay_thread(t.entries, FORMATS["compare"], t.at) if post.lane == ADA.lane]
    assert post.footer.startswith("Ada is unreachable; Sonnet via Bedrock could not answer either · failed: the answer")


@pytest.mark.parametrize(("kind", "is_told"), [("key", True), ("billing", True), ("unreachable", False)])
def test_an_operator_is_told_of_what_only_they_can_mend(kind: Kind, is_told: bool) -> None:
    """Where the person here is the operator, the board tells them."""
    _, boards = play(switch(kind), "Tabs.")
    assert ("⚠ Ada (ada) cannot answer: its server failed." in boards[-1]) == is_told
    assert ("Ada is not available; Sonnet via Bedrock answers" in boards[-1]) == is_told
