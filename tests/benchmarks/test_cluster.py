"""Gateways and workers under blows, at a size for every day: `benchmarks.cluster` plays the same at full size."""

from __future__ import annotations

import re

import aiohttp
import pytest

from benchmarks.chaos.models import Pace
from benchmarks.chaos.wire import open_world
from benchmarks.cluster.fleet import Fleet
from benchmarks.cluster.play import Size, play
from benchmarks.cluster.refusals import Census
from benchmarks.cluster.table import CAP_USD
from tests.support.postgres import make_database

BLOWS = ("kill -9 each worker", "cut LISTEN", "deploy over running runs")  # the others have tests in tests/cluster
QUICK = Pace(first_s=0.3, gap_s=0.12, chars=20)  # an answer lasts 1 to 5 s
SMALL = Size(gateways=2, workers=2, at_once=1, alone=1, skipped=1, dear=4, strikes=BLOWS, pace=QUICK)


@pytest.mark.usefixtures("_forked")
@pytest.mark.timeout(1_200)  # five processes are started, killed and replaced
async def test_whatever_befalls_processes_no_run_no_message_and_no_skip_is_lost_and_no_cap_is_passed() -> None:
    with make_database() as url:
        played = await play(SMALL, url)
    assert played.found == []
    assert {row["scene"] for row in played.scenes} >= set(BLOWS)
    assert all(int(row["runs"]) > 0 for row in played.scenes)
    assert len(played.take_overs_s) > 0
    assert len(played.signals_ms) > 0
    assert 0.0 < played.billed_usd <= CAP_USD + 0.01


async def test_a_refusal_says_what_was_refused_and_what_was_taken_before() -> None:
    async with open_world(1, Pace()) as world, aiohttp.ClientSession() as session:
        census = Census(Fleet(world))
        census.watch(world, since=0.0)
        slack = world.slack
        [channel] = slack.rooms
        for _ in range(6):
            form = {"token": slack.team.bot_token, "channel": channel, "text": "Hello"}
            await session.post(f"{slack.server.api_base}chat.postMessage", data=form)
        [row] = census.take_rows("calm")
        refused, _, before = str(row["refused"]).partition("; taken before: ")
        assert refused == f"Slack chat.postMessage {slack.team.id} {channel}: chat.postMessage of ?"
        assert re.fullmatch(r"(chat\.postMessage of \? \d\.\d\d s(, |$)){5}", before)
        assert census.take_rows("calm") == []
