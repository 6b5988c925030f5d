"""Whether a run may begin, by what is spent already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.actions.allowance import Allowance
from bot.domain.facts import RunStarted
from bot.domain.run import Price
from bot.domain.spending import Asked, Caps, Payer
from bot.errors import Refused
from bot.models.catalogue import Model
from bot.models.own_keys import OwnKey, OwnKeys
from bot.ports.spending import Call
from storage import SqlStore, open_store
from tests.support.own_keys import MASTER, OWN_KEY
from tests.support.transcripts import make_start

NOON = 1_767_225_600.0
COUNCIL = make_start("council").panel
PANEL = replace(COUNCIL, seats=tuple(replace(seat, price=Price(3.0, 15.0, "litellm")) for seat in COUNCIL.seats))
START = replace(make_start("council"), panel=PANEL, by="ann", server="discord:1")


def now() -> float:
    return NOON


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=now) as opened:
        payer = Payer("earlier", "ann", "discord:1")
        for name, usd in (("spent", 1.5), ("held", 0.5)):
            call = Call(name, payer, NOON, "m")
            held = await opened.reserve(call, (None,) * 5, Asked(int(usd * 1e6), 1))
            if name == "spent":
                await opened.settle(call, held, held, 1.0)
        yield opened


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (Caps(run=0.0), "The limit of $0.00 for a run is reached"),
        (Caps(person_day=2.0), "The limit of $2.00 a day for whoever has started it is reached"),
        (Caps(server_day=1.0), "The limit of $1.00 a day for this server is reached"),
        (Caps(server_month=2.0), "The limit of $2.00 a month for this server is reached"),
        (Caps(month=2.0), "The operator's limit of $2.00 a month is reached"),
    ],
)
async def test_a_run_does_not_begin_at_a_limit(store: SqlStore, caps: Caps, told: str) -> None:
    with pytest.raises(Refused, match="Nothing was started, and nothing is spent") as refused:
        await Allowance(store, caps, now).check_start(START)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(
    ("caps", "start"),
    [
        (Caps(), START),
        (Caps(0.5, 2.01, 2.01, 2.01, 2.01), START),
        (Caps(person_day=2.0), replace(START, by="bob")),
        (Caps(server_day=2.0), replace(START, server="discord:2")),
    ],
)
async def test_below_a_limit_it_does(store: SqlStore, caps: Caps, start: RunStarted) -> None:
    await Allowance(store, caps, now).check_start(start)


async def test_free_models_have_no_limit(store: SqlStore) -> None:
    free = Price(0.0, 0.0, "local")
    panel = replace(START.panel, seats=tuple(replace(seat, price=free) for seat in START.panel.seats), chair=None)
    await Allowance(store, Caps(0.0, 0.0), now).check_start(replace(START, panel=replace(panel, judge=None)))


async def test_on_the_next_day_it_is_free_again(store: SqlStore) -> None:
    caps = Caps(person_day=2.0, server_day=2.0)
    await Allowance(store, caps, lambda: NOON + 86_400.0).check_start(START)


async def test_where_a_server_pays_itself_only_the_limit_of_a_run_holds(store: SqlStore) -> None:
    models = {seat.model: Model(seat.model, "openai/x", seat.name, "openai") for seat in PANEL.everyone()}
    own = OwnKeys(store, models, MASTER)
    caps = Caps(0.5, 0.0, 0.0, 0.0, 0.0)
    await own.put("discord:2", OwnKey("openai", None, "ann", "Ann", NOON), OWN_KEY)
    with pytest.raises(Refused):
        await Allowance(store, caps, now, own).check_start(START)
    await Allowance(store, caps, now, own).check_start(replace(START, server="discord:2"))
    with pytest.raises(Refused, match="for a run"):
        await Allowance(store, Caps(0.0), now, own).check_start(replace(START, server="discord:2"))
