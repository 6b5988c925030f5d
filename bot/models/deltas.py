"""The parts of a seat's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.domain.run import Usage

Ending = Literal["done", "length", "repeated"]


@dataclass(frozen=True, slots=True)
class Delta:
    """One step of a stream. `at`: loop time (seconds) at which it left litellm.

    `notice` tells why nothing comes yet ("second in the queue", "loading the model", "trying again in 4 s:
    rate limit"); `usage` is that so far, a later one replaces it; `ending` comes with the last delta. `restarts`: all
    text before this delta was thinking. `cost_usd`: what the provider itself says, where it does.
    """

    at: float
    text: str = ""
    thinking: str = ""
    notice: str = ""
    usage: Usage | None = None
    ending: Ending | None = None
    restarts: bool = False
    cost_usd: float | None = None
