"""Limits of one channel: its threads count to it, other channels do not, alike on Discord and Slack."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from bot.settings.settings import LimitSettings
from tests.support.discord_bot import StartMoot, make_endless
from tests.support.slack_app import run_app, wait_until

FULL = "1 run goes on in this channel already: ask in another one, or when one has ended."


async def test_a_thread_counts_to_its_channel_on_discord(start_moot: StartMoot) -> None:
    moot = await start_moot(started=False)
    moot.change_settings("limits", runs_per_channel=1)
    await moot.start()
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, make_endless("On and on"))
    await moot.ask()
    talk = await moot.server.say(moot.bob, moot.channel, "shall we?")
    thread = await moot.server.thread(moot.bob, talk, "drinks")
    for place in (moot.channel, thread):
        assert await moot.call_command(moot.bob, "compare", place, question="And here?") == FULL
    await moot.ask(by=moot.bob, where=await moot.server.dm(moot.bob))
    (first, second) = await moot.store.runs()
    assert first.question == second.question


async def test_channels_count_apart_on_slack(tmp_path: Path) -> None:
    lines = {"ada": ["On ", 60.0], "bob": ["On ", 60.0]}
    async with run_app(tmp_path / "moot.db", lines=lines, limits=LimitSettings(runs_per_channel=1)) as app:
        await app.ask()
        await app.find_board()
        await app.ask("and here?")
        assert await app.read_ephemerals() == [FULL]
        den = app.server.world.add_channel(app.team.id, "den", [app.ann.id])
        await (await app.server.people.command(app.ann.id, den.id, "/compare", "and there?"))
        await wait_until(lambda: len(app.server.world.messages(den.id)) == 1)
        assert len(await app.store.runs()) == 2
