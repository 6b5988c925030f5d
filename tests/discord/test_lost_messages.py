"""What can be shown no more on Discord is kept, can be handed out, and is told to the operator."""

from __future__ import annotations

from tests.support.discord_bot import StartMoot
from tests.support.discord_guild import find_button
from tests.support.discord_runs import open_run


async def test_the_operator_is_told_of_a_run_that_lost_its_thread(start_moot: StartMoot) -> None:
    moot = await start_moot(started=False)
    operators = await moot.server.create_channel(moot.guild, "operators")
    moot.change_settings("discord", operator_channel=str(operators.id))
    await moot.start()
    board, thread, _ = await open_run(moot)
    run = find_button(board, "stop").split(":")[1]
    await moot.server.delete_channel(thread)
    assert await moot.press(moot.ada, board, "stop") == "Stopped; what was said is kept."
    told = await moot.find(operators, lambda message: run in message.text)
    assert f"All of it is kept: `moot show {run}`" in told.text
    asked = await moot.server.slash(moot.ada, moot.channel, "moot show", run=run)
    await moot.read_answer(asked)
    await moot.wait_until_over()
    assert "compare, stopped" in await moot.call_command(moot.ada, "moot runs")
