"""Links from a card to other messages of its thread."""

from __future__ import annotations

import pytest

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from adapters.terminal.dialect import TerminalDialect
from bot.domain.lane_links import link_lane, resolve_lane_links, without_lane_links
from bot.domain.run import LaneId
from bot.live.dialect import Dialect
from bot.live.one_page import OnePage
from bot.text import as_text

NAMES = ("Claude", "Llama.cpp", "a[b](c)", "gpt_4*o", "Ärger 見る")
ANSWER = LaneId("answer", 1, "my seat (1)")


def render(dialect: Dialect, name: str) -> str:
    return OnePage(dialect, 2_000).update(f"First: {link_lane(as_text(name), ANSWER)}.", final=True)[0].text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dialect", [DiscordDialect(), SlackMarkdown()])
def test_a_link_leads_to_the_message_of_its_lane_whatever_its_name(dialect: Dialect, name: str) -> None:
    text = resolve_lane_links(render(dialect, name), {ANSWER: "https://chat.example/1"})
    assert text.endswith("](https://chat.example/1).")
    assert "#answer" not in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dialect", [DiscordDialect(), SlackMarkdown()])
def test_a_link_to_a_message_that_is_not_there_is_its_label(dialect: Dialect, name: str) -> None:
    text = without_lane_links(render(dialect, name))
    assert "#" not in text
    assert "(" not in text.replace("](c", "").replace("\\(c", "").replace("(c)", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal_has_no_links_to_messages(name: str) -> None:
    assert "#answer" not in render(TerminalDialect(), name)


def test_other_links_stay_as_they_are() -> None:
    text = "[a](https://a.example/#b), [b](b#c) and [c](#c d)"
    assert resolve_lane_links(text, {}) == text
