"""Rights on Discord: they belong to the place where a run stands, and to the servers that the operator allows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain.controls import ObjectionRef, SeatRef, about_text, press_id
from bot.domain.run import TurnId
from commands.command import MORE
from tests.servers.discord.world import User
from tests.support.discord_bot import THINKING, Moot
from tests.support.discord_guild import find_button

NOT_YOURS = "That form was not made for you here: use the command, button or menu once more."


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


@pytest.mark.parametrize(
    "forge",
    [
        lambda sealed: sealed[:-1] + ("A" if sealed[-1] != "A" else "B"),  # one character of the seal
        lambda sealed: sealed.replace("more", "less").replace("council", "debate"),  # one word of what is sealed
        lambda sealed: sealed.rpartition("#")[0],
        lambda sealed: sealed.rpartition("#")[0] + "#",
        lambda sealed: "#" + sealed.rpartition("#")[2],
        lambda sealed: sealed + sealed,
        lambda sealed: "é" * 90,
        lambda sealed: "\ud800" * 10,
        lambda sealed: "",
    ],
)
async def test_a_form_whose_target_was_changed_does_nothing(moot: Moot, forge: Callable[[str], str]) -> None:
    asked = await moot.server.slash(moot.ada, moot.channel, "council", question="Tea?", panel=MORE)
    form = (await asked.answer()).modal
    assert form is not None
    forged = forge(form["custom_id"])
    assert forged != form["custom_id"]
    sent = await moot.server.submit(moot.ada, asked, {"models": "gpt"}, custom_id=forged)
    assert await moot.read_answer(sent) == NOT_YOURS
    assert await moot.store.runs() == []


async def test_a_form_is_for_its_own_person_in_its_own_channel(moot: Moot) -> None:
    other = await moot.server.create_channel(moot.guild, "other")
    asked = await moot.server.slash(moot.ada, moot.channel, "council", question="Tea?", panel=MORE)
    await asked.answer()
    assert await moot.read_answer(await moot.server.submit(moot.bob, asked, {"models": "gpt"})) == NOT_YOURS
    sent = await moot.server.submit(moot.ada, asked, {"models": "gpt"}, where=other)
    assert await moot.read_answer(sent) == NOT_YOURS
    assert await moot.store.runs() == []


async def click_forged(moot: Moot, by: User, custom_id: str) -> str:
    """Press a button of that id under a message of one's own, and return the answer."""
    button = {"type": 2, "style": 1, "label": "x", "custom_id": custom_id}
    talk = await moot.server.say(by, moot.channel, "", components=[{"type": 1, "components": [button]}])
    talk.components = [{"type": 1, "components": [{**button, "id": 2}]}]
    return await moot.read_answer(await moot.server.click(by, talk, custom_id))


async def test_a_button_made_for_a_run_that_one_cannot_see_does_nothing(moot: Moot) -> None:
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, THINKING)
    board = await moot.ask()
    run = find_button(board, "stop").split(":")[1]
    await moot.server.deny(moot.channel, "view_channel", whom=moot.ada)
    own = await moot.server.create_channel(moot.guild, "own")
    moot.channel, hidden = own, moot.channel
    before = await moot.store.read(run)
    turn = TurnId("answer", 1, "claude")
    for action, about in (
        *((action, None) for action in ("stop", "pause", "reveal", "run_again", "export", "delete", "summarise")),
        *((action, turn) for action in ("vote", "skip", "retry", "read_on", "remove")),
        ("vote", SeatRef("claude")),
        ("upvote", ObjectionRef(1)),
    ):
        told = await click_forged(moot, moot.ada, press_id(run, action, about_text(about)))
        assert told == f"There is no run {run} here.", action
    for command, more in (
        ("moot say", {"text": "milk"}),
        ("moot object", {"text": "milk"}),
        ("moot show", {}),
        ("moot stop", {}),
        ("moot reveal", {}),
        ("moot watch", {}),
        ("moot summarise", {}),
    ):
        assert await moot.call_command(moot.ada, command, own, run=run, **more) == f"There is no run {run} here."
    assert await moot.store.read(run) == before
    assert len(await moot.store.runs()) == 1
    assert (await moot.call_command(moot.mod, "moot stop", hidden, run=run)).startswith("Stopped")
