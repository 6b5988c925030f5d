"""A speaker that follows a script instead of asking models, for tests in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from bot.domain.asks import Ask
from bot.domain.run import Seat, Usage
from bot.domain.spending import NOBODY, Payer
from bot.models.deltas import Delta
from bot.models.errors import ProviderError

Step = str | float | asyncio.Event | Exception | Delta  # say this, wait (seconds, or until set), fail, or yield this


class ScriptedSpeaker:
    """A speaker whose every seat takes the steps of its line at each of its turns.

    `lines`: seat key, or model → its steps. A seat without a line says its key at once.
    """

    def __init__(self, lines: Mapping[str, Sequence[Step]] | None = None) -> None:
        self.lines = lines or {}
        self.asked: list[tuple[str, Ask]] = []
        self.speaking = 0

    def open_circuits(self) -> Mapping[str, float]:
        return {}

    async def speak(self, seat: Seat, ask: Ask, payer: Payer = NOBODY) -> AsyncGenerator[Delta, None]:
        self.asked.append((seat.key, ask))
        self.speaking += 1
        now = asyncio.get_running_loop().time
        try:
            for step in self.lines.get(seat.key) or self.lines.get(seat.model, [seat.key]):
                if isinstance(step, Exception):
                    raise step
                elif isinstance(step, Delta):
                    yield step
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield Delta(now(), text=step)
            yield Delta(now(), usage=Usage(3, 5, 0, "reported"))
        finally:
            self.speaking -= 1


def make_refusal() -> ProviderError:
    return ProviderError("key", "its key was refused")
