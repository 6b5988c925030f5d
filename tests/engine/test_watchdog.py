"""The watchdog beside the loop: what hangs in a thread is interrupted, and the note names the right run."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from bot.concurrency import TookTooLong
from bot.engine.watchdog import Watchdog


class Note:
    """What was noted last."""

    found = ""

    def __init__(self) -> None:
        self.run = ""

    def write(self, run: str) -> None:
        self.run = run


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
        assert note.run == ""
        with watchdog.watch("another"):
            assert note.run == "another"


async def test_the_note_names_what_the_loop_works_on_or_else_the_thread() -> None:
    note, begun, go = Note(), threading.Event(), threading.Event()

    def work() -> None:
        with watchdog.watch("aside"):
            begun.set()
            assert go.wait(60)

    with Watchdog(note) as watchdog:
        working = asyncio.create_task(asyncio.to_thread(work))
        while not begun.is_set():
            await asyncio.sleep(0)
        assert note.run == "aside"
        with watchdog.watch("loop"):
            assert note.run == "loop"
        assert note.run == "aside"
        with watchdog.watch("loop"):
            go.set()
            while not working.done():
                await asyncio.sleep(0)
            assert note.run == "loop"
        assert note.run == ""
