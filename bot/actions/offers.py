"""Offers: runs to whose price, and maybe format, their person must agree first. Every process knows all of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from bot.actions.permissions import Person
from bot.actions.request import RunRequest, change_format, decode_request, encode_request
from bot.domain.codec import Unreadable
from bot.domain.controls import Control, FormatRef
from bot.domain.costs import show_range
from bot.domain.run import CostRange, format_noun
from bot.errors import Refused
from bot.ports.offers import KeptOffer, OfferStore
from bot.settings.settings import MoneySettings
from bot.text import join_names

RUN_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read run ids to each other
START, CANCEL = Control("start", "Start"), Control("cancel", "Cancel")
GONE = (
    "This does not stand any more: you have asked something else since, it is too old by now, or another version of me "
    "has offered it. Ask again if you still wish."
)
# Where the database or the process went away just then, nothing may have begun.
STARTED_BEFORE = "This was started already; its board says how it goes. If no board comes, ask again."
CANCELLED = "Cancelled: nothing was asked, and nothing spent."
TAKEN = {START.action: STARTED_BEFORE, CANCEL.action: CANCELLED}  # what a second press is told


class OfferGone(Refused):
    """An offer does not stand any more; whoever shows it should take it away."""

    def __init__(self, why: str = GONE) -> None:
        super().__init__(why)


class MustAgree(Exception):
    """A run was not started: its person must agree to its price first. The text tells it, and what to press.

    `run`: the name of the offer. `price`: what is told of it alone. No run was stored, and nothing spent.
    """

    def __init__(self, run: str, price: str, remedy: str, controls: Sequence[Control]) -> None:
        super().__init__(f"{price}{remedy}")
        self.run = run
        self.price = price
        self.controls = controls


def make_run_id() -> str:
    return "".join(secrets.choice(RUN_ID_ALPHABET) for _ in range(8))


@dataclass(frozen=True, slots=True)
class Offer:
    """A request, and for each format in which it may begin the highest price that is likely, in US dollars."""

    request: RunRequest
    high_usd: Mapping[str, float]

    def choose(self, format: str) -> tuple[RunRequest, float]:
        """Return the request in a format that was offered, "" where there was no choice, and its price."""
        request = change_format(self.request, format or self.request.format)
        return request, self.high_usd[request.format]


class Offers:
    """The offers that stand: one of a person, each for an hour, each taken once."""

    def __init__(self, settings: MoneySettings, store: OfferStore) -> None:
        self._settings = settings
        self._store = store

    async def require_agreement(self, request: RunRequest, expected: CostRange, agreed_usd: float) -> None:
        """Raise MustAgree where a run may cost more than is set, and than its person has agreed to."""
        if expected.high_usd <= max(self._settings.ask_above_usd, agreed_usd):
            return
        named = f"This {format_noun(request.format)}"
        price = f"{named} is expected to cost {show_range(expected)}.{self._describe_end(expected)}"
        run = await self._put(request, {request.format: expected})
        raise MustAgree(run, price, " Nothing has been asked yet: press Start to begin it, or Cancel.", (START, CANCEL))

    async def require_choice(self, request: RunRequest, expected: Mapping[str, CostRange]) -> NoReturn:
        """Raise MustAgree, which lets the person choose a format; `expected`: the price of each."""
        dearest = max(expected.values(), key=lambda price: price.high_usd)
        lines = [f"- **{name.capitalize()}**: {show_range(price)}" for name, price in expected.items()]
        controls = [Control(START.action, name.capitalize(), FormatRef(name)) for name in expected]
        head = "\n".join(["What shall I start with this?", *lines])
        raise MustAgree(
            await self._put(request, expected),
            head,
            f"\n\nNothing has been asked or spent yet.{self._describe_end(dearest)}",
            controls,
        )

    async def take(self, run: str, by: Person, format: str = "", *, action: str = START.action) -> Offer:
        """Take an offer away and return it. Raises Refused where it is another person's, and OfferGone.

        `format`: one that was offered; "" where there was no choice. `action`: what it is taken for.
        """
        offer = _read_offer(await self._store.find_offer(run), by)
        if (format or offer.request.format) not in offer.high_usd:
            raise Refused(f"That was not offered: there was {join_names(list(offer.high_usd), 'or')}.")
        if await self._store.take_offer(run, action):
            return offer
        return await self.take(run, by, format, action=action)  # another press was first, and what it did is told

    async def put_back(self, run: str, offer: Offer) -> None:
        """Let an offer stand that could not be begun just now."""
        await self._store.put_back_offer(run, encode_request(offer.request))

    async def _put(self, request: RunRequest, expected: Mapping[str, CostRange]) -> str:
        """Keep an offer and return its name."""
        run = make_run_id()
        high_usd = {name: price.high_usd for name, price in expected.items()}
        await self._store.put_offer(run, KeptOffer(request.by.key, encode_request(request), high_usd))
        return run

    def _describe_end(self, expected: CostRange) -> str:
        """Say where a run would end, if it may reach the limit; else nothing."""
        if expected.high_usd <= self._settings.run_usd:
            return ""
        return f" At ${self._settings.run_usd:,.2f}, the most that a run may cost here, it ends with what it has."


def _read_offer(kept: KeptOffer | None, by: Person) -> Offer:
    """Return an offer that stands, and whose person presses. Raises Refused where they do not, and OfferGone."""
    if kept is None:
        raise OfferGone
    if kept.request is None:
        raise OfferGone(TAKEN.get(kept.taken, GONE))
    if kept.by != by.key:
        raise Refused("Only the one who has asked can start this, or cancel it.")
    try:
        return Offer(decode_request(kept.request, by), kept.high_usd)
    except Unreadable:  # a newer version has offered it
        raise OfferGone from None
