"""What the core needs of a ledger: money is held before a call and settled after it, and costs are summed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.domain.spending import Asked, Balance, Payer


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, as it is billed: its name, who pays, when it began (wall seconds), and what was asked."""

    name: str
    payer: Payer
    at: float
    model: str


CostKey = Literal["day", "model", "format", "person"]  # what costs are summed up by


@dataclass(frozen=True, slots=True)
class CostRow:
    """What calls have cost together, in US dollars, and how long they took on average (seconds; None: unknown).

    `own_usd`: the part of it that servers have paid with keys of their own. `label`: of a person, what they go by.
    """

    name: str
    usd: float
    calls: int
    seconds: float | None
    own_usd: float = 0.0
    label: str = ""


class SpendingStore(Protocol):
    """What calls of models cost, and what is held for those that go on. A write that returned survives the process."""

    async def reserve(self, call: Call, caps: Sequence[int | None], asked: Asked) -> int:
        """Hold a price for a call against limits, in one step; return it, as `fit` does. Raises OverLimit.

        `caps`: in millionths of a dollar, one for each of `list_accounts`.
        """
        ...

    async def settle(self, call: Call, held: int, spent: int, seconds: float) -> None:
        """Replace what is held for a call by what it has cost."""
        ...

    async def balances(self, payer: Payer, at: float) -> list[Balance]:
        """Return the balances of the accounts of `list_accounts`."""
        ...


class CostStore(SpendingStore, Protocol):
    """A `SpendingStore` that sums up."""

    async def costs(self, key: CostKey, since: float, server: str | None = None) -> list[CostRow]:
        """Return what calls since then have cost, the dearest first; days (of UTC) the newest first.

        With a `server`, of that one only. What is not settled counts with what is held for it.
        """
        ...
