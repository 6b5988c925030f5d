"""Pictures of threads: what the wire servers hold is drawn, and a browser takes it at a phone's width."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.domain.controls import Control, SeatRef
from bot.domain.run import LaneId
from bot.ports.surface import Message
from tests.servers.slack.world import Message as SlackMessage
from tests.support.pictures.browser import ABSENT, CHROMIUM, open_browser
from tests.support.pictures.discord_look import draw_discord
from tests.support.pictures.scenes import open_stage
from tests.support.pictures.slack_look import draw_slack

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack.layout import build_payload

WIDTH = 390  # pixels, a phone's


def make_page() -> str:
    """Return the page of a thread with one end card."""
    vote = Control("vote", "👍 Ada", SeatRef("ada"))
    end = Message(LaneId("end", 1, ""), 0, "end", "Result", "**Tabs** win.", True, (vote,))
    built = build_payload(end, "r1", with_title=True)
    board = SlackMessage("C1", "1.0", "U1", 0.0, "*Tabs* or spaces?")
    card = SlackMessage("C1", "1.1", "U1", 0.0, built["text"], built["blocks"])
    return draw_slack(board, [card], {}, width=WIDTH)


def test_a_thread_is_drawn_with_its_markdown_and_buttons() -> None:
    page = make_page()
    assert "<strong>Tabs</strong> or spaces?" in page
    assert "<strong>Tabs</strong> win." in page
    assert '<span class="button primary">👍 Ada</span>' in page


@pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)
async def test_a_picture_has_the_width_of_a_phone_and_the_height_of_its_page() -> None:
    async with open_browser() as browser:
        low = await browser.take_picture("<body style='margin: 0'><p style='height: 100px'>", width=WIDTH)
        high = await browser.take_picture(make_page() + "<p style='height: 2000px'>", width=WIDTH)
    sizes = [struct.unpack(">II", picture[16:24]) for picture in (low, high)]
    assert [width for width, _ in sizes] == [WIDTH, WIDTH]
    assert sizes[0][1] < 2_000 < sizes[1][1]


LINES = """[...document.querySelectorAll('.thread .message')].map(message => {
  const walker = document.createTreeWalker(message, NodeFilter.SHOW_TEXT), middles = []
  while (walker.nextNode()) {
    if (walker.currentNode.parentElement.closest('.button, .name, .app, .face')) continue
    const range = document.createRange()
    range.selectNodeContents(walker.currentNode)
    for (const box of range.getClientRects()) if (box.width > 1) middles.push(box.y + box.height / 2)
  }
  return middles
})"""  # the height of each piece of text, by message, without names and buttons
MOST_LINES = 16  # besides answers and synthesis
LINE_GAP = 9.0  # pixels; pieces of one line that differ in size lie closer


def count_lines(middles: list[float]) -> int:
    return sum(low - high > LINE_GAP for high, low in pairwise([-LINE_GAP * 2, *sorted(middles)]))


async def draw_whole(play: Callable[[str], Awaitable[Any]], draw: Callable[..., str]) -> str:
    """Draw a council whose answers are reviewed together; on a slow machine one may be late, and another is held."""
    while ", on " in (page := draw(*await play("council"), {}, width=WIDTH)):
        pass
    return page


@pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)
async def test_a_council_of_three_takes_few_lines_besides_answers_and_synthesis(tmp_path: Path) -> None:
    async with open_browser() as browser, open_stage(tmp_path) as stage:
        for page in (
            await draw_whole(stage.play_on_discord, draw_discord),
            await draw_whole(stage.play_on_slack, draw_slack),
        ):
            await browser.take_picture(page, width=WIDTH)
            *_, reviews, synthesis, end = map(count_lines, await browser.run(LINES))
            assert synthesis > 5
            assert reviews + end <= MOST_LINES
