"""Runs go on as soon as a process starts, and are shown on each platform once it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.domain.facts import CaughtUp, Claimed, Deleted, RunFinished, Stopped, ViewAttached
from bot.domain.transcript import Transcript
from bot.formats import FORMATS
from bot.ports.store import PostedPage
from bot.ports.surface import Surface
from tests.servers.model_server import answer
from tests.support.discord_bot import make_endless, run_moot
from tests.support.restarts import PLACE, RUN, RestartScene
from tests.support.surfaces import Place
from tests.support.transcripts import make_start
from tests.support.virtual_time import in_virtual_time

OTHER = "other"


async def find_nothing(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
    return None


async def cut_run_off(scene: RestartScene) -> None:
    """Let a process die when Ada has answered, Bob has begun and Cyd has not."""
    await scene.begin_and_die_after(2.0, {"ada": ["kept"], "bob": ["ha", 60.0], "cyd": [60.0]})


@in_virtual_time
async def test_models_speak_before_any_platform_is_there() -> None:
    scene = RestartScene()
    await cut_run_off(scene)
    stood, bob = set(scene.place.history), scene.read_history("bob")
    async with scene.process({"bob": ["all of it", 60.0]}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await asyncio.sleep(5)
        assert sorted(seat for seat, _ in scene.speakers[1].asked) == ["bob", "cyd"]
        assert set(scene.place.history) == stood
        assert scene.read_history("bob") == bob
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await asyncio.sleep(1)
        assert scene.read_history("bob")[len(bob)] == "all of it"
        await supervisor.wait_until_finished(RUN)
    assert len(scene.speakers[1].asked) == 2
    assert len([ref for ref in scene.place.history if ref not in stood]) == 1  # the end card alone is new
    assert sum(isinstance(e.fact, Claimed) for e in await scene.store.read(RUN)) == 2  # once a process


@in_virtual_time
async def test_a_run_that_ends_before_its_platform_is_there_is_shown_once_it_is() -> None:
    scene = RestartScene()
    await cut_run_off(scene)
    async with scene.process({}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await asyncio.sleep(3_600)
        assert (await scene.transcript()).finished == RunFinished("compared")
        assert await scene.store.unfinished_runs() == [RUN]
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await supervisor.wait_until_finished(RUN)
    assert [lane.stage for lane, _ in scene.place.read_texts()][-1] == "end"
    assert await scene.store.unfinished_runs() == []


@pytest.mark.parametrize("has_ended", [False, True])
@in_virtual_time
async def test_what_its_platform_cannot_show_is_left_until_it_can(has_ended: bool) -> None:
    """Such as when the bot was removed from a server, or that is down when the gateway is ready."""
    scene = RestartScene()
    await cut_run_off(scene)
    async with scene.process({} if has_ended else {"bob": [60.0]}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await asyncio.sleep(1)
        await supervisor.resume_in_places(FORMATS, PLACE, find_nothing)
        await asyncio.sleep(1)
        assert supervisor.transcript(RUN) is None
        assert scene.speakers[1].speaking == 0
        t = await scene.transcript()
        assert (t.finished is not None) == has_ended
        assert CaughtUp() not in [entry.fact for entry in t.entries]
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await supervisor.wait_until_finished(RUN)
    assert [lane.stage for lane, _ in scene.place.read_texts()][-1] == "end"


@pytest.mark.parametrize("other_shows_it", [True, False])
@in_virtual_time
async def test_a_run_waits_for_all_its_platforms_before_it_is_left(other_shows_it: bool) -> None:
    scene = RestartScene()
    other = Place(scene.place.platform, OTHER)
    await scene.store.append(RUN, [make_start("compare"), ViewAttached(PLACE), ViewAttached(OTHER)])

    async def elsewhere(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        return other if other_shows_it else None

    async with scene.process({"bob": [60.0]}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE, OTHER])
        await supervisor.resume_in_places(FORMATS, PLACE, find_nothing)
        await asyncio.sleep(1)
        assert supervisor.transcript(RUN) is not None
        await supervisor.resume_in_places(FORMATS, OTHER, elsewhere)
        await asyncio.sleep(1)
        assert (supervisor.transcript(RUN) is not None) == other_shows_it
    assert bool(other.read_texts()) == other_shows_it


@in_virtual_time
async def test_what_asks_no_model_or_has_no_platform_here_is_not_taken_up() -> None:
    scene = RestartScene()
    await scene.store.append("old", [make_start("compare"), ViewAttached(PLACE)])
    await asyncio.sleep(3_600)
    await scene.store.append("ended", [make_start("compare"), ViewAttached(PLACE), RunFinished("compared")])
    await scene.store.append("elsewhere", [make_start("compare"), ViewAttached(OTHER)])
    await scene.store.append("nowhere", [make_start("compare")])
    before = [await scene.store.read(run) for run in ("old", "ended", "elsewhere", "nowhere")]
    async with scene.process({}, max_age_s=1_800) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await asyncio.sleep(1)
        assert not any(map(supervisor.transcript, ("old", "ended", "elsewhere", "nowhere")))
    assert [await scene.store.read(run) for run in ("old", "ended", "elsewhere", "nowhere")] == before


@in_virtual_time
async def test_a_platform_that_comes_while_runs_are_taken_up_claims_none_twice() -> None:
    scene = RestartScene()
    await cut_run_off(scene)
    async with scene.process({}) as supervisor:
        await asyncio.gather(
            supervisor.continue_without_places(FORMATS, [PLACE]),
            supervisor.resume_in_places(FORMATS, PLACE, scene.reopen),
        )
        await supervisor.wait_until_finished(RUN)
    assert sum(isinstance(e.fact, Claimed) for e in await scene.store.read(RUN)) == 2  # once a process
    assert len(scene.speakers[1].asked) == 2


@in_virtual_time
async def test_a_process_that_stops_before_any_platform_is_there_hands_over() -> None:
    scene = RestartScene()
    await cut_run_off(scene)
    async with scene.process({"bob": [60.0]}, grace_s=5.0) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await supervisor.hand_over()
        await asyncio.sleep(0)
        assert scene.speakers[1].speaking == 0
        await supervisor.continue_without_places(FORMATS, [PLACE])  # what is taken up too late is not taken up
        assert len(scene.speakers[1].asked) == 2
    async with scene.process({}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        t = await supervisor.wait_until_finished(RUN)
    assert t.finished == RunFinished("compared")


@in_virtual_time
async def test_what_is_deleted_meanwhile_waits_for_no_platform() -> None:
    scene = RestartScene()
    await cut_run_off(scene)
    async with scene.process({"bob": [60.0]}) as supervisor:
        await supervisor.continue_without_places(FORMATS, [PLACE])
        await scene.store.append(RUN, [Stopped("p"), Deleted("p")])
        supervisor.wake(RUN)
        await asyncio.sleep(5)
        assert supervisor.transcript(RUN) is None


async def test_models_are_asked_while_the_gateway_refuses(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("gpt", make_endless("Coffee, as I was"))
        board = await m.ask()
        thread = await m.find_thread(board)
        said = await m.find_turn(thread, "Coffee, as I was")
        await m.wait_until_stored(said)
        await m.stop()
        m.script_model("gpt", answer("Coffee, and nothing else."))
        await m.server.refuse_connects(1_000)
        starting = asyncio.create_task(m.start())
        async with asyncio.timeout(30):  # Discord's server notices nothing of it
            while len(m.read_asks("gpt")) < 2:
                await asyncio.sleep(0.005)
        assert "as I was" in said.text
        await m.server.refuse_connects(0)
        await starting
        assert (await m.find_turn(thread, "Coffee, and nothing else.")).id == said.id
        await m.find_end_card(thread)
