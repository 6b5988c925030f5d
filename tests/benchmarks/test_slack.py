"""The benchmark of Slack plays more commands of one person than a person usually may have going on."""

from __future__ import annotations

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from benchmarks.slack import time_commands


async def test_every_command_is_acknowledged_and_gets_its_board() -> None:
    assert all(seconds > 0 for figures in await time_commands(3) for seconds in figures.values())
