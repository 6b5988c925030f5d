"""`moot replay`: a run of the database, or of an events file, once more as it happened; `moot demo`: a packaged one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from adapters.terminal.player import play_frames
from bot.cli.console import CleanConsole, NotShown
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.records import read_showable, read_stored_run
from bot.domain.transcript import Transcript, fold_all
from bot.formats import FORMATS
from bot.records.events import read_events
from bot.records.record import RunRecord, make_record, read_record
from bot.records.replay import list_frames
from storage import open_store

DEMO = Path(__file__).with_name("demo.json")  # made by tests/support/demo_recording.py
DEMO_NOTE = "Scripted: answers, pace and prices were written for this demo; no model speaks."


async def replay_once(run: str, speed: float) -> int:
    """Show a run, `speed` times as quickly as it went on. `run`: its name, or the path of an events file."""
    is_file = await asyncio.to_thread(Path(run).is_file)
    record = read_showable(Path(run), read_events, "replayed") if is_file else await _read_record(run)
    await _play(record, speed)
    return OK


async def play_demo(speed: float) -> int:
    """Show the run that comes with Moot, and say that it is scripted. It needs no settings, no key and no database."""
    await _play(read_record(DEMO.read_text("utf-8")), speed, DEMO_NOTE)
    return OK


async def _play(record: RunRecord, speed: float, note: str = "") -> None:
    t = fold_all(Transcript(), record.entries)
    frames = list_frames(t.entries, record.snapshots, FORMATS[t.started.format], time.time())
    console = CleanConsole()
    await play_frames(t.started.question, frames, speed, console, note)
    if console.failure:
        raise NotShown(f"The output cannot be written: {console.failure}.")


async def _read_record(run: str) -> RunRecord:
    async with open_store(load_configuration().storage.location, clock=time.time, read_only=True) as store:
        t = await read_stored_run(store, run)
        return make_record(run, t, await store.snapshots(run))
