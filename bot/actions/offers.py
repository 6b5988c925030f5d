"""Offers: runs that may cost so much that their person must agree first. They are kept in memory alone."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.controls import Control
from bot.domain.costs import show_range
from bot.domain.run import CostRange
from bot.errors import Refused
from bot.ports import Clock
from bot.settings import MoneySettings

RUN_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read run ids to each other
START, CANCEL = Control("start", "Start"), Control("cancel", "Cancel")
OFFER_S = 3_600.0  # prices and panels change
MAX_OFFERS = 200
MAX_IMAGE_CHARS = 50_000_000  # of all offers together


class MustAgree(Exception):
    """A run was not started: its person must agree to its price first. The text tells it, and what to press.

    `run`: the name of the offer. `price`: the sentence on it alone. Nothing was stored or spent.
    """

    controls = (START, CANCEL)

    def __init__(self, run: str, price: str) -> None:
        super().__init__(f"{price} Nothing has been asked yet: press Start to begin it, or Cancel.")
        self.run = run
        self.price = price


def make_run_id() -> str:
    return "".join(secrets.choice(RUN_ID_ALPHABET) for _ in range(8))


@dataclass(frozen=True, slots=True)
class Offer:
    """A request, and the price in US dollars that its person was told as the highest that is likely."""

    request: RunRequest
    high_usd: float
    at: float

    @property
    def image_chars(self) -> int:
        return sum(len(image.data) for image in self.request.images)


class Offers:
    """The offers that stand: one of a person, each for an hour, each taken once."""

    def __init__(self, settings: MoneySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._offers: OrderedDict[str, Offer] = OrderedDict()  # the run's id → the offer, oldest first

    def require_agreement(self, request: RunRequest, expected: CostRange, agreed_usd: float) -> None:
        """Raise MustAgree where a run may cost more than is set, and than its person has agreed to."""
        if expected.high_usd <= max(self._settings.ask_above_usd, agreed_usd):
            return
        run = make_run_id()
        self._drop_for(request)
        self._offers[run] = Offer(request, expected.high_usd, self._clock())
        while len(self._offers) > MAX_OFFERS or self._count_image_chars() > MAX_IMAGE_CHARS:
            self._offers.popitem(last=False)
        price = f"This {request.format} is expected to cost {show_range(expected)}."
        if expected.high_usd > self._settings.run_usd:
            price += f" At ${self._settings.run_usd:,.2f}, the most that a run may cost here, it ends with what it has."
        raise MustAgree(run, price)

    def take(self, run: str, by: Person) -> Offer:
        """Take an offer away and return it. Raises Refused where it is another person's, or not there any more."""
        offer = self._offers.get(run)
        if offer is not None and offer.request.by.key != by.key:
            raise Refused("Only the one who has asked can start this, or cancel it.")
        if offer is None or self._clock() >= offer.at + OFFER_S:
            raise Refused("This was started or cancelled already, or is too old by now: ask again if you still wish.")
        return self._offers.pop(run)

    def put_back(self, run: str, offer: Offer) -> None:
        """Let an offer stand that could not be begun just now."""
        self._offers[run] = offer
        self._offers.move_to_end(run, last=False)

    def _drop_for(self, request: RunRequest) -> None:
        """Drop what the same person was offered before."""
        for run, offer in list(self._offers.items()):
            if offer.request.by.key == request.by.key:
                del self._offers[run]

    def _count_image_chars(self) -> int:
        return sum(offer.image_chars for offer in self._offers.values())
