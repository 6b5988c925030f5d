"""Runs that may cost much: their person is asked first, and any process may hear the answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.actions.offers import CANCEL, CANCELLED, GONE, STARTED_BEFORE, MustAgree, Offer, OfferGone, Offers
from bot.actions.permissions import Person
from bot.actions.request import RunRequest, decode_request, encode_request
from bot.domain.codec import Unreadable
from bot.domain.controls import FormatRef
from bot.domain.run import CostRange, DebateRules, Earlier, Image, Origin, Step, TurnId, Visibility
from bot.errors import MaybeStored, Refused, StoreFailed
from bot.ports.offers import OFFER_S, KeptOffer
from bot.settings.settings import MoneySettings, PanelSettings, SeatSettings
from storage import open_store
from tests.support.actions_scene import LIMITS, ActionsScene
from tests.support.clocks import ManualClock
from tests.support.stores import MemoryStore
from tests.support.transcripts import PIPELINES

PAT = Person("p", "Pat")
DEAR = CostRange(1.2, 3.4)
ODD = "NUL \0, half an emoji \ud83d, عربي, 🤖"
FULL = RunRequest(
    "debate",
    ODD,
    PAT,
    panel="elders",
    rounds=3,
    seats=PanelSettings(seats=[SeatSettings(model="ada", temperature=0.3), SeatSettings(model="bob")], chair="cyd"),
    chair="ada",
    channels=("7", "talk"),
    context=ODD,
    images=(Image("a.png", "image/png", "AAAA"), Image("b.png", "image/png", "", "digest")),
    personas_approved=True,
    mode="ranking",
    debating=DebateRules("oxford", ("for", "against"), watch=True),
    origin=Origin("Kim", "sha", turn=TurnId("answer", 1, "ada"), at=3.5, excerpt=("Tea.",)),
    steps=(Step("draft", "Write.", ("ada",), ("question",)),),
    pipeline="essay",
    search="auto",
    earlier=(Earlier("question", ODD, kept=True),),
    veil=Visibility("together", blind=True),
)


def make_offers(money: MoneySettings | None = None) -> Offers:
    return Offers(money or MoneySettings(), MemoryStore(ManualClock()))


async def ask(offers: Offers, by: Person = PAT) -> str:
    """Let a person be asked, and return the name of their offer."""
    with pytest.raises(MustAgree) as asked:
        await offers.require_agreement(RunRequest("council", "Why?", by), DEAR, 0.0)
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
async def test_people_are_asked_above_the_set_sum(
    set_usd: float, agreed_usd: float, high_usd: float, is_asked: bool
) -> None:
    offers = make_offers(MoneySettings(ask_above_usd=set_usd))
    request = RunRequest("council", "Why?", PAT)
    if is_asked:
        with pytest.raises(MustAgree):
            await offers.require_agreement(request, CostRange(0.0, high_usd), agreed_usd)
    else:
        await offers.require_agreement(request, CostRange(0.0, high_usd), agreed_usd)


async def test_the_price_is_told_and_where_the_run_would_end() -> None:
    with pytest.raises(MustAgree) as asked:
        await make_offers(MoneySettings(run_usd=2.0)).require_agreement(RunRequest("council", "?", PAT), DEAR, 0.0)
    assert asked.value.price == (
        "This council is expected to cost about $1.20 to $3.40. At $2.00, the most that a run may cost here, it ends "
        "with what it has."
    )


async def test_an_offer_is_taken_once_by_its_person_within_an_hour() -> None:
    clock = ManualClock()
    offers = Offers(MoneySettings(), MemoryStore(clock))
    run = await ask(offers)
    with pytest.raises(Refused, match="Only the one who has asked"):
        await offers.take(run, Person("q", "Quin", moderator=True))
    assert (await offers.take(run, PAT)).choose("")[1] == 3.4
    with pytest.raises(OfferGone, match="This was started already"):  # as by two taps on a slow line
        await offers.take(run, PAT)
    run = await ask(offers)
    await offers.take(run, PAT, action=CANCEL.action)
    with pytest.raises(OfferGone, match="Cancelled"):
        await offers.take(run, PAT)
    run = await ask(offers)
    clock.now += OFFER_S
    with pytest.raises(Refused, match="too old"):
        await offers.take(run, PAT)


async def test_a_later_offer_of_a_person_replaces_the_earlier_one() -> None:
    offers = make_offers()
    first, second = [await ask(offers) for _ in range(2)]
    with pytest.raises(OfferGone, match="something else since"):
        await offers.take(first, PAT)
    assert await offers.take(second, PAT)


async def test_whoever_presses_is_the_person_of_the_request() -> None:
    offers = make_offers()
    run = await ask(offers)
    here = replace(PAT, name="Patricia", roles=frozenset({"speakers"}), channel="7", moderator=True)
    assert (await offers.take(run, here)).request.by is here


@pytest.mark.parametrize(
    "kept",
    [
        {"format": "council", "question": "Why?", "of_tomorrow": 1},
        {"format": "council", "question": "Why?", "seats": {"seats": [{"model": "ada", "of_tomorrow": 1}]}},
        {"format": "council"},
    ],
)
async def test_what_another_version_has_offered_is_gone(kept: dict[str, object]) -> None:
    store = MemoryStore(ManualClock())
    await store.put_offer("a", KeptOffer(PAT.key, kept, {"council": 3.4}))
    with pytest.raises(OfferGone, match="another version"):
        await Offers(MoneySettings(), store).take("a", PAT)
    await store.take_offer("a", "of tomorrow")
    with pytest.raises(OfferGone, match="another version"):
        await Offers(MoneySettings(), store).take("a", PAT)


@pytest.mark.parametrize("request_", [FULL, RunRequest("council", "Why?", PAT)], ids=["full", "short"])
def test_a_request_comes_back_as_it_was(request_: RunRequest) -> None:
    plain = json.loads(json.dumps(encode_request(request_)))
    assert "by" not in plain
    assert decode_request(plain, PAT) == request_
    with pytest.raises(Unreadable):
        decode_request(plain | {"rounds": "many"}, PAT)


async def test_of_presses_at_the_same_time_one_counts_wherever_they_come(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=ManualClock()) as store:
        gateways = [Offers(MoneySettings(), store) for _ in range(2)]
        for n in range(10):
            run = await ask(gateways[n % 2])
            pressed = (gateways[i % 2].take(run, PAT) for i in range(4))
            results = await asyncio.gather(*pressed, return_exceptions=True)
            assert sorted(str(result) for result in results if not isinstance(result, Offer)) == [STARTED_BEFORE] * 3


async def be_asked(scene: ActionsScene) -> str:
    """Let Pat choose among formats, and return the name of the offer."""
    with pytest.raises(MustAgree) as asked:
        await scene.actions.pricing.require_choice(RunRequest("council", "Why?", PAT))
    return asked.value.run


async def test_a_press_at_another_gateway_starts_it_once(scene: ActionsScene) -> None:
    run = await be_asked(scene)
    begun = await scene.beside.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    assert (await scene.read_stored(begun)).started.format == "compare"
    for actions in (scene.actions, scene.beside):
        with pytest.raises(OfferGone, match="started already"):
            await actions.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    assert [row.run for row in await scene.store.runs()] == [begun]
    await scene.actions.stop_run(begun, PAT)


async def test_to_be_asked_for_a_format_is_no_run_that_has_begun(scene: ActionsScene) -> None:
    for _ in range(LIMITS.starts_per_person):
        run = await be_asked(scene)
    begun = await scene.actions.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    await scene.actions.stop_run(begun, PAT)


async def test_a_start_that_is_refused_lets_it_stand_everywhere(scene: ActionsScene) -> None:
    run = await be_asked(scene)
    denied = replace(PAT, may_write=False)
    with pytest.raises(Refused, match="cannot write here"):
        await scene.beside.start_offered(run, denied, lambda run, title: scene.place, "compare")
    assert await scene.actions.cancel_offered(run, PAT) == CANCELLED
    with pytest.raises(OfferGone, match="Cancelled"):
        await scene.beside.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    assert await scene.store.runs() == []


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_start_that_the_store_fails_lets_it_stand_unless_the_run_may_have_begun(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch, is_stored: bool
) -> None:
    run = await be_asked(scene)
    claim = scene.store.claim

    async def fail(*args: Any, **how: Any) -> int:
        if not is_stored:
            raise StoreFailed("the disk is full")
        await claim(*args, **how)
        raise MaybeStored("the connection is gone")

    with monkeypatch.context() as away:
        away.setattr(scene.store, "claim", fail)
        with pytest.raises(MaybeStored if is_stored else StoreFailed):
            await scene.actions.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    if is_stored:
        with pytest.raises(OfferGone, match="If no board comes, ask again"):
            await scene.beside.start_offered(run, PAT, lambda run, title: scene.place, "compare")
    else:
        begun = await scene.beside.start_offered(run, PAT, lambda run, title: scene.place, "compare")
        await scene.beside.stop_run(begun, PAT)
    assert len(await scene.store.runs()) == 1


async def test_why_a_start_failed_is_told_also_where_the_offer_cannot_be_put_back(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await be_asked(scene)

    async def fail(*args: Any, **how: Any) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(scene.store, "put_back_offer", fail)
    with pytest.raises(Refused, match="cannot write here"):
        await scene.actions.start_offered(run, replace(PAT, may_write=False), lambda run, title: scene.place, "compare")


async def test_a_run_whose_pipeline_cannot_be_counted_has_begun_all_the_same(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(name: str, server: str) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(scene.actions.services.pipelines, "add_use", fail)
    name = next(iter(PIPELINES))
    begun = await scene.actions.run_pipeline(name, RunRequest("pipeline", "Why?", PAT), lambda run, title: scene.place)
    await scene.actions.stop_run(begun, PAT)


async def test_a_button_without_an_offer_is_told_why(scene: ActionsScene) -> None:
    with pytest.raises(OfferGone) as told:
        await scene.actions.cancel_offered("22222222", PAT)
    assert str(told.value) == GONE


async def test_a_choice_is_made_among_what_was_offered_and_each_has_its_price() -> None:
    offers = make_offers(MoneySettings(run_usd=2.0))
    asked_for = RunRequest("debate", "Why?", PAT, rounds=2)
    with pytest.raises(MustAgree) as asked:
        await offers.require_choice(asked_for, {"council": DEAR, "compare": CostRange(0.01, 0.02)})
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
            await offers.take(run, PAT, forged)
    with pytest.raises(Refused, match="Only the one who has asked"):
        await offers.take(run, Person("q", "Quin"), "compare")
    request, agreed_usd = (await offers.take(run, PAT, "compare")).choose("compare")
    assert (request.format, request.rounds, request.question, agreed_usd) == ("compare", None, "Why?", 0.02)
    with pytest.raises(Refused, match="started already"):
        await offers.take(run, PAT, "council")
