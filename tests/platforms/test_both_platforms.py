"""Discord and Slack from one process: one core, one database, and each run where it was asked."""

from __future__ import annotations

from pathlib import Path

from tests.support.discord_bot import run_moot
from tests.support.slack_app import make_settings, open_workspace, wait_until


async def test_both_are_served_at_once_and_again_after_a_restart(tmp_path: Path) -> None:
    async with open_workspace() as (slack, team):
        slack_settings = make_settings(slack, team)
        async with run_moot(tmp_path, slack=slack_settings) as here:
            await slack.sockets.wait_for_connections()
            board = await here.ask("debate", rounds=1)
            ann = next(user for user in slack.world.users.values() if user.name == "ann")
            hall = next(channel for channel in slack.world.channels.values() if channel.name == "hall")
            await (await slack.people.command(ann.id, hall.id, "/compare", "tabs or spaces"))
            await wait_until(lambda: any("Verdict" in message.text for message in slack.world.messages(hall.id)))
            await here.find_end_card(await here.find_thread(board))
            (there,) = slack.world.messages(hall.id)
            assert "tabs or spaces" in there.text
            assert "tabs or spaces" not in board.text
            await here.stop()
            await here.start()
            await slack.sockets.wait_for_connections()
            assert "Your vote" in await here.press(here.bob, await here.find_end_card(board.id), "vote", "claude")
