"""What people may do, and what they are told when they may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

import pytest

from bot.actions import Actions, Wish
from bot.errors import Refused
from bot.formats import FORMATS
from bot.hall import Hall
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.settings import LimitSettings, PanelSettings, SeatSettings
from bot.trace import NoTrace
from bot.transcript import RunStarted, Transcript, fold_all
from tests.speakers import Scripted
from tests.stores import MemoryStore
from tests.surfaces import Place, Platform
from tests.tables import PROMPTS
from tests.virtual import run_virtual

MODELS = {key: Model(key, f"openai/{key}", key.capitalize(), "openai") for key in ("ada", "bob", "cyd")}
PANELS = {
    "default": PanelSettings(seats=[SeatSettings(model=m) for m in MODELS]),
    "twins": PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="ada")]),
    "strange": PanelSettings(seats=[SeatSettings(model="dan")]),
}


class Desk:
    """Actions with everything behind them."""

    def __init__(self, actions: Actions, store: MemoryStore) -> None:
        self.actions = actions
        self.store = store
        self.place = Place(Platform(round_trip_s=0.01))

    async def start(self, form: str = "compare", panel: str = "default", rounds: int | None = None) -> str:
        return await self.actions.start(Wish(form, "Why?", panel, "p", rounds), self.place)

    async def transcript(self, run: str) -> Transcript:
        return fold_all(Transcript(), await self.store.read(run))


@asynccontextmanager
async def desk(away: Mapping[str, str]) -> AsyncIterator[Desk]:
    now = asyncio.get_running_loop().time
    store = MemoryStore(now)
    speaker = Scripted({"ada": ["a", 60.0], "bob": ["b", 60.0], "cyd": ["c", 60.0]})
    async with (
        Scheduler(Budgets(lambda name, started: TokenBucket(100, 100), now())) as scheduler,
        Hall(store=store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test") as hall,
    ):
        actions = Actions(
            panels=PANELS,
            models=MODELS,
            prompts={p.stem: p.read_text("utf-8") for p in PROMPTS.iterdir()},
            limits=LimitSettings(question_chars=100, remark_chars=20),
            store=store,
            hall=hall,
            why_absent=lambda model: away.get(model.key),
            random=Random(1),
        )
        yield Desk(actions, store)


def at_desk(act: Callable[[Desk], Awaitable[None]], away: Mapping[str, str] | None = None) -> None:
    async def run() -> None:
        async with desk(away or {}) as d:
            await act(d)

    run_virtual(run())


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish("compare", "  \n", "default", "p"), "There is no question"),
        (Wish("compare", "x" * 101, "default", "p"), "The question has 101 characters and may have 100"),
        (Wish("counsel", "?", "default", "p"), "Did you mean council?"),
        (Wish("compare", "?", "defualt", "p"), "Did you mean default?"),
        (Wish("compare", "?", "strange", "p"), "There is no model “dan”"),
        (Wish("compare", "?", "default", "p", 2), "A compare has 1 round, not 2."),
        (Wish("debate", "?", "default", "p", 0), "A debate has 1 to 6 rounds, not 0."),
        (Wish("debate", "?", "default", "p", 7), "A debate has 1 to 6 rounds, not 7."),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_what_to_do(wish: Wish, told: str) -> None:
    async def act(d: Desk) -> None:
        with pytest.raises(Refused) as caught:
            await d.actions.start(wish, d.place)
        assert told in str(caught.value)
        assert await d.store.runs() == []

    at_desk(act)


def test_a_seat_without_its_key_is_left_out_and_told_of() -> None:
    async def act(d: Desk) -> None:
        run = await d.start("council")
        start = (await d.transcript(run)).started
        assert [s.key for s in start.panel.seats] == ["bob", "cyd"]
        assert start.absent == ("Ada (missing: set ADA_KEY)",)
        assert start.panel.chair is not None
        assert (start.panel.chair.key, start.panel.chair.model) == ("chair", "bob")
        await d.actions.stop(run, "p")

    at_desk(act, {"ada": "missing: set ADA_KEY"})


def test_with_fewer_than_two_seats_it_says_what_is_missing() -> None:
    async def act(d: Desk) -> None:
        with pytest.raises(Refused, match=r"needs two seats.*Ada \(set A\); Bob \(set B\)"):
            await d.start()

    at_desk(act, {"ada": "set A", "bob": "set B"})


def test_two_seats_of_one_model_are_told_apart() -> None:
    async def act(d: Desk) -> None:
        run = await d.start(panel="twins")
        seats = (await d.transcript(run)).started.panel.seats
        assert [(s.key, s.name) for s in seats] == [("ada", "Ada"), ("ada:2", "Ada 2")]
        await d.actions.stop(run, "p")

    at_desk(act)


def test_everything_planning_needs_is_in_the_start() -> None:
    async def act(d: Desk) -> None:
        run = await d.start("debate", rounds=2)
        [entry, *_] = await d.store.read(run)
        assert isinstance(entry.fact, RunStarted)
        assert set(entry.fact.prompts) == {"debate.opening", "debate.rebuttal", "debate.closing", "debate.judge"}
        assert (entry.fact.question, entry.fact.rules.rounds, entry.fact.by) == ("Why?", 2, "p")
        await d.actions.stop(run, "p")

    at_desk(act)


def test_seats_are_told_how_much_room_a_message_has() -> None:
    async def act(d: Desk) -> None:
        d.place.room_chars = 4000
        run = await d.start("council")
        t = await d.transcript(run)
        assert t.started.rules.room_chars == 4000
        [turn, *_] = [w.turn for w in FORMATS["council"].plan(t, t.at).want]
        assert "Stay below 4000 characters." in FORMATS["council"].ask(t, turn).parts[0].text
        await d.actions.stop(run, "p")

    at_desk(act)


def test_skip_vote_say_and_stop_become_facts() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await asyncio.sleep(1)
        await d.actions.skip_seat(run, "ada", "p")
        await d.actions.vote(run, "bob", "p")
        await d.actions.say(run, " and tabs? ", "p")
        await asyncio.sleep(1)
        t = d.actions.transcript(run)
        assert [turn.ended.finish for turn in t.turns.values() if turn.ended] == ["skipped"]
        assert t.votes == {("p", 1): "bob"}
        assert [r.text for r in t.remarks] == ["and tabs?"]
        await d.actions.stop(run, "p")
        assert (await d.actions.finished(run)).finished is not None

    at_desk(act)


def test_what_makes_no_sense_now_is_refused() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await asyncio.sleep(1)
        for wrong, told in [
            (d.actions.vote(run, "dan", "p"), "not at this table"),
            (d.actions.say(run, "  ", "p"), "nothing to pass on"),
            (d.actions.say(run, "x" * 21, "p"), "may have 20 characters"),
            (d.actions.stop("other", "p"), "No run other"),
        ]:
            with pytest.raises(Refused, match=told):
                await wrong
        await d.actions.skip_seat(run, "ada", "p")
        await asyncio.sleep(1)
        with pytest.raises(Refused, match="not speaking"):
            await d.actions.skip_seat(run, "ada", "p")
        await d.actions.stop(run, "p")
        await d.actions.finished(run)
        with pytest.raises(Refused, match="No run"):
            await d.actions.stop(run, "p")

    at_desk(act)
