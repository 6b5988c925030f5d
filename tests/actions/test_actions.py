"""What people may do, and what they are told when they may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest

from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.permissions import Person
from bot.actions.pipelines import PipelineBook
from bot.actions.request import RunRequest, ask_seat, follow_up, rerun
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.facts import RunStarted
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, fold_all
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.errors import Refused
from bot.formats import FORMATS
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.settings import LimitSettings, PanelSettings, SeatSettings, ServerSettings, Settings
from commands.command import MORE, Here, Started, Told
from commands.command import Form as AskFirst
from commands.controls import PRESSES, Target
from commands.council import COMMAND as COUNCIL
from commands.council import CouncilOptions
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import PIPELINES, PROMPTS
from tests.support.virtual_time import run_virtual

MODELS = {key: Model(key, f"openai/{key}", key.capitalize(), "openai") for key in ("ada", "bob", "cyd")}
P = Person("p", "Pat")
MO = Person("mo", "Mo", moderator=True)
HALL = ServerSettings(channels=["talk", "7"], start_roles=["speakers"], panel_roles=["elders"], words=["newt"])
LIMITS = LimitSettings(question_chars=100, remark_chars=20)
PANELS = {
    "default": PanelSettings(seats=[SeatSettings(model=m) for m in MODELS]),
    "twins": PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="ada")]),
    "strange": PanelSettings(seats=[SeatSettings(model="dan")]),
}


class Desk:
    """Actions with everything behind them."""

    def __init__(self, actions: Actions, store: MemoryStore, speaker: ScriptedSpeaker) -> None:
        self.actions = actions
        self.speaker = speaker
        self.store = store
        self.place = Place(Platform(round_trip_s=0.01))

    async def start(self, form: str = "compare", panel: str = "default", rounds: int | None = None) -> str:
        return await self.actions.start_run(RunRequest(form, "Why?", P, panel, rounds), lambda run, title: self.place)

    async def transcript(self, run: str) -> Transcript:
        return fold_all(Transcript(), await self.store.read(run))


@asynccontextmanager
async def desk(away: Mapping[str, str]) -> AsyncIterator[Desk]:
    now = asyncio.get_running_loop().time
    store = MemoryStore(now)
    speaker = ScriptedSpeaker({"ada": ["a", 60.0], "bob": ["b", 60.0], "cyd": ["c", 60.0]})
    async with (
        Scheduler(Budgets(lambda name, started: TokenBucket(100, 100), now())) as scheduler,
        RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test"
        ) as hall,
    ):
        services = Services(
            settings=Settings(limits=LIMITS, servers={"hall": HALL}),
            panels=PanelBook(PANELS, store),
            pipelines=PipelineBook(PIPELINES, store),
            models=MODELS,
        )
        resolver = RequestResolver(
            services,
            prompts={p.stem: p.read_text("utf-8") for p in PROMPTS.iterdir()},
            vote_s=600.0,
            why_absent=lambda model: away.get(model.key),
            random=Random(1),
        )
        actions = Actions(services, resolver, store=store, supervisor=hall, clock=now)
        yield Desk(actions, store, speaker)


def at_desk(act: Callable[[Desk], Awaitable[None]], away: Mapping[str, str] | None = None) -> None:
    async def run() -> None:
        async with desk(away or {}) as d:
            await act(d)

    run_virtual(run())


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (RunRequest("compare", "  \n", P, "default"), "There is no question"),
        (RunRequest("compare", "x" * 101, P, "default"), "The question has 101 characters and may have 100"),
        (RunRequest("counsel", "?", P, "default"), "Did you mean council?"),
        (RunRequest("compare", "?", P, "defualt"), "Did you mean default?"),
        (RunRequest("compare", "?", P, "strange"), "There is no model “dan”"),
        (RunRequest("compare", "?", P, "default", 2), "A compare has 1 round, not 2."),
        (RunRequest("debate", "?", P, "default", 0), "A debate has 1 to 6 rounds, not 0."),
        (RunRequest("debate", "?", P, "default", 7), "A debate has 1 to 6 rounds, not 7."),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_what_to_do(wish: RunRequest, told: str) -> None:
    async def act(d: Desk) -> None:
        with pytest.raises(Refused) as caught:
            await d.actions.start_run(wish, lambda run, title: d.place)
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
        await d.actions.stop_run(run, P)

    at_desk(act, {"ada": "missing: set ADA_KEY"})


def test_with_fewer_than_two_seats_it_says_what_is_missing() -> None:
    async def act(d: Desk) -> None:
        with pytest.raises(Refused, match=r"needs two seats.*Ada \(set A\); Bob \(set B\)"):
            await d.start("council")

    at_desk(act, {"ada": "set A", "bob": "set B"})


def test_two_seats_of_one_model_are_told_apart() -> None:
    async def act(d: Desk) -> None:
        run = await d.start(panel="twins")
        seats = (await d.transcript(run)).started.panel.seats
        assert [(s.key, s.name) for s in seats] == [("ada", "Ada"), ("ada:2", "Ada 2")]
        await d.actions.stop_run(run, P)

    at_desk(act)


def test_a_chair_that_is_named_sums_up_and_judges_for_the_panel_that_is_meant() -> None:
    async def act(d: Desk) -> None:
        answer = await COUNCIL.handle(
            d.actions, CouncilOptions(question="Why?", chair="cyd"), Here(P, lambda *_: d.place)
        )
        assert isinstance(answer, Started)
        panel = (await d.transcript(answer.run)).started.panel
        assert [seat.model for seat in panel.everyone()] == ["ada", "bob", "cyd", "cyd", "cyd"]
        await d.actions.stop_run(answer.run, P)

    at_desk(act)


def test_everything_planning_needs_is_in_the_start() -> None:
    async def act(d: Desk) -> None:
        run = await d.start("debate", rounds=2)
        [entry, *_] = await d.store.read(run)
        assert isinstance(entry.fact, RunStarted)
        assert set(entry.fact.prompts) == set(FORMATS["debate"].PROMPTS)
        assert (entry.fact.question, entry.fact.rules.rounds, entry.fact.by) == ("Why?", 2, "p")
        await d.actions.stop_run(run, P)

    at_desk(act)


def test_seats_are_told_how_much_room_a_message_has() -> None:
    async def act(d: Desk) -> None:
        d.place.room_chars = 4000
        run = await d.start("council")
        t = await d.transcript(run)
        assert t.started.rules.room_chars == 4000
        [turn, *_] = [w.turn for w in FORMATS["council"].plan(t, t.at).wanted]
        assert "Stay below 4000 characters." in FORMATS["council"].ask(t, turn).parts[0].text
        await d.actions.stop_run(run, P)

    at_desk(act)


def test_skip_vote_say_and_stop_become_facts() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await asyncio.sleep(1)
        await d.actions.skip_seat(run, "ada", P)
        await d.actions.cast_vote(run, "bob", P)
        await d.actions.add_remark(run, " and tabs? ", P)
        await asyncio.sleep(1)
        t = await d.actions.read_run(run, P)
        assert [turn.ended.finish for turn in t.turns.values() if turn.ended] == ["skipped"]
        assert t.votes == {("p", 1): "bob"}
        assert [r.text for r in t.remarks] == ["and tabs?"]
        await d.actions.stop_run(run, P)
        assert (over := await d.actions.wait_until_finished(run)) is not None
        assert over.finished is not None

    at_desk(act)


def test_what_makes_no_sense_now_is_refused() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await asyncio.sleep(1)
        for wrong, told in [
            (d.actions.cast_vote(run, "dan", P), "not at this table"),
            (d.actions.add_remark(run, "  ", P), "nothing to pass on"),
            (d.actions.add_remark(run, "x" * 21, P), "may have 20 characters"),
            (d.actions.stop_run("other", P), "There is no run other"),
        ]:
            with pytest.raises(Refused, match=told):
                await wrong
        await d.actions.skip_seat(run, "ada", P)
        await asyncio.sleep(1)
        with pytest.raises(Refused, match="not speaking"):
            await d.actions.skip_seat(run, "ada", P)
        await d.actions.stop_run(run, P)
        await d.actions.wait_until_finished(run)
        with pytest.raises(Refused, match="This run is over"):
            await d.actions.stop_run(run, P)

    at_desk(act)


def test_a_run_of_another_server_cannot_be_seen() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        with pytest.raises(Refused, match="There is no run"):
            await d.actions.read_run(run, Person("p", "Pat", server="other"))
        await d.actions.stop_run(run, P)

    at_desk(act)


def test_a_server_has_its_channels_roles_and_words() -> None:
    async def act(d: Desk) -> None:
        guest = Person("g", "Gus", server="x:hall", roles=frozenset({"speakers"}))
        for wish, told in [
            (RunRequest("compare", "Why?", guest), "Runs are started in talk or 7"),
            (
                RunRequest("compare", "Why?", replace(guest, roles=frozenset()), channels=("7",)),
                "needs the role speakers",
            ),
            (RunRequest("compare", "A NEWT?", guest, channels=("7",)), "a word that is not allowed here"),
        ]:
            with pytest.raises(Refused, match=told):
                await d.actions.start_run(wish, lambda run, title: d.place)
        with pytest.raises(Refused, match="Editing panels needs the role elders"):
            await d.actions.save_panel("mine", PANELS["default"], guest)

    at_desk(act)


def test_personas_in_ones_own_words_need_the_right_and_library_ones_none() -> None:
    async def act(d: Desk) -> None:
        def wish(persona: str, by: Person) -> RunRequest:
            seats = PanelSettings(seats=[SeatSettings(model="ada", persona=persona), SeatSettings(model="bob")])
            return RunRequest("compare", "Why?", by, seats=seats)

        with pytest.raises(Refused, match="A persona in your own words needs a moderator"):
            await d.actions.start_run(wish("You are a pirate.", P), lambda run, title: d.place)
        for allowed in (wish("Skeptic", P), wish("You are a pirate.", MO)):
            await d.actions.stop_run(await d.actions.start_run(allowed, lambda run, title: Place(Platform())), MO)

    at_desk(act)


def test_panels_made_in_a_server_are_its_own_and_can_be_the_usual_one() -> None:
    async def act(d: Desk) -> None:
        mo = replace(MO, server="x:1")
        await d.actions.save_panel(
            "pair", PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="bob")]), mo
        )
        await d.actions.set_usual_panel("pair", mo, "5")
        run = await d.actions.start_run(RunRequest("compare", "Why?", mo, channels=("5",)), lambda run, title: d.place)
        assert [s.key for s in (await d.transcript(run)).started.panel.seats] == ["ada", "bob"]
        with pytest.raises(Refused, match="There is no panel “pair”"):
            await d.actions.start_run(RunRequest("compare", "Why?", P, panel="pair"), lambda run, title: d.place)
        with pytest.raises(Refused, match="There is no model “dan”"):
            await d.actions.save_panel("bad", PANELS["strange"], mo)
        await d.actions.stop_run(run, mo)

    at_desk(act)


def test_wishes_that_follow_from_a_run() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {}
        run = await d.start("council")
        await d.actions.close_vote(run, P)
        await d.actions.wait_until_finished(run)
        t = await d.actions.read_run(run, P)
        assert (rerun(t, MO).question, rerun(t, MO).by) == ("Why?", MO)
        thread = await d.actions.read_thread(run, P)
        followed = follow_up(t, thread, "And then?", P)
        assert followed.question == "And then?"
        first, *others = followed.earlier
        assert (first.label, first.text) == ("question", "Why?")
        assert any(said.text == "chair" and said.kept for said in others)
        one = ask_seat(t, thread, TurnId("answer", 1, "bob").lane, "b", "More?", P)
        assert one.seats is not None
        assert [s.model for s in one.seats.seats] == ["bob"]
        for wish in (rerun(t, P), followed, one):
            await d.actions.stop_run(await d.actions.start_run(wish, lambda run, title: Place(Platform())), P)

    at_desk(act)


def test_a_council_goes_as_far_as_was_chosen_and_shows_its_reviews_in_full() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {}
        here = Here(P, lambda run, title: d.place)
        form = await COUNCIL.handle(d.actions, CouncilOptions(question="Why?", panel=MORE), here)
        assert isinstance(form, AskFirst)
        assert "mode" in form.fields
        begun = await COUNCIL.handle(d.actions, CouncilOptions(question="Why?", mode="ranking"), here)
        assert isinstance(begun, Started)
        await d.actions.close_vote(begun.run, P)
        await d.actions.wait_until_finished(begun.run)
        t = await d.transcript(begun.run)
        assert (t.started.rules.mode, t.started.rules.quorum, t.started.rules.grace_s) == ("ranking", 3, 8.0)
        assert t.finished is not None
        assert t.finished.outcome == "ranked"
        assert rerun(t, P).mode == "ranking"
        [control] = [
            c for post in await d.actions.read_thread(begun.run, P) for c in post.controls if c.label == "Full texts"
        ]
        told = await PRESSES[control.action].handle(d.actions, Target(begun.run, control.about), None, here)
        assert isinstance(told, Told)
        assert "**Ada** (A is" in told.text

    at_desk(act)
