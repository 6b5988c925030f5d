"""The watchdog beside the loop: what hangs in a thread is interrupted, and the note names the right run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress

import pytest

from bot.concurrency import TookTooLong
from bot.engine.watchdog import Watchdog


class Note:
    """What was noted last."""

    found: Sequence[str] = ()
    report = ""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def write(self, runs: Iterable[str]) -> None:
        self.runs = list(runs)


async def test_what_hangs_in_a_thread_is_interrupted_even_where_it_swallows_errors() -> None:
    note = Note()

    def hang() -> None:
        with watchdog.watch("poisoned"):
            while True:
                with suppress(Exception):
                    sum(range(1_000))

    with Watchdog(note, held_s=0.01) as watchdog:
        with pytest.raises(TookTooLong, match="a thread"):
            await asyncio.to_thread(hang)
        assert not note.runs
        with watchdog.watch("another"):
            assert note.runs == ["another"]


async def test_the_note_names_all_that_is_worked_on() -> None:
    note = Note()
    begun, go = {run: threading.Event() for run in "ab"}, {run: threading.Event() for run in "ab"}

    def work(run: str) -> None:
        with watchdog.watch(run):
            begun[run].set()
            assert go[run].wait(60)

    async def begin(run: str) -> asyncio.Task[None]:
        task = asyncio.create_task(asyncio.to_thread(work, run))
        while not begun[run].is_set():
            await asyncio.sleep(0)
        return task

    with Watchdog(note) as watchdog:
        first = await begin("a")
        assert note.runs == ["a"]
        with watchdog.watch("loop"):
            assert note.runs == ["a", "loop"]
        with watchdog.watch("a"):
            assert note.runs == ["a"]  # once, or one death would be counted as two
        second = await begin("b")
        assert note.runs == ["a", "b"]
        with watchdog.watch("loop"):
            go["a"].set()
            await first
            assert note.runs == ["b", "loop"]
        assert note.runs == ["b"]  # the one that goes on is not forgotten with the one that ended
        go["b"].set()
        await second
        assert not note.runs
