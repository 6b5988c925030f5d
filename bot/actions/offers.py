"""Offers: runs to whose price, and maybe format, their person must agree first. They are kept in memory alone."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from bot.actions.permissions import Person
from bot.actions.request import RunRequest, change_format
from bot.domain.controls import Control, FormatRef
from bot.domain.costs import show_range
from bot.domain.run import CostRange, format_noun
from bot.errors import Refused
from bot.ports.process import Clock
from bot.settings.settings import MoneySettings
from bot.text import join_names

RUN_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read run ids to each other
START, CANCEL = Control("start", "Start"), Control("cancel", "Cancel")
OFFER_S = 3_600.0  # prices and panels change
MAX_OFFERS = 200
GONE = (
    "This does not stand any more: you have asked something else since, it is too old by now, another of my processes "
    "has offered it, or I was started anew. Ask again if you still wish."
)
STARTED_BEFORE = "This was started already; its board says how it goes."
CANCELLED = "Cancelled: nothing was asked, and nothing spent."
MAX_IMAGE_CHARS = 50_000_000  # of all offers together


class OfferGone(Refused):
    """An offer does not stand any more; whoever shows it should take it away."""

    def __init__(self, why: str = GONE) -> None:
        super().__init__(why)


class MustAgree(Exception):
    """A run was not started: its person must agree to its price first. The text tells it, and what to press.

    `run`: the name of the offer. `price`: what is told of it alone. Nothing was stored or spent.
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
    at: float

    def choose(self, format: str) -> tuple[RunRequest, float]:
        """Return the request in a format that was offered, "" where there was no choice, and its price."""
        request = change_format(self.request, format or self.request.format)
        return request, self.high_usd[request.format]

    @property
    def image_chars(self) -> int:
        return sum(len(image.data) for image in self.request.images)


class Offers:
    """The offers that stand: one of a person, each for an hour, each taken once."""

    def __init__(self, settings: MoneySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._offers: OrderedDict[str, Offer] = OrderedDict()  # the run's id → the offer, oldest first
        self._taken: OrderedDict[str, str] = OrderedDict()  # the run's id → what a second press on it is told

    def require_agreement(self, request: RunRequest, expected: CostRange, agreed_usd: float) -> None:
        """Raise MustAgree where a run may cost more than is set, and than its person has agreed to."""
        if expected.high_usd <= max(self._settings.ask_above_usd, agreed_usd):
            return
        named = f"This {format_noun(request.format)}"
        price = f"{named} is expected to cost {show_range(expected)}.{self._describe_end(expected)}"
        run = self._put(request, {request.format: expected})
        raise MustAgree(run, price, " Nothing has been asked yet: press Start to begin it, or Cancel.", (START, CANCEL))

    def require_choice(self, request: RunRequest, expected: Mapping[str, CostRange]) -> NoReturn:
        """Raise MustAgree, which lets the person choose a format; `expected`: the price of each."""
        dearest = max(expected.values(), key=lambda price: price.high_usd)
        lines = [f"- **{name.capitalize()}**: {show_range(price)}" for name, price in expected.items()]
        controls = [Control(START.action, name.capitalize(), FormatRef(name)) for name in expected]
        head = "\n".join(["What shall I start with this?", *lines])
        raise MustAgree(
            self._put(request, expected),
            head,
            f"\n\nNothing has been asked or spent yet.{self._describe_end(dearest)}",
            controls,
        )

    def take(self, run: str, by: Person, format: str = "", *, then: str = STARTED_BEFORE) -> Offer:
        """Take an offer away and return it. Raises Refused where it is another person's, and OfferGone.

        `format`: one that was offered; "" where there was no choice. `then`: what a second press on it is told.
        """
        offer = self._offers.get(run)
        if offer is not None and offer.request.by.key != by.key:
            raise Refused("Only the one who has asked can start this, or cancel it.")
        if offer is None or self._clock() >= offer.at + OFFER_S:
            raise OfferGone(self._taken.get(run, GONE))
        if (format or offer.request.format) not in offer.high_usd:
            raise Refused(f"That was not offered: there was {join_names(list(offer.high_usd), 'or')}.")
        self._taken[run] = then
        while len(self._taken) > MAX_OFFERS:
            self._taken.popitem(last=False)
        return self._offers.pop(run)

    def put_back(self, run: str, offer: Offer) -> None:
        """Let an offer stand that could not be begun just now."""
        self._offers[run] = offer
        self._offers.move_to_end(run, last=False)

    def _put(self, request: RunRequest, expected: Mapping[str, CostRange]) -> str:
        """Keep an offer and return its name."""
        run = make_run_id()
        self._drop_for(request)
        high_usd = {name: price.high_usd for name, price in expected.items()}
        self._offers[run] = Offer(request, high_usd, self._clock())
        while len(self._offers) > MAX_OFFERS or self._count_image_chars() > MAX_IMAGE_CHARS:
            self._offers.popitem(last=False)
        return run

    def _describe_end(self, expected: CostRange) -> str:
        """Say where a run would end, if it may reach the limit; else nothing."""
        if expected.high_usd <= self._settings.run_usd:
            return ""
        return f" At ${self._settings.run_usd:,.2f}, the most that a run may cost here, it ends with what it has."

    def _drop_for(self, request: RunRequest) -> None:
        """Drop what the same person was offered before."""
        for run, offer in list(self._offers.items()):
            if offer.request.by.key == request.by.key:
                del self._offers[run]

    def _count_image_chars(self) -> int:
        return sum(offer.image_chars for offer in self._offers.values())
