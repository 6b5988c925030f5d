"""Calls of providers as they end, for whoever counts or traces them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from bot.domain.run import Usage
from bot.models.catalogue import Model
from bot.models.errors import Kind, ProviderError
from bot.models.transforms import Deltas

Outcome = Kind | Literal["answered", "closed"]  # closed: nobody wanted the rest of it any more


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One call of a provider, with its times in loop seconds.

    `first_at`: its first text or thinking; None: none came. `retries`: the kind of error after which it was made; None:
    it was the first try. `usage`: as the provider reports it; None: it did not.
    """

    run: str
    seat: str
    model: Model
    began: float
    ended: float
    outcome: Outcome
    first_at: float | None = None
    retries: Kind | None = None
    usage: Usage | None = None


ObserveCall = Callable[[ProviderCall], None]


def ignore_call(call: ProviderCall) -> None:
    """Observe nothing."""


async def observe_stream(
    deltas: Deltas, observe: ObserveCall, run: str, seat: str, model: Model, retries: Kind | None
) -> Deltas:
    """Yield the deltas of one call, and report it once it has ended, however it does."""
    now = asyncio.get_running_loop().time
    began, first_at, usage = now(), None, None
    outcome: Outcome = "closed"
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                if first_at is None and (delta.text or delta.thinking):
                    first_at = delta.at
                usage = delta.usage or usage
                outcome = "answered" if delta.ending else outcome  # whoever reads it stops there
                yield delta
    except ProviderError as error:
        outcome = error.kind
        raise
    finally:
        observe(ProviderCall(run, seat, model, began, now(), outcome, first_at, retries, usage))
