"""What people of a run are not to know at once, as its starter wishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reveal = Literal["live", "together", "staggered", "demand"]  # when people read what is said


@dataclass(frozen=True, slots=True)
class Veil:
    """What people do not know at once. `reveal`: when they read what is said. `blind`: seats are speakers with a letter
    until the vote has closed. `guess`: people guess meanwhile who is who."""

    reveal: Reveal = "live"
    blind: bool = False
    guess: bool = False


LIVE = Veil()  # nothing is hidden
