"""/moot runs lists what was held where it is called, and narrows it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.controls import QueryRef, Target
from bot.domain.facts import CaughtUp, RunFinished, ViewAttached
from bot.errors import Refused
from commands.command import Answer, Here, NoOptions, Offered, Told, may_see_all
from commands.controls import PRESSES
from commands.runs import COMMANDS, KnownRunOptions, ListRunsOptions, turn_page
from commands.suggestions import suggest_values
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.transcripts import make_start

[RUNS] = [command for command in COMMANDS if command.path == ("moot", "runs")]


async def list_here(scene: ActionsScene, by: Person, **options: Any) -> str:
    told = await RUNS.handle(scene.actions, ListRunsOptions(**options), Here(by, lambda run, title: scene.place))
    assert isinstance(told, Told)
    return told.text


async def test_a_channel_lists_its_own_and_a_manager_all(scene: ActionsScene) -> None:
    talk = replace(PAT, channel="talk", manager=False)
    run = await scene.actions.start_run(RunRequest("compare", "Is tea good?", talk), lambda run, title: scene.place)
    assert run in await list_here(scene, talk)
    assert run not in await list_here(scene, replace(talk, channel="other"))
    assert run in await list_here(scene, replace(MO, channel="other", manager=True))
    await scene.actions.stop_run(run, PAT)
    await scene.finish(run)


async def test_words_person_and_state_narrow_it_and_nothing_found_says_so(scene: ActionsScene) -> None:
    assert await list_here(scene, PAT) == "There are no runs yet: try `/council`."
    run = await scene.actions.start_run(RunRequest("compare", "Is tea good?", PAT), lambda run, title: scene.place)
    for wanted in ({"words": "TEA"}, {"person": "me"}, {"state": "open"}, {"format": "compare"}):
        assert run in await list_here(scene, PAT, **wanted)
    for other in ({"words": "coffee"}, {"words": '"'}, {"person": "<@9>"}, {"state": "over"}, {"page": 2}):
        assert (await list_here(scene, PAT, **other)).startswith("No run here is like that.")
    await scene.actions.stop_run(run, PAT)
    await scene.finish(run)


async def store_runs(scene: ActionsScene, count: int) -> None:
    """Store runs r0, r1, …; each third is shown in a hidden place."""
    for n in range(count):
        await asyncio.sleep(1)
        start = replace(make_start("compare"), question=f"tea {n}?" * 40, by="p")
        shown = ViewAttached("hidden" if n % 3 == 0 else "open")
        await scene.store.append(f"r{n:02}", [start, shown, RunFinished("answered"), CaughtUp()])


async def turn(scene: ActionsScene, by: Person, offered: Answer, label: str, **here: Any) -> Offered | Told:
    """Press a button under a list."""
    assert isinstance(offered, Offered)
    [button] = [c for c in offered.controls if c.label == label]
    at = Here(by, lambda run, title: scene.place, **here)
    answer = await turn_page(scene.actions, Target(about=button.about), NoOptions(), at)
    assert isinstance(answer, Offered | Told)
    assert answer.in_place
    return answer


def read_runs(answer: Offered | Told) -> list[str]:
    return [line.split("`")[1] for line in answer.text.splitlines() if line.startswith("- `")]


async def test_a_list_is_turned_by_buttons_that_keep_what_was_asked(scene: ActionsScene) -> None:
    await store_runs(scene, 45)
    here = Here(PAT, lambda run, title: scene.place)
    first = await RUNS.handle(scene.actions, ListRunsOptions(words="tea", person="me"), here)
    assert isinstance(first, Offered)
    assert len(first.text) < 2_000
    assert [button.label for button in first.controls] == ["Older"]
    second = await turn(scene, PAT, first, "Older")
    third = await turn(scene, PAT, second, "Older")
    assert read_runs(first) + read_runs(second) + read_runs(third) == [f"r{n:02}" for n in reversed(range(45))]
    assert isinstance(third, Offered)
    assert [button.label for button in third.controls] == ["Newer"]
    assert read_runs(await turn(scene, PAT, third, "Newer")) == read_runs(second)
    theirs = await turn(scene, MO, first, "Older")  # "me" is whoever presses
    assert theirs.text.startswith("No run here is like that.")


async def test_whoever_turns_a_page_sees_what_they_may_see(scene: ActionsScene) -> None:
    async def may_see(address: str) -> bool:
        return address == "open"

    await store_runs(scene, 45)
    first = await RUNS.handle(scene.actions, ListRunsOptions(), Here(PAT, lambda run, title: scene.place))
    theirs = read_runs(await turn(scene, MO, first, "Older", may_see=may_see))
    assert theirs == [f"r{n:02}" for n in reversed(range(45)) if n % 3][20:]


async def test_what_a_button_cannot_keep_is_typed_again(scene: ActionsScene) -> None:
    await store_runs(scene, 25)
    wanted = "tea " * 30
    told = await list_here(scene, PAT, words=wanted)
    assert told.endswith("Older ones: the same with page 2.")


async def test_a_button_of_no_list_is_refused(scene: ActionsScene) -> None:
    for query in ("page=99", "state=strange"):
        with pytest.raises(ValidationError):
            await turn_page(
                scene.actions, Target(about=QueryRef(query)), NoOptions(), Here(PAT, lambda run, title: scene.place)
            )


async def press(scene: ActionsScene, run: str, action: str, by: Person, **values: str) -> str:
    declared = PRESSES[action]
    options = declared.options.model_validate(values)
    told = await declared.handle(scene.actions, Target(run), options, Here(by, lambda run, title: scene.place))
    assert isinstance(told, Told)
    return told.text


async def test_its_starter_and_moderators_name_and_archive_a_run(scene: ActionsScene) -> None:
    await store_runs(scene, 2)
    assert await press(scene, "r01", "name", MO, text=" Which\ttea? ") == "Lists have it by “Which tea?” now."
    assert "Which tea?" in await list_here(scene, PAT)
    assert "`/moot runs state:archived`" in await press(scene, "r01", "archive", MO)
    assert "r01" not in await list_here(scene, PAT)
    assert "r01" in await list_here(scene, PAT, state="archived")
    suggested = await suggest_values(scene.actions, KnownRunOptions, "run", "", PAT, may_see_all)
    assert [name.split()[0] for name in suggested] == ["r00"]
    for action, values in (("name", {"text": "Mine"}), ("archive", {}), ("restore", {})):
        with pytest.raises(Refused, match="moderators"):
            await press(scene, "r01", action, Person("eve", "Eve"), **values)
    for action, values, why in (("archive", {}, "already"), ("name", {"text": "x" * 81}, "80"), ("stop", {}, "over")):
        with pytest.raises(Refused, match=why):
            await press(scene, "r01", action, MO, **values)
    assert await press(scene, "r01", "restore", MO) == "Lists have it again."
    assert await press(scene, "r01", "name", MO, text=" ") == "Lists have it by its question now."
    assert "Which tea?" not in await list_here(scene, PAT)


async def test_runs_of_a_panel_are_listed(scene: ActionsScene) -> None:
    await store_runs(scene, 1)
    await scene.store.append("named", [replace(make_start("compare"), panel_name="fast"), RunFinished("answered")])
    assert [line.split("`")[1] for line in (await list_here(scene, PAT, panel="fast")).splitlines()] == ["named"]
