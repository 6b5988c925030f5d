"""The parts of a seat's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from bot.domain.run import StandIn, Usage, WindowCut
from bot.models.errors import ProviderError

Ending = Literal["done", "length", "repeated"]
THINKING = "thinking"


class Switch(NamedTuple):
    """A substitute is asked from now on, as the model of that key cannot answer."""

    failed: str
    error: ProviderError
    stand_in: StandIn


@dataclass(frozen=True, slots=True)
class Delta:
    """One step of a stream. `at`: loop time (seconds) at which it left litellm.

    `notice` tells why nothing comes yet ("GPT: 2nd in line", "loading the model"), and is `THINKING` once it is asked;
    `usage` is that so far, a later one replaces it; `ending` comes with the last delta. `restarts`: all text before
    this delta was thinking. `cost_usd`: what the provider itself says, where it does. `switch`: all that comes next is
    another model's. `cut`: what the model is not shown. `loaded`: the turn waited for litellm to load, until now.
    """

    at: float
    text: str = ""
    thinking: str = ""
    notice: str = ""
    usage: Usage | None = None
    ending: Ending | None = None
    restarts: bool = False
    cost_usd: float | None = None
    switch: Switch | None = None
    cut: WindowCut | None = None
    loaded: bool = False
