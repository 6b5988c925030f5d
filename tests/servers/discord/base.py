"""The base of a script's parts, and the handle of an interaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from tests.servers.discord.faults import Faults
from tests.servers.discord.hub import Hub
from tests.servers.discord.interactions import Answer, Pending
from tests.servers.discord.routing import Router


class Base:
    """The base of a script's parts; the server that is scripted sets its attributes."""

    hub: Hub
    faults: Faults
    router: Router

    async def _wait_for_answer(self, pending: Pending, timeout_s: float) -> Answer:
        async with asyncio.timeout(timeout_s):
            await pending.answered.wait()
        return pending.answer


class _AnswerSource(Protocol):
    def answer(self, interaction: int, timeout_s: float = 30.0) -> Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Interaction:
    """The handle of an interaction that a person has started."""

    id: int
    _script: _AnswerSource = field(repr=False, compare=False)

    async def answer(self, timeout_s: float = 30.0) -> Answer:
        """Wait until the interaction is acknowledged, and return what its person sees now.

        Raises TimeoutError after `timeout_s`.
        """
        return await self._script.answer(self.id, timeout_s)
