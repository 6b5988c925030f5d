"""What the core needs of whoever keeps offers: requests for runs that wait until their person agrees to a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.ports.store import Store

OFFER_S = 3_600.0  # an offer stands for so long: prices and panels change


@dataclass(frozen=True, slots=True)
class KeptOffer:
    """An offer as it is kept: who was asked, the request, and the highest price by format, in US dollars.

    `taken`: what it was taken for; "" while it stands. `request`: None once it is taken.
    """

    by: str
    request: Mapping[str, Any] | None
    high_usd: Mapping[str, float]
    taken: str = ""


class OfferStore(Protocol):
    """Offers by their names, one of a person, each for `OFFER_S`. A write that returned survives the process."""

    async def put_offer(self, name: str, offer: KeptOffer) -> None:
        """Keep an offer in place of what the same person was offered before; the oldest go where there is no room."""
        ...

    async def find_offer(self, name: str) -> KeptOffer | None:
        """Return an offer, also one that was taken; None where it is too old, or was replaced."""
        ...

    async def take_offer(self, name: str, taken: str) -> bool:
        """Let an offer's request go, and keep what it was taken for; False where it does not stand, or no more."""
        ...

    async def put_back_offer(self, name: str, request: Mapping[str, Any]) -> None:
        """Let an offer that was taken stand again, unless it was replaced meanwhile."""
        ...


class OfferingStore(Store, OfferStore, Protocol):
    """A store of runs, and of those that wait for their person."""
