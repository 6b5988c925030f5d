"""Whatever grows with what people do has a bound: remarks, presses, places, pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from bot.actions import access, actions, quota
from bot.actions.permissions import Person
from bot.actions.quota import MAX_PAUSED
from bot.errors import Refused
from tests.support.actions_scene import LIMITS, MO, PAT, ActionsScene
from tests.support.surfaces import Place, Platform

ANN, BEN = Person("ann", "Ann"), Person("ben", "Ben")


async def read_refusal(act: Awaitable[object]) -> str:
    with pytest.raises(Refused) as caught:
        await act
    return str(caught.value)


@pytest.mark.parametrize(
    ("bound", "most", "told"),
    [
        ("MAX_REMARKS_OF_ONE", 3, "as much here as one person may"),
        ("MAX_REMARKS_CHARS_OF_ONE", 9, "as much here as one person may"),
        ("MAX_REMARKS", 3, "as many remarks as it can pass on"),
        ("MAX_REMARKS_CHARS", 9, "as many remarks as it can pass on"),
    ],
)
async def test_remarks_are_bounded_in_number_and_length(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, told: str
) -> None:
    monkeypatch.setattr(quota, bound, most)
    run = await scene.start_run()
    for _ in range(3):
        await scene.actions.add_remark(run, "abc", ANN)
    assert told in await read_refusal(scene.actions.add_remark(run, "abc", ANN))
    assert len((await scene.read_stored(run)).remarks) == 3
    if "OF_ONE" in bound:
        await scene.actions.add_remark(run, "abc", BEN)


async def test_who_presses_without_end_is_told_so(scene: ActionsScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_ACTS", 4)
    run = await scene.start_run()
    for seat in ("ada", "bob", "ada", "bob"):
        await scene.actions.cast_vote(run, seat, ANN)
    stored = (await scene.read_stored(run)).seq
    assert "4 things" in await read_refusal(scene.actions.cast_vote(run, "ada", ANN))
    assert (await scene.read_stored(run)).seq == stored
    await scene.actions.cast_vote(run, "ada", BEN)


async def test_a_run_is_shown_in_so_many_places_and_once_in_each(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_VIEWS", 3)
    run = await scene.start_run()
    places = [Place(Platform(round_trip_s=0.01), name) for name in ("two", "three", "four")]
    await scene.actions.watch_run(run, PAT, lambda run, question: places[0])
    assert "here already" in await read_refusal(scene.actions.watch_run(run, PAT, lambda run, question: places[0]))
    await scene.actions.watch_run(run, PAT, lambda run, question: places[1])
    assert "3 places already" in await read_refusal(scene.actions.watch_run(run, PAT, lambda run, question: places[2]))


async def test_a_paused_run_holds_no_place_and_needs_one_to_go_on(scene: ActionsScene) -> None:
    runs = [await scene.start_run() for _ in range(LIMITS.runs_per_person)]
    assert "going on here already" in await read_refusal(scene.start_run())
    for run in runs[:MAX_PAUSED]:
        await scene.actions.steering.pause_run(run, PAT)
        await asyncio.sleep(1)
    assert "of Pat are paused already" in await read_refusal(scene.actions.steering.pause_run(runs[-1], MO))
    more = [await scene.start_run() for _ in range(MAX_PAUSED)]
    assert (await read_refusal(scene.actions.steering.resume_run(runs[0], PAT))).startswith("It cannot go on yet. You")
    await scene.actions.stop_run(more[0], PAT)
    await scene.finish(more[0])
    await scene.actions.steering.resume_run(runs[0], PAT)
