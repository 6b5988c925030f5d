"""Direct messages on Discord: for whom, and under the strictest rules of the servers that somebody shares with us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.servers.discord.world import User
from tests.support.discord_bot import Moot

OFF = "I answer no direct messages: ask me in a server."
STRANGE = "I answer direct messages of people who share a server with me: ask me in a server."


async def ask_directly(moot: Moot, by: User) -> str:
    """Ask in a direct message; return why that was refused, "" where a run began."""
    where, before = await moot.server.dm(by), len(await moot.store.runs())
    seen = await (await moot.server.slash(by, where, "compare", question="Tea?")).answer()
    await moot.wait_until(lambda: bool(seen.content or seen.followups))
    if len(await moot.store.runs()) == before:
        return seen.content or seen.followups[0].text
    await moot.wait_until_over()
    return ""


@pytest.mark.parametrize(("setting", "ada", "eve"), [("off", OFF, OFF), ("members", "", STRANGE), ("everyone", "", "")])
async def test_direct_messages_are_for_whom_the_operator_says(moot: Moot, setting: str, ada: str, eve: str) -> None:
    stranger = await moot.server.create_user("eve")
    await moot.restart(direct_messages=setting)
    assert await ask_directly(moot, moot.ada) == ada
    assert await ask_directly(moot, stranger) == eve
    where = await moot.server.dm(stranger)
    if eve:
        await moot.server.say(stranger, where, "Tea?")
        assert await moot.find_turn(where, eve)
    assert len(await moot.store.runs()) == 2 - bool(ada) - bool(eve)


async def test_whoever_shares_only_a_server_that_is_not_allowed_is_a_stranger(moot: Moot) -> None:
    other = await moot.server.create_guild("Other")
    eve = await moot.server.create_member(other, "eve")
    await moot.restart(allow=[str(moot.guild.id)])
    assert await ask_directly(moot, eve) == STRANGE
    assert await ask_directly(moot, moot.ada) == ""


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"channels": ["tea-room"]}, "Runs are started in tea-room here; try it there."),
        ({"start_roles": ["speakers"]}, "Starting a run needs the role speakers here."),
        ({"words": ["tea"]}, "a word that is not allowed here"),
        ({"deny": ["quiet"]}, "You may not use me here"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_the_strictest_rules_of_all_servers_shared_hold(
    moot: Moot, rules: Mapping[str, Any], told: str, first: bool
) -> None:
    strict = await moot.server.create_guild("Strict")
    quiet = await moot.server.create_role(strict, "quiet")
    await moot.server.join_guild(strict, moot.ada, quiet)
    lenient: Mapping[str, Any] = {"start_roles": []}
    by_guild = [(strict, rules), (moot.guild, lenient)]
    await moot.restart({str(guild.id): given for guild, given in (by_guild if first else by_guild[::-1])})
    assert told in await ask_directly(moot, moot.ada)
    assert await moot.store.runs() == []
    assert moot.models.log == []
    assert await ask_directly(moot, moot.bob) == ""  # who is in the lenient one alone


async def test_the_rules_for_servers_without_a_name_hold_as_well(moot: Moot) -> None:
    other = await moot.server.create_guild("Other")
    await moot.server.join_guild(other, moot.ada)
    await moot.restart({str(moot.guild.id): {}, "default": {"deny": [str(moot.ada.id)]}})
    assert "You may not use me here" in await ask_directly(moot, moot.ada)
    assert await ask_directly(moot, moot.bob) == ""


async def test_panels_are_for_those_who_may_edit_them_in_every_server_shared(moot: Moot) -> None:
    strict = await moot.server.create_guild("Strict")
    writers, others = [await moot.server.create_role(guild, "writers") for guild in (strict, moot.guild)]
    await moot.server.give_roles(moot.guild, moot.ada, others)
    await moot.server.join_guild(strict, moot.ada)
    dm = await moot.server.dm(moot.ada)
    panel = {"name": "mine", "models": "claude, gpt"}
    for told in ("Editing panels needs the role writers here.", "Panel “mine”: claude, gpt."):
        await moot.restart({"default": {"panel_roles": ["writers"]}})
        assert await moot.call_command(moot.ada, "moot panel create", dm, **panel) == told
        await moot.server.give_roles(strict, moot.ada, writers)
