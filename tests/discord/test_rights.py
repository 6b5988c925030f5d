"""Rights on Discord: they belong to the place where a run stands, and to the servers that the operator allows."""

from __future__ import annotations

import pytest

from tests.support.discord_bot import THINKING, Moot
from tests.support.discord_guild import find_button


async def test_a_moderator_of_one_channel_steers_no_run_of_another(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    board = await moot.ask()
    run = find_button(board, "stop").split(":")[1]
    own = await moot.server.create_channel(moot.guild, "own")
    await moot.server.allow(own, "manage_messages", whom=moot.bob)
    for command in ("moot stop", "moot pause"):
        assert "is for ada and moderators" in await moot.call_command(moot.bob, command, own, run=run)
    await moot.server.deny(moot.channel, "send_messages", "send_messages_in_threads", whom=moot.bob)
    told = await moot.call_command(moot.bob, "moot say", own, run=run, text="milk")
    assert told == "You cannot write where that run stands, so you can only read it."
    await moot.server.deny(moot.channel, "view_channel", whom=moot.bob)
    told = await moot.call_command(moot.bob, "moot say", own, run=run, text="milk")
    assert told == f"There is no run {run} here."
    assert (await moot.call_command(moot.mod, "moot stop", own, run=run)).startswith("Stopped")


@pytest.mark.parametrize("allow", [["12345"], []])
async def test_a_server_that_is_not_allowed_is_told_its_id(moot: Moot, allow: list[str]) -> None:
    await moot.stop()
    moot.change_settings("discord", allow=allow)
    await moot.start()
    told = await moot.call_command(moot.ada, "council", question="Tea?")
    assert told == (
        f"I am not set up for this server. Whoever runs me can allow it: send them its id, {moot.guild.id}."
    )
    assert moot.read_messages(moot.channel) == []
