"""The two best answers of a council as cards on its end card on Slack, or in its text where Slack takes none."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from structlog.testing import capture_logs

from adapters.slack.api import Api
from adapters.slack.layout import card_block
from adapters.slack.places import Places
from adapters.slack.surface import SlackSurface
from adapters.slack.workspaces import Workspaces
from bot.domain.answer_cards import AnswerCard
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.ports.surface import Kind, Message
from tests.servers.slack import SlackServer, blocks
from tests.servers.slack.blocks import find_faults
from tests.servers.slack.world import Message as Posted
from tests.support.slack_app import App, open_workspace
from tests.support.slack_messages import read_text
from tests.support.stores import MemoryStore

BOARD, END = LaneId("board", 1, ""), LaneId("end", 1, "")
ADA, BOB = LaneId("answer", 1, "ada"), LaneId("answer", 1, "bob")
SAID = ("**Ranked first by the models:** [Ada](#answer/1/ada).", "> Tabs, damn.")
BEST = (
    AnswerCard(ADA, "Ada", "ranked first", "Tabs, damn.", SAID),
    AnswerCard(BOB, "Bob", "ranked second", "Spaces."),
)
RESULT = f"**Chair:** Tabs.\n\n{SAID[0]}\n\n> Tabs, ████.\n\nThe models all agreed.\n\n12 s"


def make_message(lane: LaneId, kind: Kind, text: str, answers: tuple[AnswerCard, ...] = ()) -> Message:
    return Message(lane, 0, kind, lane.seat.capitalize() or "Result", text, True, answers=answers)


@asynccontextmanager
async def open_thread() -> AsyncIterator[tuple[SlackServer, SlackSurface]]:
    """Open a run in a channel, with its board and two answers."""
    async with open_workspace() as (server, team), aiohttp.ClientSession() as session:
        api = Api(session, server.api_base)
        workspaces = Workspaces(api, team.bot_token, None)
        words = WordFilter(["damn"])
        places = Places(MemoryStore(time.time), api, workspaces, lambda server: words, time.time, listen=False)
        at = await workspaces.find_only()
        hall = next(channel for channel in server.world.channels.values() if channel.name == "hall")
        surface = places.create("run", at, at.server, hall.id, "", "U1", None)
        await surface.post(make_message(BOARD, "board", "tabs?"))
        await surface.post(make_message(ADA, "turn", "Tabs, ████. They are narrow."))
        await surface.post(make_message(BOB, "turn", "Spaces. They are wide."))
        yield server, surface


def last_message(server: SlackServer) -> Posted:
    return max(server.world.posts.values(), key=lambda m: m.ts)


async def test_the_two_best_answers_are_cards_that_lead_to_them() -> None:
    async with open_thread() as (server, surface):
        await surface.post(make_message(END, "end", RESULT, BEST))
        end = last_message(server)
        first, second = [b for b in end.blocks if b["type"] == "card"]
        read = [[card[part]["text"] for part in ("title", "body")] for card in (first, second)]
        assert read == [["Ada · ranked first", "Tabs, ████."], ["Bob · ranked second", "Spaces."]]
        ada = next(m for m in server.world.posts.values() if m.username == "Ada")
        address = first["actions"][0]["url"]
        assert f"/p{ada.ts.replace('.', '')}?thread_ts=" in address
        assert "&cid=" in address
        assert read_text(end) == "**Result**\n\n**Chair:** Tabs.\n\nThe models all agreed.\n\n12 s"


async def test_where_slack_takes_no_cards_the_first_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "KNOWN", blocks.KNOWN - {"card"})
    async with open_thread() as (server, surface):
        for _ in range(2):
            await surface.post(make_message(END, "end", RESULT, BEST))
            end = last_message(server)
            assert [b["type"] for b in end.blocks] == ["markdown"]
            assert "> Tabs, ████." in read_text(end)
        assert [r.error for r in server.requests if r.error] == ["invalid_blocks"]


def test_a_card_fits_slacks_limits_whatever_a_seat_is_called() -> None:
    card = AnswerCard(ADA, "&" * 300, "ranked first", "*<@U1>* " + "&" * 70)
    block = card_block(card, "https://acme.slack.com/archives/C1/p1?thread_ts=1.1&cid=C1")
    assert find_faults([block]) == []
    assert blocks.mentions("", [block], []) == ()
    assert "actions" not in card_block(card, "")


async def test_the_press_of_a_link_is_nothing_to_wonder_at(app: App) -> None:
    block = card_block(BEST[0], "https://acme.slack.com/archives/C1/p1")
    shown = Posted(app.hall.id, app.server.world.ts(), app.team.bot_user, 0.0, "Result", [{"block_id": "b", **block}])
    shown.bot_id = app.team.bot_id
    app.server.world.put(shown)
    with capture_logs() as logs:
        await (await app.server.people.click(app.ann.id, shown, "link:answer/1/ada"))
    assert [entry["event"] for entry in logs if "none of ours" in entry["event"]] == []
    assert app.server.world.ephemerals == []
