"""How long models have taken in a server's runs: what new runs begin with, and reviews wait by."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.actions.paces import ANSWERS, PaceBook
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.facts import Fact, RunFinished, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import Effort, Finish, Timings, TurnId
from bot.domain.transcript import Entry
from tests.support.actions_scene import ActionsScene
from tests.support.stores import MemoryStore
from tests.support.transcripts import make_panel, make_start

HERE = "discord:1"


class CountingStore(MemoryStore):
    """A store that counts the runs that are read."""

    reads = 0

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        self.reads += 1
        return await super().read(run, after)


def start_here(server: str = HERE, effort: Effort | None = None) -> RunStarted:
    begun = make_start("council")
    seats = tuple(replace(s, effort=effort) for s in begun.panel.seats)
    return replace(begun, server=server, panel=replace(begun.panel, seats=seats))


def end_answer(seat: str, seconds: float, finish: Finish = "done") -> Sequence[Fact]:
    turn = TurnId("answer", 1, seat)
    return [TurnStarted(turn), TurnEnded(turn, finish, "words", timings=Timings(seconds))]


async def read_usual(store: MemoryStore, server: str = HERE, effort: Effort | None = None) -> dict[str, list[float]]:
    panel = await PaceBook(store).note_usual(start_here(effort=effort).panel, server)
    return {seat.key: list(seat.usual_s) for seat in panel.seats}


async def test_a_seat_has_the_times_of_its_model_at_its_effort_in_its_server() -> None:
    store = MemoryStore(asyncio.get_running_loop().time)
    over = RunFinished("ranked")
    await store.append("one", [start_here(), *end_answer("ada", 5.04), *end_answer("bob", 6.0, "skipped"), over])
    await store.append("hard", [start_here(effort="high"), *end_answer("ada", 50.0), over])
    await store.append("elsewhere", [start_here("discord:2"), *end_answer("ada", 900.0), over])
    await store.append("open", [start_here(), *end_answer("ada", 700.0)])
    assert await read_usual(store) == {"ada": [5.0], "bob": [], "cyd": []}
    assert (await read_usual(store, effort="high"))["ada"] == [50.0]
    assert (await read_usual(store, "discord:2"))["ada"] == [900.0]


async def test_an_answer_at_once_counts_as_a_tenth_of_a_second() -> None:
    store = MemoryStore(asyncio.get_running_loop().time)
    await store.append("one", [start_here(), *end_answer("ada", 0.004), RunFinished("ranked")])
    assert (await read_usual(store))["ada"] == [0.1]


async def test_only_the_latest_count_and_a_run_is_read_once() -> None:
    clock = [0.0]
    store = CountingStore(lambda: clock[0])
    for n in range(2 * ANSWERS):
        clock[0] += 1
        await store.append(f"r{n}", [start_here(), *end_answer("ada", float(n + 1)), RunFinished("ranked")])
    book = PaceBook(store)
    for _ in range(3):
        [ada, *_] = (await book.note_usual(make_panel(), HERE)).seats
        assert list(ada.usual_s) == [float(2 * ANSWERS - n) for n in range(ANSWERS)]
    assert store.reads == ANSWERS


async def test_a_run_begins_with_what_the_last_one_took(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": ["a", 3.0], "bob": ["b", 4.0], "cyd": ["c", 5.0]}
    pat = Person("p", "Pat", server=HERE)
    request = RunRequest("compare", "Why?", pat, "default", None)
    first = await scene.actions.start_run(request, lambda run, title: scene.place)
    await asyncio.sleep(30)
    await scene.finish(first)
    second = await scene.actions.start_run(request, lambda run, title: scene.place)
    usual = {s.key: s.usual_s for s in (await scene.read_stored(second)).started.panel.seats}
    assert usual == {"ada": (3.0,), "bob": (4.0,), "cyd": (5.0,)}
    assert {s.usual_s for s in (await scene.read_stored(first)).started.panel.seats} == {()}
