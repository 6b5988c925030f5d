"""A model's client that replays answers, in place of all of `bot.models`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from benchmarks.discord.scenes import Line
from benchmarks.live.scenes import Answer, split_answer
from bot.domain.asks import Ask
from bot.domain.run import Seat, Usage
from bot.domain.spending import Payer
from bot.models.deltas import Delta


class Replaying:
    """A speaker that replays lines; `spoken` holds by seat what it said at what loop time."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self.spoken: dict[str, Answer] = {}
        self._lines = lines

    def open_circuits(self) -> Mapping[str, float]:
        return {}

    async def speak(self, seat: Seat, ask: Ask, payer: Payer) -> AsyncGenerator[Delta, None]:
        now = asyncio.get_running_loop().time
        line = self._lines[seat.key]
        start = now() + line.lead_s
        answer = Answer(line.run, seat.key, start, start + line.seconds, len(line.text))
        self.spoken[seat.key] = answer
        said = 0
        for at, chars, _ in split_answer(answer):
            await asyncio.sleep(at - now())
            yield Delta(now(), text=line.text[said : said + chars])
            said += chars
        yield Delta(now(), usage=Usage(20, said // 4, 0, "reported"))
