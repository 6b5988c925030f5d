"""The connection to Discord: lost, asked for anew, refused at first or for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.errors import Misconfigured
from tests.discord.test_trouble import open_run
from tests.servers.discord import Intent
from tests.support.discord_bot import run_moot


@pytest.mark.parametrize("resumed", [True, False])
async def test_a_lost_gateway_is_taken_up_again(tmp_path: Path, resumed: bool) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        before = len(await m.server.connects())
        await m.server.drop(resume=resumed)
        while len(await m.server.connects()) == before:
            await asyncio.sleep(0.005)
        assert (await m.server.connects())[-1].kind == ("resume" if resumed else "identify")
        assert await m.press(m.ada, turn, "skip") == "GPT is skipped."
        await m.find_end_card(thread)


async def test_what_stays_in_memory_is_told_once_models_are_loaded_and_again_once_people_can_be_heard(
    tmp_path: Path,
) -> None:
    async with run_moot(tmp_path) as m:
        while m.loads < 2:
            await asyncio.sleep(0.005)


async def test_a_gateway_that_asks_for_a_new_connection_gets_one(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.ask_to_reconnect()
        while len(await m.server.connects()) == 1:
            await asyncio.sleep(0.005)
        assert "Ask with" in await m.call_command(m.ada, "moot help")


async def test_a_first_connect_that_is_refused_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.discord.client.ExponentialBackoff.delay", lambda self: 0.01)
    async with run_moot(tmp_path, started=False) as m:
        await m.server.refuse_connects(2)
        async with m:
            assert "Ask with" in await m.call_command(m.ada, "moot help")


async def test_a_token_that_is_refused_is_told_in_one_line(tmp_path: Path) -> None:
    async with run_moot(tmp_path, started=False) as m:
        m.change_settings("discord", token=SecretStr("wrong"))
        with pytest.raises(Misconfigured, match=r"^discord\.token: Discord refuses it\.[^\n]*$"):
            await m.start()


async def test_a_token_that_the_gateway_refuses_is_told_as_well(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.close_gateway(4004)
        with pytest.raises(Misconfigured, match=r"^discord\.token"):
            await m.wait_for_end()


async def test_an_intent_that_is_not_granted_is_named(tmp_path: Path) -> None:
    async with run_moot(tmp_path, allowed=Intent(0), started=False, discord={"listen": True}) as m:
        with pytest.raises(Misconfigured, match="Message Content Intent"):
            await m.start()
