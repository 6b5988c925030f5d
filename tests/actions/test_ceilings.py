"""Ceilings: whatever people type or keep, a run never has more than the operator has set, on any way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

import pytest

from bot.actions.panels import PanelBook
from bot.actions.permissions import Membership, Person
from bot.actions.pipeline_files import PipelineBook
from bot.actions.request import RunRequest, ask_seat, follow_up, rerun
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.facts import RunStarted
from bot.domain.run import LaneId
from bot.errors import Refused
from bot.models.catalogue import Model
from bot.settings.platforms import PlaceLimits, ServerSettings
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings, Settings
from commands.command import Here, open_no_surface, read_seats
from commands.council import CouncilOptions
from commands.debate import DebateOptions
from tests.support.stores import MemoryStore
from tests.support.transcripts import PROMPTS, Play

MO = Person("mo", "Mo", "x:1", moderator=True)
HERE = Here(MO, open_no_surface)
MODELS: Mapping[str, Model] = {
    "ada": Model("ada", "openai/ada", "Ada", "openai", temperature=0.5, max_tokens=500),
    "bob": Model("bob", "openai/bob", "Bob", "openai", temperature=0.5, max_tokens=500),
    "cyd": Model("cyd", "openai/cyd", "Cyd", "openai"),  # for which the operator has set nothing
}
PANELS = {
    "default": PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="bob")]),
    "hot": PanelSettings(seats=[SeatSettings(model="bob", temperature=0.9, max_tokens=900)]),  # what Bob may have
}
MOST = {"ada": (0.5, 500), "bob": (0.9, 900)}
PIPELINE = """
[steps.draft]
prompt = "Write."
seats = ["ada@2/64000", "bob@2/64000"]
"""


class Desk:
    """A resolver with an operator's limits, and what stands behind it."""

    def __init__(self, servers: Mapping[str, ServerSettings] = MappingProxyType({}), **limits: int) -> None:
        store = MemoryStore(lambda: 0.0)
        settings = Settings(limits=LimitSettings(**{"seats": 2, "rounds": 2, **limits}), servers=dict(servers))
        self.services = Services(settings, PanelBook(PANELS, store), PipelineBook({}, store), MODELS)
        self.resolver = RequestResolver(
            self.services,
            prompts={p.stem: p.read_text("utf-8") for p in PROMPTS.iterdir()},
            vote_s=0.0,
            why_absent=lambda model: None,
            random=Random(1),
        )

    async def start(self, request: RunRequest) -> RunStarted:
        return await self.resolver.resolve(request)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def check(start: RunStarted) -> None:
    """Check that no seat of a run has more than the operator has set."""
    for seat in start.panel.everyone():
        temperature, tokens = MOST[seat.model]
        assert seat.temperature is not None, seat
        assert seat.temperature <= temperature, seat
        assert seat.max_tokens is not None, seat
        assert seat.max_tokens <= tokens, seat


WRITTEN = "ada@2/64000, bob@2/999999"


@pytest.mark.parametrize(
    "request_",
    [
        CouncilOptions(question="Why?", models=WRITTEN, chair="bob").make_request("council", HERE),
        DebateOptions(question="Why?", models=WRITTEN, rounds=2).make_request("debate", HERE),
        RunRequest("compare", "Why?", MO, seats=read_seats(WRITTEN, chair="ada", judge="bob")),
    ],
    ids=lambda r: r.format,
)
async def test_what_is_typed_is_capped(desk: Desk, request_: RunRequest) -> None:
    start = await desk.start(request_)
    check(start)
    assert [(s.temperature, s.max_tokens) for s in start.panel.seats] == list(MOST.values())


async def test_less_than_the_most_is_what_it_is(desk: Desk) -> None:
    start = await desk.start(RunRequest("compare", "Why?", MO, seats=read_seats("ada@0/1, bob@0.7/600")))
    assert [(s.temperature, s.max_tokens) for s in start.panel.seats] == [(0.0, 1), (0.7, 600)]


async def test_where_the_operator_has_set_nothing_people_choose(desk: Desk) -> None:
    start = await desk.start(RunRequest("compare", "Why?", MO, seats=read_seats("cyd@2/64000, cyd")))
    assert [(s.temperature, s.max_tokens) for s in start.panel.seats] == [(2.0, 64_000), (None, None)]


async def test_a_panel_that_members_keep_is_capped_also_when_it_is_the_usual_one(desk: Desk) -> None:
    seats = [SeatSettings(model=key, temperature=2.0, max_tokens=64_000) for key in ("ada", "bob")]
    await desk.services.panels.save_panel("large", PanelSettings(seats=seats), MO.server)
    check(await desk.start(RunRequest("council", "Why?", MO, "large")))
    await desk.services.panels.set_usual("large", MO.server)
    check(await desk.start(RunRequest("council", "Why?", MO)))


async def test_a_panel_named_like_the_operators_own_raises_no_ceiling(desk: Desk) -> None:
    seats = [SeatSettings(model="ada", temperature=2.0, max_tokens=64_000)] * 2
    await desk.services.panels.save_panel("hot", PanelSettings(seats=seats), MO.server)
    check(await desk.start(RunRequest("compare", "Why?", MO, "hot")))


async def test_a_pipeline_is_capped_in_its_seats_and_their_number(desk: Desk) -> None:
    await desk.services.pipelines.save_pipeline("write", PIPELINE, MO.server)
    check(await desk.start(await desk.resolver.resolve_pipeline("write", RunRequest("pipeline", "Why?", MO))))
    await desk.services.pipelines.save_pipeline("many", PIPELINE.replace('"ada@2', '"ada", "ada@2'), MO.server)
    many = await desk.resolver.resolve_pipeline("many", RunRequest("pipeline", "Why?", MO))
    with pytest.raises(Refused, match="2 are the most here"):
        await desk.start(many)


@pytest.mark.parametrize("panel", ["", "large"])
async def test_a_seat_that_joins_a_run_is_capped(desk: Desk, panel: str) -> None:
    seats = [SeatSettings(model="ada", temperature=2.0, max_tokens=64_000)]
    await desk.services.panels.save_panel("large", PanelSettings(seats=seats), MO.server)
    table = (await desk.start(RunRequest("compare", "Why?", MO))).panel
    for persona in ("", "skeptic", "You are a pirate."):
        seat = await desk.resolver.resolve_seat(table, "ada" if panel else "ada@2/64000", persona, panel, MO)
        assert (seat.temperature, seat.max_tokens) == MOST["ada"]


async def test_what_goes_on_from_an_earlier_run_is_capped_by_what_is_set_now(desk: Desk) -> None:
    generous = Desk(rounds=6, seats=8)
    start = await generous.start(
        replace(DebateOptions(question="Why?", rounds=6).make_request("debate", HERE), personas_approved=True)
    )
    seats = tuple(replace(s, temperature=2.0, max_tokens=64_000) for s in start.panel.seats)
    t = Play(replace(start, panel=replace(start.panel, seats=seats))).t
    assert t.started.rules.rounds == 6
    again = await desk.start(rerun(t, MO))
    followed = await desk.start(follow_up(t, (), "And then?", MO))
    one = await desk.start(ask_seat(t, (), LaneId("opening", 1, "ada"), "Well.", "Why?", MO))
    for capped in (again, followed, one):
        check(capped)
        assert capped.rules.rounds <= 2


@pytest.mark.parametrize("rounds", [0, -1, 3, 6])
async def test_rounds_and_seats_beyond_the_limit_are_refused(desk: Desk, rounds: int) -> None:
    with pytest.raises(Refused, match=f"1 to 2 rounds here, not {rounds}"):
        await desk.start(RunRequest("debate", "Why?", MO, rounds=rounds))
    with pytest.raises(Refused, match="2 are the most here"):
        await desk.start(RunRequest("compare", "Why?", MO, seats=read_seats("ada, bob, ada")))


HALL = ServerSettings(limits=PlaceLimits(seats=3, rounds=3), channel_limits={"C1": PlaceLimits(seats=2, rounds=1)})
SHARED = (Membership("x:2"), Membership("x:1"))


@pytest.mark.parametrize(
    ("by", "seats", "rounds"),
    [
        (Person("p", "Pat", "x:2"), 4, 4),
        (Person("p", "Pat", "x:1"), 3, 3),
        (Person("p", "Pat", "x:1", channel="C2"), 3, 3),
        (Person("p", "Pat", "x:1", channel="C1"), 2, 1),
        (Person("p", "Pat", "x:@p", channel="D1", shared=SHARED), 3, 3),  # the strictest of the servers shared
    ],
)
async def test_a_server_and_a_channel_lower_seats_and_rounds(by: Person, seats: int, rounds: int) -> None:
    desk = Desk({"1": HALL, "2": ServerSettings(limits=PlaceLimits(seats=12))}, seats=4, rounds=4)
    for count in (seats, seats + 1):
        asked = RunRequest("debate", "Why?", by, rounds=rounds, seats=read_seats(", ".join(["ada"] * count)))
        if count == seats:
            start = await desk.start(asked)
            assert (len(start.panel.seats), start.rules.rounds, start.channel) == (seats, rounds, by.channel)
            continue
        with pytest.raises(Refused, match=f"has {count} seats, and {seats} are the most here: name fewer models"):
            await desk.start(asked)
    with pytest.raises(Refused, match=f"{rounds} rounds? here, not {rounds + 1}"):
        await desk.start(RunRequest("debate", "Why?", by, rounds=rounds + 1))


@pytest.mark.parametrize(
    "written",
    [
        "ada/0",
        "ada/1000000",
        "ada/-1",
        "ada/1e9",
        "ada@3",
        "ada@-1",
        "ada@nan",
        "ada@inf",
        "ada@1e400",
        "ada//9",
    ],
)
async def test_what_is_no_number_of_a_seat_is_refused(desk: Desk, written: str) -> None:
    with pytest.raises(Refused):
        check(await desk.start(RunRequest("compare", "Why?", MO, seats=read_seats(f"{written}, bob"))))
