"""Which calls share a budget: as the wire server counts them, whatever it names them, nothing is refused twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

import pytest

from adapters.discord.buckets import Buckets, Counted
from bot.domain.run import LaneId
from tests.servers.discord import Limits, Rule
from tests.support.discord_wire import open_display
from tests.support.virtual_time import run_virtual

SEATS, ROUNDS, SPEECH_S = 4, 5, 24.0
OWN = Rule(5, 5.0)
APART = dict.fromkeys(("webhook.execute", "webhook.edit", "webhook.delete"), OWN)
ONE_NAME = dict.fromkeys(("webhook.execute", "webhook.edit", "message.create", "message.edit"), "one")


async def speak(limits: Limits, *, by_webhook: bool) -> tuple[Counter[str], Buckets]:
    """Have four seats speak five times on the wire server.

    Return the refusals by bucket, and what was learnt of buckets.
    """
    async with open_display(limits, by_webhook=by_webhook) as (scene, rest, display):
        for number in range(ROUNDS):
            ids = [LaneId("answer", number, f"{seat}") for seat in range(SEATS)]
            lanes = [display.open(lane, lane.seat, kind="turn", placeholder="…") for lane in ids]
            for _ in range(int(SPEECH_S / 0.1)):
                await asyncio.sleep(0.1)
                for lane in lanes:
                    lane.add("word ")
            for lane in lanes:
                lane.close()
        await display.wait_until_caught_up()
        return Counter(r.bucket for r in scene.server.requests if r.status == 429), rest.buckets


def is_one(buckets: Buckets, place: Literal["channels", "webhooks"]) -> bool:
    names = {buckets.name(Counted("post", place, 1)), buckets.name(Counted("edit", place, 1))}
    return len(names) == 1


def test_what_shares_a_bucket_shares_a_budget() -> None:
    refused, buckets = run_virtual(speak(Limits(), by_webhook=True))
    assert not refused
    assert is_one(buckets, "webhooks")


@pytest.mark.parametrize("named", [{}, ONE_NAME], ids=["two names", "one name"])
def test_what_counts_apart_is_told_apart(named: dict[str, str]) -> None:
    refused, buckets = run_virtual(speak(Limits(APART, named=named), by_webhook=True))
    assert sum(refused.values()) <= 1
    assert not is_one(buckets, "webhooks")


def test_the_bots_own_calls_share_a_budget_once_one_name_covers_them() -> None:
    shared = Limits({"message": OWN}, shared={"message.create": "message", "message.edit": "message"})
    refused, buckets = run_virtual(speak(shared, by_webhook=False))
    assert sum(refused.values()) <= 1
    assert is_one(buckets, "channels")


def test_under_one_name_the_bots_own_calls_are_told_apart_all_the_same() -> None:
    refused, buckets = run_virtual(speak(Limits({"message.create": OWN}, named=ONE_NAME), by_webhook=False))
    assert not refused
    assert not is_one(buckets, "channels")


@pytest.mark.parametrize("hidden", ["webhook.execute", "webhook.edit"])
def test_a_limit_that_no_header_shows_refuses_once(hidden: str) -> None:
    limits = Limits(hidden={hidden: Rule(6 if hidden == "webhook.execute" else 30, 60.0)})
    refused, _ = run_virtual(speak(limits, by_webhook=True))
    assert sum(refused.values()) == 1


def test_paths_tell_which_calls_show_text() -> None:
    buckets = Buckets()
    buckets.note_webhook(5, 1)
    read = buckets.read_path
    assert read("POST", "/api/v10/channels/1/messages") == Counted("post", "channels", 1)
    assert read("PATCH", "/api/v10/channels/1/messages/2") == Counted("edit", "channels", 1)
    assert read("DELETE", "/api/v10/channels/1/messages/2") == Counted("delete", "channels", 1)
    assert read("GET", "/api/v10/channels/1/messages") == Counted("find", "channels", 1)
    by_hook = [read("PATCH", f"/api/v10/webhooks/5/token/messages/{n}") for n in (2, 3)]
    assert by_hook == [Counted("edit", "webhooks", 1)] * 2
    others = ("/channels/1/webhooks", "/channels/1", "/interactions/1/token/callback", "/channels/1/messages/2/threads")
    assert [read("POST", f"/api/v10{path}") for path in others] == [None] * len(others)
