"""What the core needs of whoever keeps one count of a limit that several processes draw on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LOT_S = 2.0  # a lot may be spent for so long; what is left of it then is nobody's until the window has passed


@dataclass(frozen=True, slots=True)
class Use:
    """What a process has spent of a limit of so many requests in any `window_s`, and how many more it wants.

    `ends_s`: for each request that was answered, the seconds until it leaves the window. `flying`: requests under way.
    """

    limit: int
    window_s: float
    ends_s: Sequence[float]
    flying: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Requests that a process alone may send within `LOT_S`, `size` of them.

    `ends_s`: for each request of other processes, sent or still in a lot, the seconds until it leaves the window.
    """

    size: int
    ends_s: Sequence[float]


class Lots(Protocol):
    """Limits by name, of which processes draw lots: all lots and all that was sent are never more than the limit."""

    async def draw(self, uses: Mapping[str, Use]) -> Mapping[str, Lot]:
        """Report what was spent of limits, return the lots that this process had, and draw new ones.

        Raises StoreFailed.
        """
        ...
