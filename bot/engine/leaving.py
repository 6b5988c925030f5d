"""The leave that a process takes of its runs before it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.domain.transcript import Transcript
from bot.engine.conductor import Conductor

LAST_WORDS_S = 3.0  # to show the boards of runs that are handed over
RESTARTING = "Moot is restarting; this goes on by itself."

Running = Mapping[str, asyncio.Task[Transcript]]


async def take_leave(conductors: Mapping[str, Conductor], running: Running, grace_s: float) -> None:
    """Let runs end for so many seconds, have the boards of the others say that they go on, and leave these."""
    for conductor in conductors.values():
        conductor.stay("until its end")
    await wait_for_runs(running, grace_s)
    for conductor in conductors.values():
        if not conductor.transcript.is_over:
            conductor.note(RESTARTING)
        conductor.stay("no longer")
    await wait_for_runs(running, LAST_WORDS_S)
    for task in running.values():
        task.cancel()


async def wait_for_runs(running: Running, seconds: float | None) -> None:
    """Wait until no run goes on here, or for so many seconds."""
    if running:
        await asyncio.wait(running.values(), timeout=seconds)
