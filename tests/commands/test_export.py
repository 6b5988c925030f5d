"""/moot export: a run as a file, with what its person may know."""

from __future__ import annotations

import asyncio

import pytest

from bot.actions.permissions import Person
from bot.domain.controls import Target
from bot.domain.facts import Claimed, TurnEnded
from bot.domain.run import TurnId
from bot.errors import Refused
from bot.ports.store import Snapshot
from bot.records.record import read_record
from commands import COMMANDS, more
from commands.command import Here, NoOptions, Offered, Started, Told, open_no_surface
from commands.compare import COMMAND as COMPARE
from commands.controls import PRESSES
from tests.support.actions_scene import PAT, ActionsScene

EXPORT = next(c for c in COMMANDS if c.path == ("moot", "export"))
SPEAKER = Person("s", "Sam", server="test:strict", roles=frozenset({"speakers"}), channel="7")


async def ask_for_file(scene: ActionsScene, run: str, form: str, by: Person = PAT) -> tuple[str, str]:
    """Give the command, and return the file that comes back."""
    options = EXPORT.options.model_validate({"run": run, "format": form})
    answer = await EXPORT.handle(scene.actions, options, Here(by, open_no_surface))
    assert isinstance(answer, Told)
    assert answer.file
    name, text = answer.file
    assert isinstance(text, str)
    return name, text


async def begin_comparison(scene: ActionsScene, by: Person = PAT, **typed: str | bool) -> str:
    options = COMPARE.options.model_validate({"question": "Why?", **typed})
    answer = await COMPARE.handle(scene.actions, options, Here(by, lambda run, title: scene.place, ("7", "talk")))
    assert isinstance(answer, Started)
    return answer.run


async def test_the_json_file_holds_the_whole_run(scene: ActionsScene) -> None:
    run = await begin_comparison(scene)
    await asyncio.sleep(61)
    await scene.actions.close_vote(run, PAT)
    await asyncio.sleep(1)
    name, text = await ask_for_file(scene, run, "json")
    record = read_record(text)
    assert (name, record.run) == (f"moot-{run}.json", run)
    stored = [entry.fact for entry in await scene.store.read(run)]
    assert [entry.fact for entry in record.entries] == [
        Claimed("") if isinstance(fact, Claimed) else fact for fact in stored
    ]
    assert {shot.turn.seat for shot in record.snapshots} == {"ada", "bob", "cyd"}


async def test_what_is_not_told_yet_is_in_no_json_file(scene: ActionsScene) -> None:
    run = await begin_comparison(scene, blind=True, reveal="together")
    for seconds in (1, 61):  # while it runs, and while people vote
        await asyncio.sleep(seconds)
        with pytest.raises(Refused, match="not told yet"):
            await ask_for_file(scene, run, "json")
        assert (await ask_for_file(scene, run, "md"))[0] == f"moot-{run}.md"
    await scene.actions.close_vote(run, PAT)
    await asyncio.sleep(1)
    assert read_record((await ask_for_file(scene, run, "json"))[1]).run == run


async def test_a_servers_listed_words_are_blanked(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": ["a newt", 60.0], "bob": ["b", 60.0], "cyd": ["c", 60.0]}
    run = await begin_comparison(scene, SPEAKER)
    await asyncio.sleep(61)
    await scene.actions.close_vote(run, SPEAKER)
    await asyncio.sleep(1)
    record = read_record((await ask_for_file(scene, run, "json", SPEAKER))[1])
    texts = {e.fact.turn: e.fact.text for e in record.entries if isinstance(e.fact, TurnEnded)}
    assert texts[TurnId("answer", 1, "ada")] == "a ████"
    with pytest.raises(Refused, match="There is no run"):
        await ask_for_file(scene, run, "json", PAT)  # of another server


async def test_a_picture_is_offered_once_nothing_is_hidden_and_where_it_can_be_drawn(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begin_comparison(scene)
    await scene.finish(run)

    async def press(action: str) -> Told | Offered:
        answer = await PRESSES[action].handle(scene.actions, Target(run), NoOptions(), Here(PAT, open_no_surface))
        assert isinstance(answer, Told | Offered)
        return answer

    async def list_offered() -> list[str]:
        offered = await press("more")
        assert isinstance(offered, Offered)
        return [control.action for control in offered.controls]

    assert "card" not in await list_offered()  # people vote
    with pytest.raises(Refused, match="not told yet"):
        await press("card")
    await scene.actions.close_vote(run, PAT)
    assert "card" in await list_offered()
    told = await press("card")
    assert isinstance(told, Told)
    assert told.file
    assert (told.file[0], told.file[1][:4]) == (f"moot-{run}.png", b"\x89PNG")
    monkeypatch.setattr(more, "can_draw_cards", lambda: False)
    assert "card" not in await list_offered()


async def test_a_run_that_is_deleted_while_it_is_exported_goes_out_with_what_was_read(
    scene: ActionsScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begin_comparison(scene)
    await scene.finish(run)
    await scene.actions.close_vote(run, PAT)
    facts, read_snapshots = len(await scene.store.read(run)), scene.store.snapshots

    async def delete_first(asked: str) -> list[Snapshot]:
        await scene.actions.keeping.delete_run(asked, PAT)
        await scene.store.erase_runs([asked])
        return await read_snapshots(asked)

    monkeypatch.setattr(scene.store, "snapshots", delete_first)
    record = read_record((await ask_for_file(scene, run, "json"))[1])
    assert (len(record.entries) >= facts, record.snapshots) == (True, ())
