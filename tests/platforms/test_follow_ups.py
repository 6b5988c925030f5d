"""Follow-ups of runs on Discord and on Slack, and what the models are then asked; on Slack a search as well."""

from __future__ import annotations

import re

from tests.servers.discord import Message
from tests.servers.model_server import answer
from tests.servers.slack.world import Ref
from tests.support.discord_bot import RANKING, Moot
from tests.support.discord_guild import button_labels, find_button
from tests.support.discord_runs import finish_run
from tests.support.slack_app import App, StartApp, wait_until
from tests.support.slack_messages import press, read_text
from tests.support.speakers import make_refusal
from tests.support.transcripts import make_seat


async def test_a_council_is_gone_on_from_with_its_question_turns_standings_and_synthesis(moot: Moot) -> None:
    end = None
    while end is None or "The chair says tea." not in end.text:  # Claude reviewed a late answer with these words
        moot.script_model("claude", answer("Claude answers."), RANKING, answer("The chair says tea."), answer("Milk."))
        moot.script_model("gpt", answer("GPT answers."), RANKING, answer("Milk, surely."))
        _, thread, end = await finish_run(moot, "council")
    for n, question in enumerate(("And with milk?", "And with sugar?"), 1):
        asked = await follow_up(moot, end, question)
        for words in ("Tea or coffee?", "GPT answers.", "The chair says tea.", question):
            assert words in asked
        assert re.search(r"The models (all|mostly|partly|hardly) agreed\.", asked)  # by what the letters stand for
        end = await moot.find(thread, lambda message: "Follow up" in button_labels(message), n)
    assert "And with milk?" in asked


async def follow_up(m: Moot, end: Message, question: str) -> str:
    """Ask on from an end card as Bob; return what GPT is asked first."""
    before = len(m.read_asks("gpt"))
    form = await m.server.click(m.bob, end, find_button(end, "follow_up"))
    await form.answer()
    await m.server.submit(m.bob, form, {"question": question})
    await m.wait_until(lambda: len(m.read_asks("gpt")) > before)
    return m.read_asks("gpt")[before]


async def test_a_seat_that_is_asked_alone_knows_all_that_it_has_said(moot: Moot) -> None:
    turns = [answer(f"GPT's turn {n}.") for n in (1, 2, 3)]
    moot.script_model("gpt", *turns, answer("Because."))
    _, thread, _ = await finish_run(moot, "debate", rounds=3, panel="pair")
    before = len(moot.read_asks("gpt"))
    form = await moot.choose_from_menu(moot.bob, await moot.find_turn(thread, "GPT's turn 2."), "Ask this seat")
    await moot.server.submit(moot.bob, form, {"question": "Why?"})
    await moot.wait_until(lambda: len(moot.read_asks("gpt")) > before)
    last = next(r for r in reversed(moot.models.log) if r.path == "/gpt/chat/completions")
    own = [message["content"] for message in last.body["messages"] if message["role"] == "assistant"]
    assert own == ["GPT's turn 1.\n\nGPT's turn 2.\n\nGPT's turn 3."]
    assert "Claude" not in str(last.body["messages"])


async def test_on_slack_too(app: App) -> None:
    await app.ask("tabs?", "/debate")
    board = await app.find_board()
    await app.wait_until_over()
    before = len(app.speaker.asked)
    await press(app, app.thread_messages(board)[-1], "follow_up")
    await wait_until(lambda: len(app.server.world.views) == 1)
    await (
        await app.server.people.submit(app.ann.id, next(iter(app.server.world.views)), {"question": "And semicolons?"})
    )
    await wait_until(lambda: len(app.speaker.asked) > before)
    first = "\n".join(part.text for part in app.speaker.asked[before][1].parts)
    assert all(words in first for words in ("tabs?", "Tabs win.", "Spaces win.", "And semicolons?"))
    await app.wait_until_over()
    turn = next(message for message in app.thread_messages(board) if "Ada" in message.username)
    before = len(app.speaker.asked)
    await (await app.server.people.shortcut(app.ann.id, Ref(app.hall.id, turn.ts), "moot:ask_seat"))
    await wait_until(lambda: len(app.server.world.views) == 2)
    await (await app.server.people.submit(app.ann.id, list(app.server.world.views)[1], {"question": "why?"}))
    await wait_until(lambda: len(app.speaker.asked) > before)
    seat_key, ask = app.speaker.asked[before]
    assert seat_key == "ada"
    assert {part.text for part in ask.parts if part.role == "assistant"} == {"Tabs win."}
    assert "Spaces win." not in str(ask.parts)
    await app.wait_until_over()


async def test_a_search_on_slack(start_app: StartApp) -> None:
    lines = {"ada": ["Tabs win."], "bob": ["Spaces win."], "searcher": ["1. [Tabs](https://a.example/tabs): wide"]}
    app = await start_app(lines=lines, searcher=make_seat("searcher"))
    await app.ask("tabs or spaces --search on --models ada,bob,ada", "/council")
    board = await app.find_board()
    await app.wait_until_over()
    (sources,) = [message for message in app.thread_messages(board) if "Searcher" in message.username]
    assert "[Tabs](https://a.example/tabs)" in read_text(sources)
    reviews = [ask for _, ask in app.speaker.asked if "Rank the answers" in str(ask.parts)]
    assert all("https://a.example/tabs" in str(ask.parts) for ask in reviews)
    assert len(reviews) >= 2


async def test_a_search_on_slack_that_fails(start_app: StartApp) -> None:
    lines = {"ada": ["Tabs win."], "bob": ["Spaces win."], "searcher": [make_refusal()]}
    app = await start_app(lines=lines, searcher=make_seat("searcher"))
    await app.ask("tabs or spaces --search on", "/council")
    board = await app.find_board()
    await app.wait_until_over()
    assert "Searcher's web search came to nothing: its key was refused" in read_text(board)
    assert "Result:" in read_text(board)
