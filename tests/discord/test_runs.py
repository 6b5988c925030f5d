"""Whole runs on Discord, as people see them: what stands where, in which order, under whose name, and who is told."""

from __future__ import annotations

import json

from bot.domain.run import CRITERIA
from tests.servers.discord import Channel, Limits, Message, Rule, Upload, threads
from tests.servers.model_server import answer, error
from tests.support.discord_bot import RANKING, SEATS, THINKING, Moot, StartMoot, make_endless
from tests.support.discord_guild import button_labels, is_silent
from tests.support.files import PIXEL

SCORES = answer(
    json.dumps(
        {
            "scores": [{"debater": name, **dict.fromkeys(CRITERIA, 7)} for name in ("Claude", "GPT", "Gemini")],
            "winner": "Claude",
        }
    )
)
VERDICT = answer("Both have a point.\nVERDICT: Tea wins. It is warm. It is calm. It is cheap.")


def list_speakers(messages: list[Message]) -> list[str]:
    return [m.author.name for m in messages]


def check_quiet(messages: list[Message], end: Message) -> None:
    """Check that the end card alone notifies, and that no message pings by its text."""
    for m in messages:
        if m.id != end.id:
            assert is_silent(m), m.text
            assert m.notified == []
            assert m.allowed_mentions == {"parse": []}


async def test_a_debate_from_end_to_end(moot: Moot) -> None:
    moot.script_model("claude", answer("Tea."), answer("Still tea."), VERDICT, SCORES)
    board = await moot.ask("debate", question="Tea or coffee? @everyone", rounds=2)
    thread = await moot.find_thread(board)
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)

    assert [b.id for b in await moot.server.messages(moot.channel)] == [board.id]
    assert thread.parent_id == moot.channel.id
    assert set(thread.member_ids) == {moot.server.bot.id, moot.ada.id}
    said = await moot.server.messages(thread)
    assert list_speakers(said) == [
        "Claude · opening · Moot",
        "GPT · opening · Moot",
        "Gemini · opening · Moot",
        "Claude · closing · Moot",
        "GPT · closing · Moot",
        "Gemini · closing · Moot",
        "Verdict · Claude · Moot",
        "moot",
        "moot",
    ]
    *said, scores, last = said
    assert "**Scores**" in scores.text
    assert last is end
    said.append(end)
    assert {s.webhook_id for s in said[:-1]} == {h.id for h in await moot.server.webhooks(moot.channel)}
    await moot.wait_until(lambda: all("-# " in s.text and not button_labels(s) for s in said[:-1]))
    assert len({s.id for s in said}) == 8  # each was posted once, and only edited from then on
    assert "Claude wins; all scored 7.0" in board.text
    assert button_labels(board) == []
    assert end.notified == [moot.ada.id]
    assert "Tea wins. It is warm." in end.text
    assert f"https://discord.com/channels/{moot.guild.id}/{thread.id}/{said[-2].id}" in end.text  # the verdict
    check_quiet([board, *said], end)


async def test_a_council_from_end_to_end(moot: Moot) -> None:
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, answer(f"{seat} answers."), RANKING, answer("In sum: tea."))
    board = await moot.ask("council")
    thread = await moot.find_thread(board)
    end = await moot.find_end_card(thread)
    said = await moot.server.messages(thread)
    assert [s.author.name.removesuffix(" · Moot") for s in said[:3]] == ["Claude", "GPT", "Gemini"]
    reviews = await moot.find_turn(thread, "**Reviews**")
    await moot.wait_until(lambda: reviews.text.count("then") >= 6 and "After" not in reviews.text)
    assert reviews.text.count("hardly agreed.") == 1
    counted = await moot.press(moot.bob, reviews, "full_texts", "counted")
    assert "by Schulze's method" in counted
    synthesis = await moot.find_by(thread, "Synthesis · Claude")
    await moot.wait_until(lambda: "In sum: tea." in synthesis.text)
    await moot.wait_until(lambda: "In sum: tea." in board.text)
    assert "In sum: tea." in end.text
    assert len([s for s in said if "**Reviews**" in s.text]) == 1
    check_quiet([board, *said], end)


async def test_placeholders_stand_in_the_order_of_the_panel(moot: Moot) -> None:
    for seat in SEATS:
        moot.script_model(seat, THINKING)
    thread = await moot.find_thread(await moot.ask())
    await moot.find_turn(thread, "Gemini is thinking…")
    said = await moot.server.messages(thread)
    assert [s.text for s in said] == [f"{name} is thinking…" for name in SEATS.values()]
    assert [button_labels(s) for s in said] == [["Skip"]] * 3


async def test_text_is_seen_while_it_is_spoken(moot: Moot) -> None:
    moot.script_model("gpt", make_endless("So far, ", "so good"))
    board = await moot.ask()
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "So far, so good")
    assert button_labels(turn) == ["Skip"]
    assert "Stop" in button_labels(board)
    assert "Follow up" not in str([button_labels(s) for s in await moot.server.messages(thread)])
    assert await moot.press(moot.ada, board, "stop") == "Stopped; what was said is kept."
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "GPT did not finish its answer." in end.text)
    await moot.wait_until(lambda: "stopped" in turn.text and not button_labels(turn))


async def test_a_failed_seat_is_named_first_and_the_operator_hears_of_keys(start_moot: StartMoot) -> None:
    moot = await start_moot(started=False)
    office = await moot.server.create_channel(moot.guild, "office")
    moot.change_settings("discord", operator_channel=str(office.id))
    moot.script_model("gpt", error(401, "Incorrect API key provided"))
    await moot.start()
    board = await moot.ask()
    end = await moot.find_end_card(await moot.find_thread(board))
    assert end.text.split("\n\n")[0].endswith("GPT is not available.")
    told = await moot.find_turn(office, "GPT (gpt) cannot answer")
    assert "key" in told.text
    assert all("key" not in s.text for s in await moot.server.messages(board))


async def test_seats_have_their_faces(start_moot: StartMoot) -> None:
    moot = await start_moot(started=False)
    faces = {
        key: model.model_copy(update={"avatar_url": f"https://example.org/{key}.png"})
        for key, model in moot.settings.models.items()
    }
    moot.settings = moot.settings.model_copy(update={"models": faces})
    await moot.start()
    thread = await moot.find_thread(await moot.ask())
    await moot.find_end_card(thread)
    said = await moot.server.messages(thread)
    assert [s.avatar_url for s in said[:2]] == [
        "https://example.org/claude.png",
        "https://example.org/gpt.png",
    ]


async def test_in_a_direct_message_names_head_what_is_said(moot: Moot) -> None:
    dm = await moot.server.dm(moot.ada)
    board = await moot.ask(where=dm)
    end = await moot.find_end_card(dm)
    assert board.channel_id == dm.id
    said = await moot.server.messages(dm)
    assert [s.text.splitlines()[0] for s in said[1:4]] == ["**Claude**", "**GPT**", "**Gemini**"]
    assert {s.author.id for s in said} == {moot.server.bot.id}
    assert end.notified == [moot.ada.id]
    check_quiet(said, end)
    assert not [r for r in moot.server.requests if r.route.endswith(("/threads", "/webhooks"))]


async def test_every_word_of_a_direct_message_asks(moot: Moot) -> None:
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, answer("Tea."), RANKING, answer("In sum: tea."))
    dm = await moot.server.dm(moot.ada)
    await moot.server.say(moot.ada, dm, "Tea or coffee?")
    board = await moot.find_turn(dm, "> Tea or coffee?")
    await moot.find_end_card(dm)
    assert "asked by ada" in board.text


async def test_in_a_thread_everything_stands_in_that_thread(moot: Moot) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "shall we?")
    await check_inside(moot, await moot.server.thread(moot.bob, talk, "drinks"))
    assert len(await moot.server.threads(moot.channel)) == 1


async def test_in_a_forum_everything_stands_in_the_post(moot: Moot) -> None:
    forum = await moot.server.create_forum(moot.guild)
    post = threads.open_thread(moot.server.hub, forum, moot.bob.id, "Drinks")
    await check_inside(moot, post)


async def check_inside(m: Moot, place: Channel) -> None:
    board = await m.ask(where=place)
    end = await m.find_end_card(place)
    assert board.channel_id == end.channel_id == place.id
    said = await m.server.messages(place)
    assert list_speakers(said[1:-1]) == ["Claude · Moot", "GPT · Moot", "Gemini · Moot"]


async def test_files_belong_to_the_question(moot: Moot) -> None:
    note = Upload("menu.txt", b"Darjeeling 4.20")
    thread = await moot.find_thread(await moot.ask(question="What to drink?", file=note))
    await moot.find_end_card(thread)
    assert all("Darjeeling 4.20" in asked for seat in ("claude", "gpt") for asked in moot.read_asks(seat))
    picture = Upload("menu.png", PIXEL, "image/png")
    thread = await moot.find_thread(await moot.ask(question="And of these?", file=picture))
    await moot.find_end_card(thread)
    assert "And of these?" in moot.read_asks("claude")[-1]


async def test_a_file_that_cannot_be_read_is_refused(moot: Moot) -> None:
    film = Upload("menu.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video/mp4")
    said = await moot.call_command(moot.ada, "compare", question="What to drink?", file=film)
    assert "menu.mp4" in said
    assert await moot.server.messages(moot.channel) == []


async def test_listed_words_are_asked_by_nobody_and_read_by_nobody(start_moot: StartMoot) -> None:
    moot = await start_moot(servers={"default": {"words": ["darn"]}})
    moot.script_model("claude", answer("That darn ", "tea."))
    assert "“darn”" in await moot.call_command(moot.ada, "compare", question="What darn drink?")
    thread = await moot.find_thread(await moot.ask())
    await moot.find_turn(thread, "That ████ tea.")
    await moot.find_end_card(thread)
    assert all("darn" not in s.text for s in await moot.server.messages(thread))


async def test_what_models_write_pings_nobody(moot: Moot) -> None:
    moot.script_model("claude", answer(f"@everyone <@{moot.bob.id}> [x](https://example.org) https://example.org"))
    moot.script_model("gpt", answer("VERDICT: @here"))
    thread = await moot.find_thread(await moot.ask())
    end = await moot.find_end_card(thread)
    said = await moot.server.messages(thread)
    assert [s.notified for s in said if s.id != end.id] == [[]] * (len(said) - 1)
    assert end.notified == [moot.ada.id]


async def test_two_runs_in_one_channel_share_its_webhook(start_moot: StartMoot) -> None:
    tight = Limits({"webhook.execute": Rule(5, 0.5), "webhook.edit": Rule(5, 0.5)})
    moot = await start_moot(tight)
    boards = [await moot.ask(question=f"Question {n}?") for n in range(2)]
    for board in boards:
        await moot.find_end_card(await moot.find_thread(board))
    assert len(await moot.server.webhooks(moot.channel)) == 1
    assert [r for r in moot.server.requests if r.status == 429] == []
