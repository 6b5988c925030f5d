"""What can be shown no more on Discord is kept, can be handed out, and is told to the operator."""

from __future__ import annotations

from pathlib import Path

from tests.discord.test_trouble import open_run
from tests.support.discord_bot import run_moot
from tests.support.discord_guild import find_button


async def test_the_operator_is_told_of_a_run_that_lost_its_thread(tmp_path: Path) -> None:
    async with run_moot(tmp_path, started=False) as m:
        operators = await m.server.create_channel(m.guild, "operators")
        m.change_settings("discord", operator_channel=str(operators.id))
        async with m:
            board, thread, _ = await open_run(m)
            run = find_button(board, "stop").split(":")[1]
            await m.server.delete_channel(thread)
            assert await m.press(m.ada, board, "stop") == "Stopped; what was said is kept."
            told = await m.find(operators, lambda message: run in message.text)
            assert f"All of it is kept: `moot show {run}`" in told.text
            asked = await m.server.slash(m.ada, m.channel, "moot show", run=run)
            await m.read_answer(asked)
            await m.wait_until_over()
            assert "compare, stopped" in await m.call_command(m.ada, "moot runs")
