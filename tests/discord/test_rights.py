"""Rights on Discord: they belong to the place where a run stands, and to the servers that the operator allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.domain.controls import ObjectionRef, SeatRef, about_text, press_id
from bot.domain.facts import Interjected, Stopped
from bot.domain.run import TurnId
from commands.command import MORE
from tests.servers.discord import Interaction, threads
from tests.servers.discord.world import Message
from tests.support.discord_bot import THINKING, Moot
from tests.support.discord_guild import find_button
from tests.support.discord_runs import click_forged

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
    await moot.restart(allow=allow)
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


async def test_the_owner_of_a_server_that_is_not_allowed_is_told_once(moot: Moot) -> None:
    await moot.restart(allow=[str(moot.guild.id)])
    assert moot.client is not None
    while not moot.client.is_ready():  # before that, no server has just been joined
        await asyncio.sleep(0.005)
    owner = await moot.server.create_user("owner")
    other = await moot.server.create_guild("*Other*", owner)
    room = await moot.server.create_channel(other)
    direct = await moot.server.dm(owner)
    told = f"I am not set up for this server. Whoever runs me can allow it: send them its id, {other.id}."
    assert (await moot.find_turn(direct, told)).text.startswith("In “\\*Other\\*” I answer nobody yet.")
    await moot.restart(allow=[str(moot.guild.id)])
    await moot.server.say(owner, room, "Tea?", mentions=[moot.server.bot])
    assert await moot.find_turn(room, told)
    assert await moot.call_command(owner, "moot panel list", room) == told
    assert len(moot.read_messages(direct)) == 1
    assert await moot.store.runs() == []


@pytest.mark.parametrize("by", ["id", "role", "role's id"])
async def test_whoever_is_denied_does_nothing(moot: Moot, by: str) -> None:
    moot.script_model("gpt", THINKING)
    board = await moot.ask()
    thread = await moot.find_thread(board)
    run = find_button(board, "stop").split(":")[1]
    quiet = await moot.server.create_role(moot.guild, "quiet")
    await moot.server.give_roles(moot.guild, moot.ada, quiet)
    await moot.wait_until_stored(board)
    rule = {"id": str(moot.ada.id), "role": "quiet", "role's id": str(quiet.id)}[by]
    await moot.restart({"default": {"deny": [rule]}})
    told = "You may not use me here: whoever runs me has decided so, and can change it."
    assert await moot.press(moot.ada, board, "stop") == told
    assert await moot.call_command(moot.ada, "moot runs") == told
    assert await moot.call_command(moot.ada, "compare", question="Tea?") == told
    await moot.server.react(moot.ada, board, "🛑")
    await moot.server.say(moot.ada, thread, "stop", mentions=[moot.server.bot])
    assert await moot.find_turn(thread, told)
    assert not [e for e in await moot.store.read(run) if isinstance(e.fact, Stopped | Interjected)]
    assert len(await moot.store.runs()) == 1
    assert (await moot.press(moot.mod, board, "stop")).startswith("Stopped")


async def go_on(moot: Moot, end: Message, turn: Message) -> list[Interaction]:
    """Go on from a run that is over in each of three ways; return what was answered."""
    follow_up = await moot.server.click(moot.bob, end, find_button(end, "follow_up"))
    ask_seat = await moot.choose_from_menu(moot.bob, turn, "Ask this seat")
    await follow_up.answer()
    return [
        await moot.server.click(moot.bob, end, find_button(end, "run_again")),
        await moot.server.submit(moot.bob, follow_up, {"question": "And with milk?"}),
        await moot.server.submit(moot.bob, ask_seat, {"question": "Why?"}),
    ]


async def test_what_goes_on_from_a_run_begins_in_the_channels_that_are_set(moot: Moot) -> None:
    await moot.restart({"default": {"channels": ["general"]}})
    board = await moot.ask()
    thread = await moot.find_thread(board)
    end, turn = await moot.find_end_card(thread), await moot.find_by(thread, "Claude")
    await moot.wait_until_over()
    for asked in await go_on(moot, end, turn):
        await asked.answer()
    await moot.wait_until_over()
    assert len(await moot.store.runs()) == 4
    await moot.restart({"default": {"channels": ["tea-room"]}})
    refused = "Runs are started in tea-room here; try it there."
    for asked in await go_on(moot, end, turn):
        assert await moot.read_answer(asked) == refused
    assert len(await moot.store.runs()) == 4


async def test_a_thread_named_like_a_channel_that_is_set_is_not_that_channel(moot: Moot) -> None:
    tea = await moot.server.create_channel(moot.guild, "tea-room")
    await moot.restart({"default": {"channels": ["tea-room"]}})
    forum = await moot.server.create_forum(moot.guild)
    talk = await moot.server.say(moot.bob, moot.channel, "shall we?")
    refused = "Runs are started in tea-room here; try it there."
    for place in (
        moot.channel,
        await moot.server.thread(moot.bob, talk, "tea-room"),
        threads.open_thread(moot.server.hub, forum, moot.bob.id, "tea-room"),
    ):
        assert await moot.call_command(moot.bob, "compare", place, question="Tea?") == refused
        await moot.server.say(moot.bob, place, "Tea?", mentions=[moot.server.bot])
        assert await moot.find_turn(place, refused)
    talk = await moot.server.say(moot.bob, tea, "shall we?")
    await moot.ask(where=await moot.server.thread(moot.bob, talk, "anything"))
    await moot.wait_until_over()
