"""Which worker has the runs of a place, and what a process may send of a limit that all draw on."""

from __future__ import annotations

from collections import Counter

from adapters.common.shared_budget import SharedBudget
from adapters.discord.budgets import REQUESTS_PER_S, share_ceiling
from bot.engine.placement import budget_place, choose_worker

WORKERS = ("one", "two", "three")
PLACES = [f"discord:{guild} {channel}" for guild in range(30) for channel in range(10)]


def test_runs_of_a_place_have_one_worker_and_only_those_of_a_worker_that_left_move() -> None:
    before = {place: choose_worker(place, WORKERS) for place in PLACES}
    assert before == {place: choose_worker(place, WORKERS[::-1]) for place in PLACES}
    after = {place: choose_worker(place, WORKERS[:2]) for place in PLACES}
    assert {before[place] for place in PLACES if before[place] != after[place]} == {"three"}
    assert min(Counter(before.values()).values()) > len(PLACES) / 5
    assert choose_worker(PLACES[0], ()) == ""


def test_a_place_is_a_workspace_of_slack_and_a_channel_of_discord() -> None:
    assert budget_place("slack:T1", "C1") == "slack:T1"
    assert budget_place("discord:1", "2") == "discord:1 2"


def test_processes_together_send_no_more_than_the_ceiling_when_one_comes() -> None:
    peers = [1]
    first = SharedBudget(share_ceiling, lambda: peers[0], 0.0)
    sent = [first.take(2.0) for _ in range(int(first.tokens(2.0)))]
    assert len(sent) == REQUESTS_PER_S
    peers[0] = 2
    second = SharedBudget(share_ceiling, lambda: peers[0], 2.1)
    for request in sent:  # answered by the share that has paid
        first.record_answer(request, 2.2)
    assert first.tokens(2.2) + second.tokens(2.2) == 0
    assert first.tokens(6.0) + second.tokens(6.0) == REQUESTS_PER_S
