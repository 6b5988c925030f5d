"""A message is desired text that a loop makes visible, within what the platform allows."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bot.domain.run import LaneId
from bot.live.view import Display
from tests.support.surfaces import Place, Platform

ADA = LaneId("answer", 1, "ada")


async def test_the_latest_text_wins_and_the_budget_is_never_overdrawn(
    display: Display, platform: Platform, place: Place
) -> None:
    """Six hundred words in a minute, and a platform that takes one edit a second: the texts coalesce."""
    lane = display.open(ADA, "Ada", kind="turn", placeholder="Ada is thinking…")
    for number in range(600):
        lane.add(f"{number} ")
        await asyncio.sleep(0.1)
    lane.close()
    await display.wait_until_caught_up()

    [texts] = [[message.text for message in history] for history in place.history.values()]
    assert texts[-1] == lane.text
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert 30 < len(texts) < 70
    assert platform.statuses[429] == 0
