"""Long texts are read in a thread: the same is shown as without, nothing that is gone, and the loop goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from benchmarks.hostile.texts import PLAIN, UNITS
from bot.concurrency import TookTooLong
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.engine.trace import NoTrace
from bot.live import reader
from bot.live.budget import Budgets, TokenBucket
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.live.pages import Pages
from bot.live.reader import HEAVY, MARK, PageReader
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.surface import Page, Paginator
from tests.support.markdown_strategies import markdown, prefixes
from tests.support.surfaces import Place, Platform, WholeText
from tests.support.virtual_time import in_virtual_time, run_virtual

LONG = PLAIN * 1_000


def key(seat: int) -> LaneId:
    return LaneId("answer", 1, f"{seat}")


@asynccontextmanager
async def show(broken: list[Exception] | None = None) -> AsyncIterator[Display]:
    budgets = Budgets(lambda name, started: TokenBucket(100, 100), asyncio.get_running_loop().time())
    async with Scheduler(budgets) as scheduler:
        yield Display(scheduler, trace=NoTrace(), on_broken=(broken if broken is not None else []).append)


class Gate:
    """A paginator whose long texts wait in a thread until they may go on."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.at_once, self.most = 0, 0
        self.threads: set[int] = set()

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        if threading.current_thread() is not threading.main_thread():
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.begun.set()
            assert self.go.wait(60)
            self.at_once -= 1
        return WholeText().update(text, final=final, footer=footer)

    async def wait_until_begun(self) -> None:
        while not self.begun.is_set():
            await asyncio.sleep(0)


@given(prefixes(markdown()), st.integers(60, 600))
def test_it_reads_what_its_paginator_reads_and_each_text_once(prefixes: list[str], limit: int) -> None:
    def make() -> Pages:
        return Pages(DiscordDialect(), limit)

    direct, read = make(), PageReader(make())
    for final, text in [*((False, text) for text in prefixes), (True, prefixes[-1])]:
        pages = direct.update(text, final=final, footer="6.1 s")
        assert list(read.read(text, final, "6.1 s")) == list(pages)
        assert read.read(text, final, "6.1 s") is read.read(text, final, "6.1 s")
        assert not read.is_heavy(text, final, "6.1 s")


@pytest.mark.parametrize(
    ("before", "text", "final", "heavy"),
    [
        ("", "a\n" * 100, False, False),
        ("", "a" * HEAVY, False, False),
        ("", "a" * (HEAVY + 1), False, True),
        ("", "*" * (HEAVY // MARK), False, True),
        ("a b\n" * 10_000, "a b\n" * 10_000 + "more", False, True),  # a mark in every fourth place
        ("plain words\n\n" * 10_000, "plain words\n\n" * 10_000 + "more", False, True),
        (f"{PLAIN}\n" * 5_000, f"{PLAIN}\n" * 5_001, False, False),
        ("a" * 20_000, "a" * 20_001, False, True),  # one line
        ("a\n" + "a" * 20_000, "another", False, False),
        ("a" * 20_000, "b" * 20_000, False, True),
        ("a" * 20_000, "a" * 20_000, True, True),
    ],
)  # fmt: skip
def test_what_is_heavy(before: str, text: str, final: bool, heavy: bool) -> None:
    read = PageReader(WholeText())
    read.read(before, False, "")
    assert read.is_heavy(text, final, "") == heavy


def make_both() -> list[Callable[[], Paginator]]:
    words = WordFilter(("newt", "bad word", "worse*"))
    return [
        lambda: FilteredPages(OnePage(DiscordDialect(), 3_800), words),
        lambda: FilteredPages(Pages(SlackMarkdown(), 2_000, most=3), words),
    ]


@pytest.mark.parametrize("kind", UNITS)
def test_what_a_thread_reads_is_shown_as_it_would_be_without(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (UNITS[kind] * 9_000)[:9_000]

    async def play(pages: Callable[[], Paginator]) -> list[list[str]]:
        place = Place(Platform(), posts=["posts"], edits=["edits"], pages=pages)
        async with show() as display:
            display.attach(place)
            lane = display.open(key(0), "0", kind="turn", placeholder="…")
            for begin, end in ((0, 300), (300, 8_500), (8_500, 9_000)):
                lane.add(text[begin:end])
                await asyncio.sleep(1)
            lane.close(footer="6.1 s")
            await display.wait_until_caught_up()
            display.close()
        return [[message.text for message in said] for said in place.history.values()]

    for pages in make_both():
        monkeypatch.setattr(reader, "HEAVY", 10**9)
        direct = run_virtual(play(pages))
        monkeypatch.setattr(reader, "HEAVY", HEAVY)
        assert run_virtual(play(pages)) == direct


@in_virtual_time
async def test_a_text_that_goes_on_growing_is_shown_as_far_as_it_was_read() -> None:
    gate = Gate()
    place = Place(Platform(), pages=lambda: gate)
    async with show() as display:
        display.attach(place)
        lane = display.open(key(0), "0", kind="turn", placeholder="…")
        lane.add(LONG)
        await gate.wait_until_begun()
        lane.add(LONG)
        gate.go.set()
        await asyncio.sleep(1)
        lane.close()
        await display.wait_until_caught_up()
    [said] = place.history.values()
    assert [message.text for message in said if message.text != "…"] == [LONG, LONG * 2, LONG * 2]


@pytest.mark.parametrize("then", ["withdraw", "rewrite", "restart"])
@in_virtual_time
async def test_what_is_gone_when_it_has_been_read_is_not_shown(then: str) -> None:
    gate = Gate()
    place = Place(Platform(), pages=lambda: gate)
    async with show() as display:
        display.attach(place)
        lane = display.open(key(0), "0", kind="turn", placeholder="…")
        lane.add(LONG)
        await gate.wait_until_begun()
        match then:
            case "withdraw":
                lane.withdraw()
            case "rewrite":
                lane.rewrite("Removed.", "")
            case _:
                lane.restart("")
        gate.go.set()
        lane.close("Removed.")
        await display.wait_until_caught_up()
    assert not any(LONG in message.text for said in place.history.values() for message in said)
    assert place.read_texts() == [(key(0), "Removed.")]


@in_virtual_time
async def test_one_thread_reads_at_a_time_and_short_texts_do_not_wait_for_it() -> None:
    gate = Gate()
    place = Place(Platform(round_trip_s=0.0), pages=lambda: gate)
    async with show() as display:
        display.attach(place)
        lanes = [display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(4)]
        for lane in lanes[1:]:
            lane.close(LONG)
        await gate.wait_until_begun()
        lanes[0].close("short")
        while (key(0), "short") not in place.read_texts():
            await asyncio.sleep(0)
        gate.go.set()
        await display.wait_until_caught_up()
    assert place.read_texts() == [(key(0), "short"), *((key(n), LONG) for n in range(1, 4))]
    assert gate.most == 1


@in_virtual_time
async def test_leaving_does_not_wait_for_the_thread_and_leaves_no_task() -> None:
    gate = Gate()
    place = Place(Platform(), pages=lambda: gate)
    async with show() as display:
        display.attach(place)
        display.open(key(0), "0", kind="turn", placeholder="…").add(LONG)
        await gate.wait_until_begun()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gate.go.set()


@pytest.mark.parametrize("error", [ZeroDivisionError("planted"), TookTooLong("it held a thread")])
@in_virtual_time
async def test_a_bug_in_the_thread_ends_that_lane_alone(error: Exception) -> None:
    class Broken(WholeText):
        def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
            if text == LONG:
                raise error
            return super().update(text, final=final, footer=footer)

    broken: list[Exception] = []
    place = Place(Platform(), pages=Broken)
    async with show(broken) as display:
        display.attach(place)
        lanes = [display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(2)]
        for lane, text in zip(lanes, (LONG, "words"), strict=True):
            lane.close(text)
        await display.wait_until_caught_up()
    assert broken == [error]
    assert place.read_texts()[-1] == (key(1), "words")
