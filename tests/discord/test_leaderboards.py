"""/moot leaderboard on Discord: a list, the same for all who see the same places."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

import bot.ratings.leaderboard  # noqa: F401 - what it brings loads before anybody waits for an answer
from adapters.discord.addresses import Address
from tests.servers.discord import Channel
from tests.support.discord_bot import Moot
from tests.support.voted_runs import make_voted_run


async def keep_runs(
    m: Moot, where: Channel, *names: str, seats: Sequence[str] = ("claude", "gpt"), panel: str = ""
) -> None:
    address = Address(m.guild.id, where.id, where.id, "channel", "n").text
    for name in names:
        await m.store.append(name, make_voted_run(f"discord:{m.guild.id}", address, seats=seats, panel=panel))


async def test_models_are_listed_alike_for_members_and_moderators(moot: Moot) -> None:
    await keep_runs(moot, moot.channel, "first")
    await keep_runs(moot, moot.channel, "second", panel="pair")
    await keep_runs(moot, moot.channel, "of others too", seats=("gemini", "gpt"))
    await keep_runs(moot, moot.channel, "of another panel", panel="default")
    asked: dict[str, Any] = {"panel": "pair", "format": "compare", "days": 1}
    shown = await moot.call_command(moot.bob, "moot leaderboard", **asked)
    title, first, *_ = filter(None, shown.splitlines())
    assert title == "**Models by people's votes**"
    assert first.startswith("1. Claude: 1,")
    assert first.endswith(" · 24 votes · 100% won")
    assert "24 votes: 0 blind, 0 ties, 0 that found none of the answers good. The longer answer won 100%" in shown
    assert await moot.call_command(moot.mod, "moot leaderboard", **asked) == shown


async def test_a_picture_is_attached_where_it_can_be_drawn(moot: Moot, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep_runs(moot, moot.channel, "first", "second")
    told = await moot.find_private(await moot.server.slash(moot.bob, moot.channel, "moot leaderboard"))
    assert [(file.filename, file.data[:4]) for file in told.attachments] == [("moot-leaderboard.png", b"\x89PNG")]
    monkeypatch.setitem(sys.modules, "bot.ratings.picture", None)
    told = await moot.find_private(await moot.server.slash(moot.bob, moot.channel, "moot leaderboard"))
    assert ("1. Claude" in told.text, told.attachments) == (True, [])


async def test_only_places_that_somebody_sees_count(moot: Moot) -> None:
    secret = await moot.server.create_channel(moot.guild, "secret")
    await moot.server.deny(secret, "view_channel", whom=moot.guild.id)
    await moot.server.allow(secret, "view_channel", whom=moot.server.bot)
    await keep_runs(moot, moot.channel, "shown")
    await keep_runs(moot, secret, "hidden")
    for person in (moot.bob, moot.mod):
        told = await moot.call_command(person, "moot leaderboard")
        assert told == "12 votes between answers so far; with fewer than 20 nothing is ranked."


async def test_what_is_asked_for_is_refused_in_a_sentence(moot: Moot, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep_runs(moot, moot.channel, "first", "second")
    few = "0 votes between answers so far; with fewer than 20 nothing is ranked."
    assert await moot.call_command(moot.ada, "moot leaderboard", format="debate") == few
    assert "There is no panel" in await moot.call_command(moot.ada, "moot leaderboard", panel="odd")
    monkeypatch.delitem(sys.modules, "bot.ratings.leaderboard")
    monkeypatch.delitem(sys.modules, "bot.ratings.ratings")
    monkeypatch.delitem(sys.modules, "bot.ratings.sensitivity")
    monkeypatch.setitem(sys.modules, "evalica", None)
    told = (await moot.call_command(moot.ada, "moot leaderboard")).replace("\\", "")
    assert "pip install 'moot[leaderboard]'. Whoever runs me can add them." in told
