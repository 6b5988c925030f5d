"""Prices of runs before they start, where something in that is broken."""

from __future__ import annotations

import pytest

from bot.actions import pricing
from bot.domain.facts import RunStarted
from bot.domain.run import CostRange
from bot.models.catalogue import Model
from tests.support.actions_scene import ActionsScene


async def test_a_run_that_cannot_be_played_through_begins_at_an_unknown_price(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(start: RunStarted, models: dict[str, Model]) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(pricing, "check_windows", break_down)
    t = await scene.read_stored(await scene.start_run())
    assert t.started.expected == CostRange(0.0, 0.0, unpriced=True)
