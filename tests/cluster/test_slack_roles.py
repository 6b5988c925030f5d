"""A gateway and a worker on Slack's wire server, by Socket Mode: what the gateway hears, the worker conducts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from bot.domain.facts import RunFinished, RunStarted, SkipAsked, TurnEnded, VoteCast
from storage import SqlStore, open_store
from tests.servers.model_server import answer
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Message, Ref
from tests.support.postgres import make_database
from tests.support.processes import SEATS
from tests.support.several import SharedTown, open_shared_town
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.slack_messages import find_action, find_button, has_button
from tests.support.two_platforms import SlackHall

LONG = answer(*["word "] * 300, gap_s=0.05)  # 15 s


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[SharedTown, SlackHall]]:
    with make_database() as url:
        async with open_workspace() as (slack, team), open_shared_town(tmp_path, url) as town:
            slack.limits.set("chat.update", None)
            settings = make_settings(slack, team)
            given = {key: getattr(settings, key) for key in ("api_base", "direct_message_starts")}
            for key in ("bot_token", "app_token"):
                given[key] = getattr(settings, key).get_secret_value()
            given["mention_starts"] = "ask"
            town.change_settings(storage={"url": url}, slack=given)
            for role in ("worker", "gateway"):
                await town.start_role(role)
            ann = next(u for u in slack.world.users.values() if u.name == "ann")
            hall = next(c for c in slack.world.channels.values() if c.name == "hall")
            yield town, SlackHall(slack, ann, hall)


async def read_facts(town: SharedTown, kind: type[object]) -> list[Any]:
    """Return the facts of a kind of the only run, once there are some."""
    found: list[Any] = []

    async def are_there(store: SqlStore, run: str) -> bool:
        found[:] = [entry.fact for entry in await store.read(run) if isinstance(entry.fact, kind)]
        return bool(found)

    await town.wait_for_stored(are_there)
    return found


def read_shown(message: Message) -> str:
    """Return the text that people see: a stream's, or that of an edit's blocks."""
    return next((b["text"] for b in message.blocks if b["type"] == "markdown"), message.text)


async def test_a_council_is_skipped_in_and_voted_on_and_comes_to_its_end(both: tuple[SharedTown, SlackHall]) -> None:
    town, hall = both
    town.script_model("claude", LONG, answer("Claude concludes."))
    board = await hall.begin_run("council", "Tea or coffee?")
    await wait_until(lambda: any("word word" in m.text for m in hall.read_thread(board)))
    speaking = next(m for m in hall.read_thread(board) if "word word" in m.text)
    await hall.server.people.click(hall.ann.id, speaking, find_button(speaking, "skip"))
    thread = await hall.wait_for_end(board)
    assert len(await read_facts(town, SkipAsked)) == 1
    ends = {(fact.turn.stage, fact.turn.seat): fact.finish for fact in await read_facts(town, TurnEnded)}
    assert ends["answer", "claude"] == "skipped"
    assert len(await read_facts(town, RunFinished)) == 1
    card = next(m for m in thread if has_button(m, "more"))
    await hall.press(card, find_button(card, "vote"))
    [vote] = await read_facts(town, VoteCast)
    assert vote.by.endswith(hall.ann.id)


async def test_a_run_in_a_direct_message_streams_there(both: tuple[SharedTown, SlackHall]) -> None:
    town, hall = both
    for seat, name in SEATS.items():
        town.script_model(seat, answer(f"{name} ", "speaks.", gap_s=1.0))
    server = hall.server
    direct = server.world.im(hall.ann.id)
    await (await server.people.say(hall.ann.id, direct.id, "Tea or coffee?"))
    await read_facts(town, RunFinished)
    assert any(request.method == "chat.startStream" for request in server.requests)
    board = next(message for message in server.world.messages(direct.id) if message.user != hall.ann.id)

    def is_shown() -> bool:
        thread = server.world.messages(direct.id, board.ts)
        return {"Claude speaks.", "GPT speaks."} <= {line for m in thread for line in read_shown(m).splitlines()}

    await wait_until(is_shown)


async def replace_gateway(town: SharedTown, server: SlackServer) -> None:
    """Start another gateway, and kill the one that Slack has sent everything to until now."""
    gateway, sockets = town.processes[-1], server.sockets.count
    await town.start_role("gateway")
    gateway.send_signal(SIGKILL)
    await gateway.wait()
    await wait_until(lambda: server.sockets.count == sockets)


async def test_what_one_gateway_has_offered_another_one_starts_once(both: tuple[SharedTown, SlackHall]) -> None:
    town, hall = both
    server = hall.server
    await (await server.people.say(hall.ann.id, hall.channel.id, "Tea or coffee?", mention=True))
    await wait_until(lambda: bool(server.world.ephemerals))
    (notice,) = server.world.ephemerals
    await replace_gateway(town, server)
    start = find_action(notice, "start")
    for _ in range(2):
        await (await server.people.click_ephemeral(notice, start))
    assert [fact.question for fact in await read_facts(town, RunStarted)] == ["Tea or coffee?"]
    assert len(await read_facts(town, RunFinished)) == 1


async def test_the_form_about_a_message_may_be_sent_to_another_gateway(both: tuple[SharedTown, SlackHall]) -> None:
    town, hall = both
    people, views = hall.server.people, hall.server.world.views
    said = "Milk goes in first. " * 200
    talk = await people.say(hall.ann.id, hall.channel.id, said)
    await (await people.shortcut(hall.ann.id, Ref(hall.channel.id, talk.event["ts"]), "moot:send_to"))
    await wait_until(lambda: len(views) == 1)
    await replace_gateway(town, hall.server)
    await (await people.submit(hall.ann.id, next(iter(views)), {"model": "claude", "note": "Is it so?"}))
    (started,) = await read_facts(town, RunStarted)
    assert said.strip() in str(started)
    async with open_store(town.url, clock=time.time, read_only=True) as store:
        assert await store.documents("slack/quoted/") == {}
