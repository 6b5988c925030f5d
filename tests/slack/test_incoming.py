"""What people send on Slack, on the wire: all that a message carries is asked along, or its writer is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from adapters.slack.interactions import InteractionHandler
from bot.domain.facts import RunStarted
from commands.about_message import ABOUT_THIS
from tests.servers.slack.deliveries import Delivery
from tests.servers.slack.world import Ref
from tests.support.files import PIXEL
from tests.support.slack_app import App, StartApp, wait_until
from tests.support.slack_messages import read_text

SHARED = {
    "is_share": True,
    "is_msg_unfurl": True,
    "author_name": "Bob",
    "author_id": "U9",
    "channel_id": "C9",
    "channel_name": "kitchen",
    "ts": "1700000000.000100",
    "text": "Milk goes in &lt;first&gt;.",
    "fallback": "[November 14th] Bob: Milk goes in first.",
    "footer": "Posted in #kitchen",
}
ALERT = {
    "pretext": "Alert!",
    "title": "CPU at 95 %",
    "title_link": "https://status.example/1",
    "text": "web-3 is slow",
    "fields": [{"title": "Region", "value": "eu-1", "short": True}],
    "fallback": "CPU",
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Deploy failed"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "See <https://ci.example/7|run 7>"}},
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Branch* main"}]},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "by the pipeline"}]},
    {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Retry"}}]},
]
RICH = [
    {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "Steps <now>:"}]},
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "boil"}]},
                    {"type": "rich_text_section", "elements": [{"type": "emoji", "name": "tea"}]},
                ],
            },
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x = 1"}]},
        ],
    }
]
IN_BLOCKS = {"message_blocks": [{"team": "T1", "channel": "C9", "ts": "1", "message": {"blocks": RICH}}]}

TABLE = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "Tea"}, {"type": "raw_text", "text": "Cups"}],
        [{"type": "rich_text", "elements": RICH[0]["elements"][:1]}, {"type": "raw_number", "value": 12}],
    ],
}
DATA_TABLE = {**TABLE, "type": "data_table", "caption": "Sold"}
HIDDEN = {"is_msg_unfurl": True, "is_share": True, "private_channel_prompt": True, "fallback": "[no preview available]"}

CARRIED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a shared message": (
        {"attachments": [SHARED]},
        ["Bob in #kitchen, 14 November 2023, 22:13 UTC:\nMilk goes in <first>."],
    ),
    "a shared message in blocks": (
        {"attachments": [{**SHARED, **IN_BLOCKS, "text": ""}]},
        ["Steps <now>:", "1. boil\n2. :tea:", "```\nx = 1\n```"],
    ),
    "an alert": (
        {"attachments": [ALERT]},
        ["Alert!", "CPU at 95 % (https://status.example/1)", "web-3 is slow", "Region: eu-1"],
    ),
    "a fallback alone": ({"attachments": [{"fallback": "CPU at 95 %"}]}, ["CPU at 95 %"]),
    "a table in an attachment": (
        {"attachments": [{"blocks": [DATA_TABLE], "fallback": "[no preview available]"}]},
        ["Sold\nTea | Cups\nSteps <now>: | 12"],
    ),
    "attachments with blocks": (
        {"attachments": [{"blocks": BLOCKS}]},
        ["Deploy failed", "run 7 (https://ci.example/7)"],
    ),
}


async def read_start(app: App) -> RunStarted:
    """Return the first fact of the only run, once there is one and it is over."""
    async with asyncio.timeout(60):
        while not (rows := await app.store.runs()):
            await asyncio.sleep(0.005)
    await app.wait_until_over()
    fact = (await app.store.read(rows[0].run))[0].fact
    assert isinstance(fact, RunStarted)
    return fact


async def say(app: App, way: str, text: str = "", **message: Any) -> Delivery:
    if way == "a direct message":
        direct = app.server.world.im(app.ann.id)
        return await (await app.server.people.say(app.ann.id, direct.id, text, **message))
    return await (await app.server.people.say(app.ann.id, app.hall.id, text, mention=True, **message))


@pytest.mark.parametrize(("sent", "expected"), CARRIED.values(), ids=CARRIED)
@pytest.mark.parametrize("way", ["a mention", "a direct message", "the shortcut"])
async def test_what_a_message_carries_is_asked_along(
    app: App, way: str, sent: dict[str, Any], expected: Sequence[str]
) -> None:
    if way == "the shortcut":
        talk = await app.server.people.say(app.ann.id, app.hall.id, "", **sent)
        await (await app.server.people.shortcut(app.ann.id, Ref(app.hall.id, talk.event["ts"]), "moot:ask_about"))
    else:
        await say(app, way, **sent)
    started = await read_start(app)
    assert started.question == ABOUT_THIS
    for words in expected:
        assert words in started.context


async def test_a_shared_message_is_quoted_on_the_board(app: App) -> None:
    await say(app, "a mention", "so?", attachments=[SHARED])
    await read_start(app)
    quoted = re.compile(r"^> \*\*Bob in .*kitchen:\*\* Milk goes in .*first.*\n\n> so\?", re.DOTALL)
    await wait_until(lambda: any(quoted.search(read_text(message)) for message in app.server.world.posts.values()))


@pytest.mark.parametrize("listen", [True, False])
async def test_a_mention_in_a_thread_is_about_its_first_message_where_that_can_be_read(
    start_app: StartApp, listen: bool
) -> None:
    app = await start_app(listen=listen)
    talk = await app.server.people.say(app.ann.id, app.hall.id, "Milk goes in first.")
    await say(app, "a mention", "so?", thread_ts=talk.event["ts"])
    started = await read_start(app)
    assert started.question == "so?"
    assert started.context == ("ann:\nMilk goes in first." if listen else "")
    assert started.title == ("Milk goes in first." if listen else "so?")


@pytest.mark.parametrize(("typed", "question"), [("debate this --rounds 1", "this"), ("debate", ABOUT_THIS)])
async def test_a_debate_that_a_mention_in_a_thread_starts_is_about_its_first_message(
    start_app: StartApp, typed: str, question: str
) -> None:
    app = await start_app(listen=True)
    talk = await app.server.people.say(app.ann.id, app.hall.id, "Milk goes\nin first.\nAlways.")
    await say(app, "a mention", typed, thread_ts=talk.event["ts"])
    started = await read_start(app)
    assert (started.format, started.question) == ("debate", question)
    assert (started.context, started.title) == ("ann:\nMilk goes\nin first.\nAlways.", "Milk goes in first.")
    board = f"> **ann:** Milk goes\n> in first.\n\n> {question}"
    await wait_until(lambda: any(read_text(m).startswith(board) for m in app.server.world.posts.values()))


@pytest.mark.parametrize("typed", ["so?", "debate this"])
async def test_a_mention_in_a_thread_takes_the_files_of_its_first_message_along(
    start_app: StartApp, typed: str
) -> None:
    app = await start_app(listen=True)
    files = [("notes.txt", b"Milk first."), ("tea.png", PIXEL)]
    talk = await app.server.people.say(app.ann.id, app.hall.id, "Look.", files=files)
    await say(app, "a mention", typed, thread_ts=talk.event["ts"], files=[("more.txt", b"Or last.")])
    started = await read_start(app)
    assert started.format == ("debate" if typed == "debate this" else "council")
    assert started.question.startswith(typed.removeprefix("debate "))
    assert "Milk first." in started.question
    assert "Or last." in started.question
    assert started.context == "ann:\nLook.\nFiles: notes.txt, tea.png"
    assert [image.name for image in started.images] == ["tea.png"]


async def test_a_pasted_table_goes_along_with_the_words_above_it(app: App) -> None:
    await say(app, "a mention", "Which sells?", blocks=[*RICH, TABLE])
    started = await read_start(app)
    assert (started.question, started.context) == ("Which sells?", "Tea | Cups\nSteps <now>: | 12")


async def test_a_shared_message_that_slack_keeps_back_is_told_and_costs_nothing(app: App) -> None:
    await say(app, "a mention", attachments=[HIDDEN])
    (answer,) = await app.read_ephemerals()
    assert answer == "I cannot read a shared message that Slack does not show here: write what you want to ask."
    assert await app.store.runs() == []


async def test_slackbot_starts_nothing(app: App) -> None:
    app.server.world.users["USLACKBOT"] = replace(app.ann, id="USLACKBOT", name="slackbot")
    app.hall.members.append("USLACKBOT")
    await (await app.server.people.say("USLACKBOT", app.hall.id, "Reminder: tabs or spaces?", mention=True))
    await say(app, "a mention", "Milk first?")
    await read_start(app)
    assert [row.question for row in await app.store.runs()] == ["Milk first?"]


async def test_an_apps_message_is_read_from_its_blocks(app: App) -> None:
    talk = await app.server.people.say(app.ann.id, app.hall.id, "Failed", blocks=BLOCKS, bot_id="B77")
    await (await app.server.people.shortcut(app.ann.id, Ref(app.hall.id, talk.event["ts"]), "moot:ask_about"))
    row = await read_start(app)
    assert "run 7 (https://ci.example/7)" in row.question
    assert "by the pipeline" in row.question
    assert "Retry" not in row.question


PARTIAL: dict[str, tuple[Mapping[str, Any], str]] = {
    "the id of a file that is gone": (
        {"id": "F999", "file_access": "check_file_info"},
        "“file” lies in another workspace or is gone, so Slack does not show it to me: attach it here.",
    ),
    "no access": (
        {"id": "F1", "file_access": "access_denied"},
        "“file” lies in another workspace or is gone, so Slack does not show it to me: attach it here.",
    ),
    "deleted": ({"id": "F1", "mode": "tombstone"}, "“file” was deleted, which I cannot read: "),
    "hidden": ({"id": "F1", "mode": "hidden_by_limit", "name": None}, "“file” is hidden by the limit of this"),
    "external": (
        {"id": "F1", "name": "plan", "mode": "external", "is_external": True, "url_private": "https://docs.example/1"},
        "“plan” does not lie at Slack but at another service, which I cannot read: ",
    ),
    "a canvas": ({"id": "F1", "title": "Plan", "mode": "quip", "filetype": "quip"}, "“Plan” is a canvas, which"),
    "elsewhere": (
        {"id": "F1", "name": "a.txt", "size": 3, "url_private_download": "http://127.0.0.2:1/a.txt"},
        "“a.txt” could not be fetched: it does not lie at Slack. Attach it again, or leave it out.",
    ),
    "no address": ({"id": "F1", "name": "a.txt"}, "“a.txt” lies in another workspace or is gone"),
}


@pytest.mark.parametrize(("file", "told"), PARTIAL.values(), ids=PARTIAL)
async def test_a_file_that_is_not_whole_is_told_and_costs_nothing(app: App, file: Mapping[str, Any], told: str) -> None:
    await say(app, "a mention", "Well?", odd_files=[file])
    (answer,) = await app.read_ephemerals()
    assert answer.startswith(told)
    assert await app.store.runs() == []


async def test_a_file_that_slack_sends_by_its_id_is_looked_up(app: App) -> None:
    first = await app.server.people.say(app.ann.id, app.hall.id, "", files=[("notes.txt", b"Milk first.")])
    number = first.event["files"][0]["id"]
    await say(app, "a mention", "Well?", odd_files=[{"id": number, "file_access": "check_file_info"}])
    started = await read_start(app)
    assert "Milk first." in started.question


async def test_names_are_read_wherever_they_are_typed(app: App) -> None:
    bob = app.server.world.add_user(app.team.id, "bob")
    secret = app.server.world.add_channel(app.team.id, "secret", [bob.id], "private")
    typed = (
        f"<@{bob.id}> in <#{app.hall.id}> and <#{secret.id}|>: <https://wiki.example/1|our policy> &amp; "
        "<!here> <!date^1700000000^{date}|14 Nov> <mailto:a@b.example|a@b.example> <https://a.example>"
    )
    seen = (
        "@bob in #hall and #private-channel: our policy (https://wiki.example/1) & "
        "@here 14 Nov a@b.example https://a.example"
    )
    await app.ask(typed)
    await say(app, "a mention", typed)
    await wait_until(lambda: len(app.channel_messages()) >= 3)
    await app.wait_until_over()
    assert [row.question for row in await app.store.runs()] == [seen, seen]


async def test_an_id_that_is_not_ours_is_acknowledged(app: App) -> None:
    people, world = app.server.people, app.server.world
    button = {"type": "button", "action_id": "theirs", "text": {"type": "plain_text", "text": "x"}}
    talk = await people.say(
        app.ann.id, app.hall.id, "", blocks=[{"type": "actions", "block_id": "b", "elements": [button]}]
    )
    at = Ref(app.hall.id, talk.event["ts"])
    assert (await (await people.click(app.ann.id, at, "theirs"))).acknowledged_after_s is not None
    assert (await (await people.shortcut(app.ann.id, at, "theirs"))).acknowledged_after_s is not None
    assert world.ephemerals == []
    assert await app.store.runs() == []


async def test_a_bug_ends_in_a_sentence(app: App) -> None:
    with patch.object(InteractionHandler, "locate", side_effect=RuntimeError("a bug")):
        await app.ask()
        await say(app, "a mention", "Well?")
        for told in await app.read_ephemerals(2):
            assert told.startswith("Something went wrong on my side: ")
    assert await app.store.runs() == []


@pytest.mark.parametrize(
    ("command", "typed", "told"),
    [
        ("/debate", "tabs or spaces --roundz 3", "Did you mean --rounds?"),
        ("/council", "tabs or spaces --rounds 3", "`/debate` has"),
        ("/moot", "cots", "`/moot cost`"),
    ],
)
async def test_what_is_mistyped_is_told_to_its_writer_alone_and_starts_nothing(
    app: App, command: str, typed: str, told: str
) -> None:
    await app.ask(typed, command)
    (answer,) = await app.read_ephemerals()
    assert told in answer
    assert await app.store.runs() == []
    assert app.channel_messages() == []
