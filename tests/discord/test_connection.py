"""The connection to Discord: lost, asked for anew, refused at first or for good."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from bot.errors import Misconfigured
from tests.servers.discord import Intent
from tests.support.discord_bot import Moot, StartMoot
from tests.support.discord_runs import open_run


@pytest.mark.parametrize("resumed", [True, False])
async def test_a_lost_gateway_is_taken_up_again(moot: Moot, resumed: bool) -> None:
    _, thread, turn = await open_run(moot)
    before = len(await moot.server.connects())
    await moot.server.drop(resume=resumed)
    while len(await moot.server.connects()) == before:
        await asyncio.sleep(0.005)
    assert (await moot.server.connects())[-1].kind == ("resume" if resumed else "identify")
    assert await moot.press(moot.ada, turn, "skip") == "GPT is skipped."
    await moot.find_end_card(thread)


async def test_what_stays_in_memory_is_told_once_models_are_loaded_and_again_once_people_can_be_heard(
    moot: Moot,
) -> None:
    while moot.loads < 2:
        await asyncio.sleep(0.005)


async def test_a_gateway_that_asks_for_a_new_connection_gets_one(moot: Moot) -> None:
    await moot.server.ask_to_reconnect()
    while len(await moot.server.connects()) == 1:
        await asyncio.sleep(0.005)
    assert "Ask with" in await moot.call_command(moot.ada, "moot help")


async def test_a_first_connect_that_is_refused_is_tried_again(
    start_moot: StartMoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.client.ExponentialBackoff.delay", lambda self: 0.01)
    moot = await start_moot(started=False)
    await moot.server.refuse_connects(2)
    await moot.start()
    assert "Ask with" in await moot.call_command(moot.ada, "moot help")


async def test_a_token_that_is_refused_is_told_in_one_line(start_moot: StartMoot) -> None:
    moot = await start_moot(started=False)
    moot.change_settings("discord", token=SecretStr("wrong"))
    with pytest.raises(Misconfigured, match=r"^discord\.token: Discord refuses it\.[^\n]*$"):
        await moot.start()


async def test_a_token_that_the_gateway_refuses_is_told_as_well(moot: Moot) -> None:
    await moot.server.close_gateway(4004)
    with pytest.raises(Misconfigured, match=r"^discord\.token"):
        await moot.wait_for_end()


async def test_an_intent_that_is_not_granted_is_named(start_moot: StartMoot) -> None:
    moot = await start_moot(allowed=Intent(0), started=False, discord={"listen": True})
    with pytest.raises(Misconfigured, match="Message Content Intent"):
        await moot.start()


async def test_an_answer_that_a_stop_cuts_off_is_no_fault(moot: Moot) -> None:
    await moot.server.fail("POST", "/interactions/*/*/callback", 429, retry_after_s=0.5)
    await moot.server.slash(moot.ada, moot.channel, "moot help")
    await moot.wait_until(lambda: any(r.status == 429 for r in moot.server.requests))
    await moot.stop()
    await asyncio.sleep(1.0)  # discord.py tries once more, on a session that is closed
    assert not moot.faults
