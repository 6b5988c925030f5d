"""What people send on Discord, on the wire: all that a message carries is asked along, or its writer is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from adapters.discord.listening import ROLE_ALONE
from adapters.discord.names import DiscordReader
from adapters.discord.places import Places
from bot.domain.controls import ANOTHER_VERSION
from bot.domain.facts import RunStarted
from commands.about_message import ABOUT_THIS
from tests.servers.discord import Message, Upload, messages, payloads
from tests.servers.discord.world import World
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, StartMoot
from tests.support.files import PIXEL

NOTES = Upload("notes.txt", b"Milk goes in first.")
PICTURE = Upload("cup.png", PIXEL, "image/png")
ALERT = {
    "title": "CPU at 95 %",
    "url": "https://status.example/1",
    "description": "web-3 is slow",
    "fields": [{"name": "Region", "value": "eu-1", "inline": True}],
    "footer": {"text": "since 12:00"},
}
POLL: dict[str, Any] = {
    "question": {"text": "Which tea?"},
    "answers": [{"answer_id": 1, "poll_media": {"text": "Assam"}}, {"answer_id": 2, "poll_media": {"text": "Sencha"}}],
    "expiry": "2030-01-01T00:00:00+00:00",
    "allow_multiselect": False,
    "layout_type": 1,
    "results": {"is_finalized": False, "answer_counts": []},
}
STICKER = [{"id": "1", "name": "Wave", "format_type": 1}]

CARRIED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "text": ({"text": "Milk goes in first."}, ["Milk goes in first."]),
    "a text file": ({"text": "", "attachments": [NOTES]}, ["Milk goes in first.", "notes.txt"]),
    "a picture": ({"text": "", "attachments": [PICTURE]}, ["cup.png"]),
    "text with a picture": ({"text": "My cup", "attachments": [PICTURE]}, ["My cup", "cup.png"]),
    "an embed": (
        {"text": "", "embeds": [ALERT]},
        ["CPU at 95 % (https://status.example/1)", "web-3 is slow", "Region: eu-1", "since 12:00"],
    ),
    "a link with its embed": ({"text": "https://status.example/1", "embeds": [ALERT]}, ["web-3 is slow"]),
    "a poll": ({"text": "", "poll": POLL}, ["Poll: Which tea?", "- Assam", "- Sencha"]),
    "a sticker with text": ({"text": "Who is this?", "sticker_items": STICKER}, ["Who is this?", "a sticker (“Wave”)"]),
}


async def read_the_ask(moot: Moot) -> str:
    """Return what the first seat was asked, once it was; all of the question's files and context stand in it."""
    await moot.wait_until(lambda: bool(moot.read_asks("claude")))
    return moot.read_asks("claude")[0]


@pytest.mark.parametrize(("sent", "expected"), CARRIED.values(), ids=CARRIED)
@pytest.mark.parametrize("way", ["a reply", "a forward in a direct message", "a forward and a mention", "the menu"])
async def test_what_a_message_carries_is_asked_along(
    start_moot: StartMoot, way: str, sent: dict[str, Any], expected: list[str]
) -> None:
    if "poll" in sent and "forward" in way:
        return  # Discord forwards no polls
    moot = await start_moot(discord={"listen": True})
    talk = await moot.server.say(moot.bob, moot.channel, **sent)
    match way:
        case "a reply":
            await moot.server.say(moot.ada, moot.channel, "", mentions=[moot.server.bot], reply_to=talk)
        case "a forward in a direct message":
            await moot.server.forward(moot.ada, await moot.server.dm(moot.ada), talk)
        case "a forward and a mention":
            await moot.server.forward(moot.ada, moot.channel, talk, mentions=[moot.server.bot])
        case _:
            await moot.choose_from_menu(moot.ada, talk, "Council on this")
    ask = await read_the_ask(moot)
    for words in expected:
        assert words in ask
    if way != "the menu":
        assert ABOUT_THIS in ask
        assert ("bob, " if way == "a reply" else "Forwarded message, ") in ask
        assert " UTC:" in ask


@pytest.mark.parametrize(
    ("typed", "format", "question"),
    [
        ("Debate this --rounds 1", "debate", "this"),
        ("debate", "debate", ABOUT_THIS),
        ("so we debate this", "council", "so we debate this"),
    ],
)
async def test_a_reply_that_mentions_us_is_quoted_on_the_board_and_names_the_thread(
    moot: Moot, typed: str, format: str, question: str
) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "Milk goes\nin first.\nAlways.")
    await moot.server.say(moot.ada, moot.channel, typed, mentions=[moot.server.bot], reply_to=talk)
    quoted = f"> **bob:** Milk goes\n> in first.\n\n> {question}"
    board = await moot.find(moot.channel, lambda m: m.text.startswith(quoted))
    assert (await moot.find_thread(board)).name == "Milk goes in first."
    await moot.wait_until_over()
    (row,) = await moot.store.runs()
    fact = (await moot.store.read(row.run))[0].fact
    assert isinstance(fact, RunStarted)
    assert (fact.format, fact.question) == (format, question)
    assert "Milk goes\nin first.\nAlways." in fact.context


@pytest.mark.parametrize(
    ("typed", "told"),
    [("debate tea? --roundz 3", "Did you mean --rounds?"), ("debate", "Write the question behind it")],
)
async def test_a_format_that_is_mistyped_in_a_mention_starts_nothing(moot: Moot, typed: str, told: str) -> None:
    await moot.server.say(moot.ada, moot.channel, typed, mentions=[moot.server.bot])
    answer = await moot.find(moot.channel, lambda m: is_from_bot(moot, m))
    assert told in answer.text
    assert await moot.store.runs() == []


TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"text": ""}, "Ask with `/council`"),
    "a sticker": (
        {"text": "", "sticker_items": STICKER},
        "I cannot read a sticker (“Wave”): write what you want to ask.",
    ),
    "a sound": ({"text": "", "attachments": [Upload("it.ogg", b"OggS\0\1", "audio/ogg")]}, "“it.ogg” is a sound"),
    "an embedded picture": (
        {"text": "", "embeds": [{"image": {"url": "https://pics.example/1.png"}}]},
        "I cannot read a picture in an embed: write what you want to ask.",
    ),
}


def is_from_bot(moot: Moot, message: Message) -> bool:
    return message.author.id == moot.server.bot.id


@pytest.mark.parametrize(("sent", "told"), TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("way", ["a mention", "a direct message", "a reply"])
async def test_what_cannot_be_read_is_told_and_costs_nothing(
    start_moot: StartMoot, way: str, sent: dict[str, Any], told: str
) -> None:
    moot = await start_moot(discord={"listen": True})
    place = await moot.server.dm(moot.ada) if way == "a direct message" else moot.channel
    match way:
        case "a mention":
            await moot.server.say(moot.ada, place, mentions=[moot.server.bot], **sent)
        case "a direct message" if sent == {"text": ""}:
            return  # Discord sends no message without anything in it
        case "a direct message":
            await moot.server.say(moot.ada, place, **sent)
        case _ if sent == {"text": ""}:
            return
        case _:
            talk = await moot.server.say(moot.bob, place, **sent)
            await moot.server.say(moot.ada, place, "", mentions=[moot.server.bot], reply_to=talk)
    answer = await moot.find(place, lambda m: is_from_bot(moot, m))
    assert answer.text.startswith(told)
    assert await moot.store.runs() == []
    assert moot.models.log == []


async def test_a_reply_to_what_is_gone_or_hidden_is_told(moot: Moot) -> None:
    hidden = await moot.server.say(moot.bob, moot.channel, "", embeds=[ALERT])
    say = moot.server.say
    with patch.object(payloads, "message", _hide(payloads.message, hidden.id)):
        await say(moot.ada, moot.channel, "so?", mentions=[moot.server.bot], reply_to=hidden)
    answer = await moot.find(moot.channel, lambda m: is_from_bot(moot, m))
    assert answer.text == "Discord does not show me that message: use its menu → Apps → “Council on this”."
    gone = await moot.server.say(moot.bob, moot.channel, "soon gone")
    await moot.server.delete(moot.bob, gone)
    await moot.server.say(moot.ada, moot.channel, "so?", mentions=[moot.server.bot], reply_to=gone)
    answer = await moot.find(moot.channel, lambda m: is_from_bot(moot, m) and "is gone" in m.text)
    assert answer.text == "The message that you reply to is gone, so I cannot read it: ask in your own words."


def _hide(make: Callable[..., dict[str, Any]], number: int) -> Callable[..., dict[str, Any]]:
    """Return what makes messages without the content of one, as without the message-content intent."""

    def message(world: World, m: Message, *, quoted: bool = True) -> dict[str, Any]:
        data = make(world, m, quoted=quoted)
        return data | {"content": "", "embeds": [], "attachments": [], "components": []} if m.id == number else data

    return message


@pytest.mark.parametrize("listen", [True, False])
async def test_the_bots_own_role_counts_as_a_mention(start_moot: StartMoot, listen: bool) -> None:
    """Discord's completion offers it beside the bot; without the intent it does not show the words with it."""
    moot = await start_moot(discord={"listen": listen})
    role = next(r for r in moot.guild.roles.values() if r.bot_id == moot.server.bot.id)
    await moot.server.say(moot.ada, moot.channel, f"<@&{role.id}> Tea or coffee?")
    if listen:
        await moot.find_board(moot.channel, "Tea or coffee?")
    else:
        answer = await moot.find(moot.channel, lambda m: is_from_bot(moot, m))
        assert answer.text == ROLE_ALONE
        assert await moot.store.runs() == []


async def test_what_people_saw_is_what_is_read_wherever_they_type_it(moot: Moot) -> None:
    hall = await moot.server.create_channel(moot.guild, "hall")
    secret = await moot.server.create_channel(moot.guild, "secret")
    await moot.server.allow(secret, "view_channel")
    await moot.server.deny(secret, "view_channel", whom=moot.guild)
    typed = (
        f"<@{moot.bob.id}>, <#{hall.id}>, <#{secret.id}>, <:pepe:123>, <t:1700000000:D>, `<@{moot.bob.id}>`, </ask:9>?"
    )
    seen = f"@bob, #hall, #unknown, :pepe:, 14 November 2023, `<@{moot.bob.id}>`, /ask?"
    await moot.ask("compare", question=typed, panel="pair")
    await moot.wait_until(lambda: len(moot.read_asks("claude")) == 1)
    await moot.server.say(moot.ada, moot.channel, typed, mentions=[moot.server.bot])
    await moot.wait_until(lambda: len(moot.read_asks("claude")) >= 2)
    asks = moot.read_asks("claude")[:2]
    for ask in asks:
        assert seen in ask
    talk = await moot.server.say(moot.cyd, moot.channel, typed)
    form = await moot.choose_from_menu(moot.ada, talk, "Send to another model…")
    await moot.server.submit(moot.ada, form, {"model": ["gemini"], "note": f"Ask <@{moot.cyd.id}>."})
    await moot.wait_until(lambda: any("Ask @cyd." in ask and seen in ask for ask in moot.read_asks("gemini")))


async def test_a_message_of_discord_itself_is_no_remark(start_moot: StartMoot) -> None:
    """Renaming a thread writes the new name into it, in the name of whoever has renamed it."""
    moot = await start_moot(discord={"listen": True})
    messages.announce(moot.server.hub, await moot.server.dm(moot.ada), moot.ada, 4, "a new name")
    await moot.server.say(moot.ada, await moot.server.dm(moot.ada), "Tea?")
    await moot.wait_until(lambda: bool(moot.read_asks("claude")))
    assert [row.question for row in await moot.store.runs()] == ["Tea?"]


async def test_an_id_that_is_not_ours_is_answered(moot: Moot) -> None:
    button = {"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "theirs"}]}
    talk = await moot.server.say(moot.bob, moot.channel, "", components=[button])
    talk.components = [button | {"components": [button["components"][0] | {"id": 2}]}]  # type: ignore[index]
    told = await moot.read_answer(await moot.server.click(moot.ada, talk, "theirs"))
    assert told == ANOTHER_VERSION


async def test_a_bug_ends_in_a_sentence(moot: Moot) -> None:
    with patch.object(Places, "find_run", side_effect=RuntimeError("a bug")):
        told = await moot.call_command(moot.ada, "compare", question="Tea?")
        assert told.startswith("Something went wrong on my side: ")
    with patch.object(DiscordReader, "read_message", side_effect=RuntimeError("a bug")):
        await moot.server.say(moot.ada, moot.channel, "Tea?", mentions=[moot.server.bot])
        await moot.find(moot.channel, lambda m: m.text.startswith("Something went wrong on my side: "))
    assert [str(fault) for fault in moot.faults] == ["a bug", "a bug"]
    moot.faults.clear()
    assert await moot.store.runs() == []


async def test_text_that_is_no_text_breaks_nothing_later(moot: Moot) -> None:
    """A model divides a character over two chunks, and sends a half and a NUL; so does a person."""
    moot.script_model("claude", answer("Te\ud83d", "\ude00a\0\ud800"))
    await moot.server.say(moot.ada, moot.channel, "Tea\ud800\0?", mentions=[moot.server.bot])
    board = await moot.find_board(moot.channel, "Tea\ufffd?")
    thread = await moot.find_thread(board)
    await moot.find_end_card(thread)
    await moot.server.say(moot.ada, thread, "and\udc00 lemon?", mentions=[moot.server.bot])
    await moot.wait_until(lambda: any("and\ufffd lemon?" in ask for ask in moot.read_asks("gpt")))
    assert any("Te😀a\ufffd" in ask for ask in moot.read_asks("gpt"))
    await moot.wait_until_over()
