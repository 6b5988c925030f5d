"""SIGKILL, again and again: each kill is aimed at a moment from outside, by what the platforms and models see."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Literal

from benchmarks.chaos.wire import Aim, Fresh, World

# start: before any platform has heard from it; random: at any moment after that
Class = Literal[
    "streaming", "fact and post", "taken and stored", "ballot", "chair", "fact and answer", "start", "random"
]
AIMED: dict[Class, Aim] = {
    "streaming": "stream",
    "fact and post": "lost",
    "taken and stored": "taken",
    "ballot": "ballot",
    "chair": "chair",
    "fact and answer": "unanswered",
}
SHARES: dict[Class, float] = {  # of all kills; the rest is at random
    "streaming": 0.14,
    "fact and post": 0.14,
    "taken and stored": 0.14,
    "ballot": 0.13,
    "chair": 0.13,
    "fact and answer": 0.06,
    "start": 0.08,
}
WAITS_S = 90.0  # for the moment that was aimed at; then the bot is killed anyway
LIVES_S = (0.3, 3.0)  # from being ready to the beginning of the aim
PASSES = 3  # at most so many such moments pass before the kill


def plan_kills(kills: int, dice: Random) -> list[Class]:
    """Return the classes of the kills in order, each at least once where there are enough."""
    counts = {kind: max(1, round(share * kills)) for kind, share in SHARES.items()}
    once = list(counts)
    drawn = [*once, *(kind for kind in once for _ in range(counts[kind] - 1))][:kills]
    drawn += ["random"] * (kills - len(drawn))
    dice.shuffle(drawn)
    return drawn


@dataclass
class Killer:
    """A killer of the bot: `done` counts the kills by class; `fresh` holds the wait of each restart and platform."""

    world: World
    dice: Random
    done: Counter[Class] = field(default_factory=Counter)
    fresh: list[tuple[str, Fresh]] = field(default_factory=list)
    ended_by_itself: list[str] = field(default_factory=list)
    _aim: Aim | None = None
    _passes: int = 0
    _hit: asyncio.Event = field(default_factory=asyncio.Event)

    async def kill(self, classes: list[Class]) -> None:
        """Kill the bot once for each class; start it before each kill, and after the last one."""
        self.world.on_moment = self._notice
        pending = deque(classes)
        while pending:
            kind = pending.popleft()
            try:
                hit = await self._kill_once(kind)
            except RuntimeError as error:
                self.ended_by_itself.append(str(error))
                continue
            self.done[kind if hit else "random"] += 1
            if not hit and "random" in pending:  # this one was at random, so another one is aimed instead
                pending.remove("random")
                pending.append(kind)
        await self._start_bot()

    async def _kill_once(self, kind: Class) -> bool:
        """Start the bot and kill it; return whether that was in the moment that was aimed at."""
        bot, dice = self.world.bot, self.dice
        if kind == "start":
            usual = median(bot.ready_after_s or [2.0])
            bot.spawn()
            await asyncio.sleep(dice.uniform(0.0, usual))
            self._kill_now()
            hit = True
        else:
            await self._start_bot()
            await asyncio.sleep(dice.uniform(*LIVES_S))
            hit = await self._wait_for(AIMED[kind]) if kind in AIMED else True
            self._kill_now()
        await bot.wait_until_gone()
        # A session that can be resumed would keep every event, for each dead bot.
        self.world.discord.server.hub.gateway.drop(resume=False)
        return hit

    async def _start_bot(self) -> None:
        self.world.bot.spawn()
        await self.world.bot.wait_until_ready()

    async def _wait_for(self, aim: Aim) -> bool:
        self._hit.clear()
        self._aim, self._passes = aim, self.dice.randint(0, PASSES)
        if aim in ("lost", "unanswered"):
            self._passes = 0
            self.world.lose_next("lost" if aim == "lost" else "unanswered")
        try:
            async with asyncio.timeout(WAITS_S):
                await self._hit.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self._aim = None
            self.world.heal()

    def _notice(self, aim: Aim) -> None:
        """Kill at once where this is the moment, before the bot can hear of it."""
        if aim != self._aim:
            return
        if self._passes:
            self._passes -= 1
            return
        self._aim = None
        self._kill_now()
        self._hit.set()

    def _kill_now(self) -> None:
        if self.world.bot.kill():
            self.fresh += self.world.fresh.items()
            self.world.forget_texts()
