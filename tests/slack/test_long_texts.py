"""What stands behind the buttons of reviews on Slack: reviews folded away, standings as a table, or plain text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack.long_texts import section_messages
from bot.formats.plan import Section
from tests.servers.model_server import answer
from tests.servers.slack import blocks
from tests.servers.slack.blocks import count_characters, find_faults
from tests.servers.slack.world import Message
from tests.support.discord_bot import RANKING, Moot
from tests.support.slack_messages import has_button
from tests.support.two_platforms import SlackHall, serve_both


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Moot, SlackHall]]:
    async with serve_both(tmp_path, monkeypatch) as served:
        yield served


async def hold_council(both: tuple[Moot, SlackHall]) -> tuple[SlackHall, Message]:
    """Hold a council of three whose answers are reviewed together; return its message of the reviews.

    On a slow machine an answer may come after the others' reviews have begun: then another council is held.
    """
    moot, hall = both
    while True:
        for seat in ("claude", "gpt", "gemini"):
            moot.script_model(seat, answer(f"{seat} answers."), RANKING, answer("In slices."))
        _, thread = await hall.finish_run("council", "Should we rewrite it?")
        reviews = next(m for m in thread if has_button(m, "full_texts"))
        if ", on " not in str(reviews.blocks):
            return hall, reviews


async def press_full_texts(hall: SlackHall, reviews: Message) -> list[list[dict[str, Any]]]:
    """Press both buttons of the reviews; return the blocks that each has shown."""
    ids = [e["action_id"] for b in reviews.blocks for e in b.get("elements", ()) if ":full_texts:" in e["action_id"]]
    for action_id in ids:
        await hall.press(reviews, action_id)
    return [notice.blocks for notice in hall.server.world.ephemerals[-len(ids) :]]


async def test_reviews_are_folded_away_and_standings_are_a_table(both: tuple[Moot, SlackHall]) -> None:
    texts, counted = await press_full_texts(*await hold_council(both))
    names = ["Claude", "GPT", "Gemini"]
    assert {(b["type"], b["title"]["text"]) for b in texts} == {("container", name) for name in names}
    assert all(b["default_collapsed"] and b["subtitle"]["text"].startswith("A is ") for b in texts)
    table, said = counted
    header, *rows, last = [[cell["text"] for cell in row] for row in table["rows"]]
    assert header[:2] == ["answer", "place"]
    assert {f"by {name}" for name in names} <= set(header)
    assert sorted(row[0] for row in rows) == sorted(names)
    assert all(row[header.index(f"by {row[0]}")].endswith(" (own)") for row in rows)
    assert last == ["how it was read", "–", *["strict"] * len(header[2:])]
    assert said["text"].startswith("3 ballots")


async def test_where_slack_takes_no_such_blocks_they_are_text_and_nobody_tries_again(
    both: tuple[Moot, SlackHall], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "KNOWN", blocks.KNOWN - {"container", "data_table"})
    refused: list[Sequence[str]] = []

    def find_faults(given: object, at_most: int = blocks.BLOCKS_A_MESSAGE) -> list[str]:
        faults = check(given, at_most)
        refused.extend([faults] if faults else [])
        return faults

    check = blocks.find_faults
    monkeypatch.setattr(blocks, "find_faults", find_faults)
    [texts], [counted] = await press_full_texts(*await hold_council(both))
    assert (texts["type"], counted["type"]) == ("markdown", "markdown")
    assert "**Claude** (A is " in texts["text"]
    assert "- **Claude**: " in counted["text"]
    assert len(refused) == 1  # and nobody tried again


def test_long_reviews_fit_slacks_limits_and_lose_nothing() -> None:
    words = " ".join(f"word{n}" for n in range(4_000))
    sections = [
        Section(words, "x" * 200, "y" * 200),
        Section("short", "GPT"),
        Section("- a: b", "T", rows=(("a", "b"),) * 2),
    ]
    messages = section_messages(sections)
    assert [find_faults(message) for message in messages] == [[]] * len(messages)
    assert all(count_characters(message) <= 13_200 for message in messages)
    read = " ".join(
        child["text"]["text"]
        for message in messages
        for block in message
        if block["type"] == "container" and block["title"]["text"].startswith("x")
        for child in block["child_blocks"]
    )
    assert read.split() == words.split()
