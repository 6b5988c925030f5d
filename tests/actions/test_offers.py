"""Runs that may cost much: their person is asked first, and nothing is kept of them but in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.actions.offers import CANCELLED, MAX_IMAGE_CHARS, MAX_OFFERS, OFFER_S, MustAgree, OfferGone, Offers
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.controls import FormatRef
from bot.domain.run import CostRange, Image
from bot.errors import Refused
from bot.settings.settings import MoneySettings
from tests.support.clocks import ManualClock

PAT = Person("p", "Pat")
DEAR = CostRange(1.2, 3.4)


def ask(offers: Offers, by: Person = PAT, images: tuple[Image, ...] = ()) -> str:
    """Let a person be asked, and return the name of their offer."""
    with pytest.raises(MustAgree) as asked:
        offers.require_agreement(RunRequest("council", "Why?", by, images=images), DEAR, 0.0)
    return asked.value.run


@pytest.mark.parametrize(
    ("set_usd", "agreed_usd", "high_usd", "is_asked"),
    [
        (1.0, 0.0, 1.0, False),
        (1.0, 0.0, 1.01, True),
        (1.0, 3.0, 3.0, False),  # as they have agreed
        (1.0, 3.0, 3.1, True),  # it has become dearer meanwhile
        (0.0, 0.0, 0.0001, True),
        (0.0, 0.0, 0.0, False),  # free
        (float("inf"), 0.0, 1e9, False),
    ],
)
def test_people_are_asked_above_the_set_sum(set_usd: float, agreed_usd: float, high_usd: float, is_asked: bool) -> None:
    offers = Offers(MoneySettings(ask_above_usd=set_usd), ManualClock())
    request = RunRequest("council", "Why?", PAT)
    if is_asked:
        with pytest.raises(MustAgree):
            offers.require_agreement(request, CostRange(0.0, high_usd), agreed_usd)
    else:
        offers.require_agreement(request, CostRange(0.0, high_usd), agreed_usd)


def test_the_price_is_told_and_where_the_run_would_end() -> None:
    with pytest.raises(MustAgree) as asked:
        Offers(MoneySettings(run_usd=2.0), ManualClock()).require_agreement(RunRequest("council", "?", PAT), DEAR, 0.0)
    assert asked.value.price == (
        "This council is expected to cost about $1.20 to $3.40. At $2.00, the most that a run may cost here, it ends "
        "with what it has."
    )


def test_an_offer_is_taken_once_by_its_person_within_an_hour() -> None:
    clock = ManualClock()
    offers = Offers(MoneySettings(), clock)
    run = ask(offers)
    with pytest.raises(Refused, match="Only the one who has asked"):
        offers.take(run, Person("q", "Quin", moderator=True))
    assert offers.take(run, PAT).choose("")[1] == 3.4
    with pytest.raises(OfferGone, match="This was started already"):  # as by two taps on a slow line
        offers.take(run, PAT)
    run = ask(offers)
    offers.take(run, PAT, then=CANCELLED)
    with pytest.raises(OfferGone, match="Cancelled"):
        offers.take(run, PAT)
    run = ask(offers)
    clock.now += OFFER_S
    with pytest.raises(Refused, match="too old"):
        offers.take(run, PAT)


def test_a_later_offer_of_a_person_replaces_the_earlier_one() -> None:
    offers = Offers(MoneySettings(), ManualClock())
    first, second = ask(offers), ask(offers)
    with pytest.raises(Refused):
        offers.take(first, PAT)
    assert offers.take(second, PAT)


def test_ten_thousand_people_keep_no_more_offers_than_there_is_room_for() -> None:
    offers = Offers(MoneySettings(), ManualClock())
    people = [replace(PAT, key=f"p{n}") for n in range(10_000)]
    runs = [ask(offers, by) for by in people]
    with pytest.raises(Refused):
        offers.take(runs[-MAX_OFFERS - 1], people[-MAX_OFFERS - 1])
    assert offers.take(runs[-MAX_OFFERS], people[-MAX_OFFERS])


def test_pictures_of_offers_are_bounded_together() -> None:
    offers = Offers(MoneySettings(), ManualClock())
    picture = Image("a.png", "image/png", "A" * (MAX_IMAGE_CHARS // 2))
    people = [replace(PAT, key=f"p{n}") for n in range(3)]
    runs = [ask(offers, by, (picture,)) for by in people]
    with pytest.raises(Refused):
        offers.take(runs[0], people[0])
    assert offers.take(runs[1], people[1])


def test_a_choice_is_made_among_what_was_offered_and_each_has_its_price() -> None:
    offers = Offers(MoneySettings(run_usd=2.0), ManualClock())
    asked_for = RunRequest("debate", "Why?", PAT, rounds=2)
    with pytest.raises(MustAgree) as asked:
        offers.require_choice(asked_for, {"council": DEAR, "compare": CostRange(0.01, 0.02)})
    assert str(asked.value) == (
        "What shall I start with this?\n- **Council**: about $1.20 to $3.40\n- **Compare**: about $0.010 to $0.020\n\n"
        "Nothing has been asked or spent yet. At $2.00, the most that a run may cost here, it ends with what it has."
    )
    assert [(c.label, c.about) for c in asked.value.controls] == [
        ("Council", FormatRef("council")),
        ("Compare", FormatRef("compare")),
    ]
    run = asked.value.run
    for forged in ("debate", "pipeline", ""):
        with pytest.raises(Refused, match="there was council or compare"):
            offers.take(run, PAT, forged)
    with pytest.raises(Refused, match="Only the one who has asked"):
        offers.take(run, Person("q", "Quin"), "compare")
    request, agreed_usd = offers.take(run, PAT, "compare").choose("compare")
    assert (request.format, request.rounds, request.question, agreed_usd) == ("compare", None, "Why?", 0.02)
    with pytest.raises(Refused, match="started already"):
        offers.take(run, PAT, "council")
