"""Limits on what calls cost, with the real litellm, a server that counts tokens, and the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.run import Price, Seat
from bot.domain.spending import Asked, Balance, Caps, Payer
from bot.models.ledger import Ledger
from bot.models.requests import find_worst_limit
from bot.models.speak import Speaker
from bot.ports.spending import Call
from bot.settings.settings import DeadlineSettings
from storage import SqlStore, open_store
from tests.servers.model_server import CHAT, ModelServer, Reply, answer, chunk, error, sse
from tests.support.answers import ASK, AT_ONCE, SEAT, hear, make_model

A_MILLIONTH = Price(1.0, 1.0, "settings")  # a token costs one millionth of a dollar
FALLBACK = Price(10.0, 10.0, "fallback")
RUN = Payer("r", "ann", "discord:1", "council")
NOON = 1_767_225_600.0


def now() -> float:
    return NOON


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=now) as opened:
        yield opened


@asynccontextmanager
async def billed(
    store: SqlStore, *replies: Reply, caps: Caps, **changes: object
) -> AsyncIterator[tuple[Speaker, ModelServer]]:
    """Open a speaker of the model "m", which costs a millionth of a dollar a token, and its server."""
    async with ModelServer() as server:
        server.tell(*replies, path=CHAT)
        model = replace(make_model(server.url), price=A_MILLIONTH, max_tokens=400, **changes)  # type: ignore[arg-type]
        ledger = Ledger(store, caps, FALLBACK, now)
        speaker = Speaker({"m": model}, DeadlineSettings(), AT_ONCE, ledger=ledger)
        try:
            await speaker.warm_up()
            yield speaker, server
        finally:
            await speaker.aclose()


def cap(micros: int) -> Caps:
    return Caps(run=micros / 1e6)


async def balance(store: SqlStore, payer: Payer = RUN) -> Balance:
    return (await store.balances(payer, NOON))[0]


async def test_a_call_costs_what_its_provider_reports(store: SqlStore) -> None:
    async with billed(store, answer("Tabs.", usage=(7, 5)), caps=cap(10_000)) as (speaker, _):
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
    assert [b.spent for b in await store.balances(RUN, NOON)] == [12] * 5
    assert [b.held for b in await store.balances(RUN, NOON)] == [0] * 5


async def test_while_it_goes_on_its_worst_price_is_held(store: SqlStore) -> None:
    async with (
        billed(store, Reply(sse(chunk("Tabs")), then="hang"), caps=cap(10_000)) as (speaker, _),
        aclosing(speaker.speak(SEAT, ASK, RUN)) as deltas,
    ):
        await anext(deltas)
        held = (await balance(store)).held
        assert 400 < held < 500
    after = await balance(store)  # what was read, with a margin, and what it may write for a second
    assert (400 < after.spent <= held, after.held) == (True, 0)


async def test_seats_that_speak_at_once_pass_no_limit_and_wait_for_each_other(store: SqlStore) -> None:
    async with billed(store, answer("Tabs.", usage=(7, 200), gap_s=0.01), caps=cap(1_500)) as (speaker, server):
        heard = await asyncio.gather(*(hear(speaker.speak(SEAT, ASK, RUN)) for _ in range(9)))
        asked = len(server.log)
    assert asked == sum(h.error is None for h in heard) == 7  # 7 × 207 fit, the last with less than it may ask for
    assert {h.error.kind for h in heard if h.error} == {"cap"}
    assert (await balance(store)).spent == 7 * 207


async def test_who_waits_says_so(store: SqlStore) -> None:
    async with billed(store, answer("Tabs.", usage=(7, 20), gap_s=0.05), caps=cap(500)) as (speaker, _):
        said = await asyncio.gather(*(collect_all(speaker) for _ in range(3)))
    assert sum("waiting: what others may cost leaves no room under a limit" in one for one in said) == 2


async def test_waiting_for_room_is_no_silence_of_the_provider(store: SqlStore) -> None:
    """Each answer takes most of the time that one may take, and three follow each other."""
    slow = answer(*["word "] * 5, usage=(7, 20), gap_s=0.05)
    async with billed(store, slow, caps=cap(500)) as (speaker, _):
        speaker._deadlines = DeadlineSettings(total_timeout_s=1.0)
        heard = await asyncio.gather(*(hear(speaker.speak(SEAT, ASK, RUN)) for _ in range(5)))
    assert [h.error for h in heard] == [None] * 5


async def test_who_waits_for_room_lets_others_ask_its_provider(store: SqlStore) -> None:
    """One seat of another provider holds all that a run may cost, and one waits for it; another run is asked."""
    async with ModelServer() as server:
        server.tell(Reply(sse(chunk("On")), then="hang"), answer("Tabs.", usage=(7, 20)), path=CHAT)
        model = replace(make_model(server.url), price=A_MILLIONTH, max_tokens=400, concurrency=1)
        models = {"m": model, "q": replace(model, key="q", provider="q")}
        speaker = Speaker(models, DeadlineSettings(), AT_ONCE, ledger=Ledger(store, cap(500), FALLBACK, now))
        await speaker.warm_up()
        async with aclosing(speaker.speak(replace(SEAT, model="q"), ASK, RUN)) as holder:
            await anext(holder)
            async with aclosing(speaker.speak(SEAT, ASK, RUN)) as waiter:
                assert (await anext(waiter)).notice.startswith("waiting: what others may cost")
                heard = await hear(speaker.speak(SEAT, ASK, RUN._replace(run="another")))
        assert (heard.text, len(server.log)) == ("Tabs.", 2)
        await speaker.aclose()


async def test_who_waits_for_its_provider_holds_no_money(store: SqlStore) -> None:
    hangs = Reply(sse(chunk("On")), then="hang")
    async with billed(store, hangs, caps=cap(5_000), concurrency=1) as (speaker, server):
        async with aclosing(speaker.speak(SEAT, ASK, RUN)) as first, aclosing(speaker.speak(SEAT, ASK, RUN)) as second:
            await anext(first)
            held = (await balance(store)).held
            assert (await anext(second)).notice == "M: next in line"
            assert (await balance(store)).held == held
        assert len(server.log) == 1


async def collect_all(speaker: Speaker) -> list[str]:
    return [delta.notice async for delta in speaker.speak(SEAT, ASK, RUN)]


@pytest.mark.parametrize("micros", [0, 50])
async def test_at_a_limit_nothing_is_asked_and_people_read_why(store: SqlStore, micros: int) -> None:
    async with billed(store, answer("Tabs."), caps=cap(micros)) as (speaker, server):
        heard = await hear(speaker.speak(SEAT, ASK, RUN))
        assert server.log == []
    assert heard.error is not None
    assert heard.error.kind == "cap"
    assert heard.error.text.startswith("the limit of $0.00 for a run is reached")
    assert await balance(store) == Balance()


async def test_a_limit_of_another_run_does_not_matter_and_one_of_a_person_does(store: SqlStore) -> None:
    caps = Caps(run=700e-6, person_day=900e-6)
    async with billed(store, answer("Tabs.", usage=(7, 300)), caps=caps) as (speaker, _):
        for run, kind in (("1", None), ("2", None), ("3", None), ("4", "cap")):
            heard = await hear(speaker.speak(SEAT, ASK, RUN._replace(run=run)))
            assert (heard.error and heard.error.kind) == kind
        assert heard.error is not None
        assert "a day for whoever has started it" in heard.error.text
        other = await hear(speaker.speak(SEAT, ASK, RUN._replace(run="5", person="bob")))
        assert other.error is None


async def test_the_chairs_share_is_not_touched(store: SqlStore) -> None:
    seats = RUN._replace(chair=Seat("chair", "m", "Chair", max_tokens=600))
    async with billed(store, answer("Tabs.", usage=(7, 390)), caps=cap(1_000)) as (speaker, _):
        assert (await hear(speaker.speak(SEAT, ASK, seats))).error is None
        assert (await hear(speaker.speak(SEAT, ASK, seats))).error is not None
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None  # the chair itself


async def test_less_room_is_a_shorter_answer(store: SqlStore) -> None:
    async with billed(store, answer("Tabs.", usage=(7, 100)), caps=cap(250)) as (speaker, server):
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
        assert 200 < server.log[-1].body["max_tokens"] < 250


async def test_a_model_without_a_limit_gets_one(store: SqlStore) -> None:
    async with billed(store, answer("Tabs."), caps=Caps(run=1.0)) as (speaker, server):
        model = replace(speaker._models["m"], max_tokens=None, thinks=True)
        speaker._models = {"m": model}
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
        assert server.log[-1].body["max_tokens"] == find_worst_limit(model, SEAT)


async def test_a_model_that_keeps_to_no_limit_is_cut_off(store: SqlStore) -> None:
    endless = Reply(sse(chunk("on and on and on, whatever it was told, and 1, 2, 3 ")), gap_s=0.001, then="repeat")
    async with billed(store, endless, caps=cap(300)) as (speaker, _):
        heard = await hear(speaker.speak(Seat("a", "m", "A", max_tokens=200), ASK, RUN))
    assert heard.ending in ("length", "repeated")
    assert (await balance(store)).spent <= 300


async def test_tries_that_a_provider_refuses_cost_nothing(store: SqlStore) -> None:
    async with billed(store, error(500), error(429), answer("Tabs.", usage=(7, 5)), caps=cap(500)) as (speaker, _):
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
    assert await balance(store) == Balance(12, 0)


async def test_an_answer_without_usage_costs_what_is_counted(store: SqlStore) -> None:
    async with billed(store, answer("Tabs, of course.", usage=None), caps=cap(1_000)) as (speaker, _):
        heard = await hear(speaker.speak(SEAT, ASK, RUN))
    assert heard.usage is not None
    assert heard.usage.output < (await balance(store)).spent < 20


async def test_an_answer_that_is_ended_here_counts_what_may_be_on_its_way(store: SqlStore) -> None:
    endless = Reply(sse(*[chunk(" word" * 20)] * 40), then="hang")
    async with billed(store, endless, caps=cap(10_000)) as (speaker, _):
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).ending == "repeated"
    assert (await balance(store)).spent > 400


async def test_a_model_of_unknown_price_counts_with_the_set_one(store: SqlStore) -> None:
    async with billed(store, answer("Tabs.", usage=(7, 5)), caps=Caps(run=1.0)) as (speaker, _):
        speaker._models = {"m": replace(speaker._models["m"], price=None)}
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
    assert await balance(store) == Balance(120, 0)


async def test_what_a_stream_says_that_it_cost_counts(store: SqlStore) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, "cost": 0.0042}
    told = Reply(sse(chunk("Tabs."), chunk(finish="stop"), chunk(usage=usage), "[DONE]"))  # type: ignore[arg-type]
    async with billed(store, told, caps=cap(1_000)) as (speaker, _):
        await hear(speaker.speak(SEAT, ASK, RUN))
    assert (await balance(store)).spent == 4_200


async def test_a_call_that_was_never_settled_counts_with_what_was_held(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=now) as store, ModelServer() as server:
        server.tell(Reply(sse(chunk("Tabs")), then="hang"), path=CHAT)
        model = replace(make_model(server.url), price=A_MILLIONTH, max_tokens=400)
        speaker = Speaker({"m": model}, DeadlineSettings(), AT_ONCE, ledger=Ledger(store, cap(900), FALLBACK, now))
        await speaker.warm_up()
        deltas = speaker.speak(SEAT, ASK, RUN)
        await anext(deltas)
        held = (await balance(store)).held
        speaker._ledger.store = DeadStore()  # type: ignore[union-attr]  # the process dies
        await deltas.aclose()
        await speaker.aclose()
    async with open_store(path, clock=now) as store:
        assert (await balance(store)).held == held
        async with billed(store, answer("Tabs.", usage=(7, 390)), caps=cap(900)) as (speaker, _):
            assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
            assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is not None


async def test_who_is_cancelled_while_a_price_is_held_pays_nothing(store: SqlStore) -> None:
    reserve, reserved = store.reserve, asyncio.Event()

    async def reserve_slowly(call: Call, caps: Sequence[int | None], asked: Asked) -> int:
        held = await reserve(call, caps, asked)
        reserved.set()
        await asyncio.sleep(0)  # it is stored, and whoever asked does not know yet
        return held

    store.reserve = reserve_slowly  # type: ignore[method-assign]
    async with billed(store, answer("Tabs."), caps=cap(10_000)) as (speaker, server):
        speaking = asyncio.create_task(hear(speaker.speak(SEAT, ASK, RUN)))
        await reserved.wait()
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
        assert server.log == []
    assert await balance(store) == Balance(0, 0)


class DeadStore:
    async def settle(self, *_: object) -> None:
        """Store nothing."""


async def test_where_what_it_costs_cannot_be_noted_nothing_is_asked(store: SqlStore, tmp_path: Path) -> None:
    async with (
        open_store(tmp_path / "moot.db", clock=now, read_only=True) as reader,
        billed(reader, answer("Tabs."), caps=cap(900)) as (speaker, server),
    ):
        heard = await hear(speaker.speak(SEAT, ASK, RUN))
        assert server.log == []
    assert heard.error is not None
    assert heard.error.kind == "cap"


async def test_what_costs_nothing_is_not_held(store: SqlStore) -> None:
    async with billed(store, answer("Tabs."), caps=cap(0)) as (speaker, _):
        speaker._models = {"m": replace(speaker._models["m"], price=Price(0.0, 0.0, "local"))}
        assert (await hear(speaker.speak(SEAT, ASK, RUN))).error is None
