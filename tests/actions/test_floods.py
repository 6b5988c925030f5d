"""More than anybody can want at once: what is too much is refused in one sentence, and the others are served."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.discord import gateway
from bot.actions.permissions import Person
from bot.actions.quota import RunQuota
from bot.actions.request import RunRequest
from bot.domain.facts import RunStarted, VoteCast, VoteWithdrawn
from bot.errors import Refused
from bot.ports import Surface
from bot.settings import LimitSettings
from tests.support import slack_app
from tests.support.actions_scene import PAT, ActionsScene
from tests.support.discord_bot import Moot, make_endless, run_moot
from tests.support.transcripts import make_start

FEW = LimitSettings(runs_per_person=2, runs_per_server=3, runs=10)
EACH = LimitSettings().runs_per_person


async def ask_for_run(scene: ActionsScene, by: Person) -> str:
    """Ask for a run; return its id, or why none began."""
    try:
        return await scene.actions.start_run(
            RunRequest("compare", "Why?", by, "default"), lambda run, title: scene.place
        )
    except Refused as error:
        return str(error)


async def test_of_many_runs_asked_for_at_once_few_begin_and_the_rest_is_refused_in_a_sentence(
    scene: ActionsScene,
) -> None:
    told = await asyncio.gather(*(ask_for_run(scene, PAT) for _ in range(100)))
    begun = [words for words in told if " " not in words]
    assert len(begun) == len(await scene.store.runs()) == EACH
    refused = {words for words in told if " " in words}
    assert refused == {f"You have {EACH} runs going on here already: wait until one ends, or stop one."}
    await asyncio.sleep(1)
    assert scene.speaker.speaking == 3 * EACH, "nothing was begun for those that were refused"

    bob = await ask_for_run(scene, replace(PAT, key="bob"))
    assert " " not in bob, "others are not held up"
    await scene.actions.stop_run(begun[0], PAT)
    await asyncio.sleep(1)
    assert " " not in await ask_for_run(scene, PAT), "a vote after the end takes no room"
    for run in (*begun[1:], bob, (await scene.store.runs())[0].run):
        await scene.actions.stop_run(run, replace(PAT, moderator=True))


async def test_between_the_starts_of_a_flood_others_have_their_turn(scene: ActionsScene) -> None:
    begun, most = 0, 0

    def open_surface(run: str, title: str) -> Surface:
        nonlocal begun
        begun += 1
        return scene.place

    starts = [
        asyncio.create_task(scene.actions.start_run(RunRequest("compare", "Why?", PAT, "default"), open_surface))
        for _ in range(EACH)
    ]
    while begun < EACH:
        before = begun
        await asyncio.sleep(0)
        most = max(most, begun - before)
    assert most == 1
    for run in await asyncio.gather(*starts):
        await scene.actions.stop_run(run, PAT)


@pytest.mark.parametrize(
    ("going_on", "told"),
    [
        ([], ""),
        ([("ann", "one"), ("ann", "one")], "You have 2 runs going on here already: wait until one ends, or stop one."),
        ([("bob", "one")] * 3, "3 runs go on here already: ask again when one has ended."),
        ([("bob", "two")] * 9, ""),
        ([("bob", "two")] * 10, "10 runs go on already, and no more fit: ask again when one has ended."),
        ([("ann", "two")] * 2, "You have 2 runs going on here already: wait until one ends, or stop one."),
    ],
)
def test_a_person_a_server_and_all_together_have_room_for_so_many(going_on: list[tuple[str, str]], told: str) -> None:
    starts: list[RunStarted] = [replace(make_start("compare"), by=by, server=server) for by, server in going_on]
    room = RunQuota(FEW, lambda: starts)
    said = ""
    try:
        with room.reserve(Person("ann", "Ann", "one")):
            pass
    except Refused as error:
        said = str(error)
    assert said == told


def test_those_that_are_being_started_take_room_and_leave_it_however_that_ends() -> None:
    room, ann = RunQuota(FEW, list), Person("ann", "Ann", "one")
    with room.reserve(ann), room.reserve(ann), pytest.raises(Refused), room.reserve(ann):
        pass
    with pytest.raises(ZeroDivisionError), room.reserve(ann), room.reserve(ann):
        raise ZeroDivisionError
    with room.reserve(ann), room.reserve(ann):
        pass


async def test_a_flood_of_commands_leaves_the_bot_to_the_others(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        for seat in ("claude", "gpt", "gemini"):
            m.script_model(seat, make_endless("On and on"))
        flood = [await m.server.slash(m.ada, m.channel, "compare", question=f"Tea {n}?") for n in range(60)]
        assert "Ask with" in await m.call_command(m.bob, "moot help")
        board = await m.ask(by=m.bob, question="And milk?")
        answers = [await interaction.answer() for interaction in flood]

        def list_refusals() -> list[str]:
            private = [message for seen in answers for message in (seen.message, *seen.followups)]
            return [message.text for message in private if message is not None and message.ephemeral]

        await m.wait_until(lambda: len(list_refusals()) == 60 - EACH)
        assert all(words.startswith(f"You have {EACH} runs going on here already") for words in list_refusals())
        await m.wait_until(lambda: len(m.read_messages(m.channel)) == EACH + 1)
        for row in await m.store.runs(100):
            await m.call_command(m.mod, "moot stop", run=row.run)
        await m.find_end_card(await m.find_thread(board))


async def test_a_flood_of_reactions_counts_each_person_once(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        thread = await m.find_thread(await m.ask())
        end, turn = await m.find_end_card(thread), await m.find_by(thread, "Claude")
        crowd = [await m.server.create_member(m.guild, f"person{n}") for n in range(60)]
        await m.wait_until_stored(turn)
        for person in crowd:
            await m.server.react(person, turn, "👍")
        assert await m.press(m.ada, end, "vote", "gpt") == "Your vote is GPT's."
        (row,) = await m.store.runs()
        async with asyncio.timeout(30):
            while sum(isinstance(e.fact, VoteCast) for e in await m.store.read(row.run)) <= len(crowd):
                await asyncio.sleep(0.01)
        assert await m.press(m.ada, end, "close") == "The vote is closed."
        await m.wait_until(lambda: f"Votes: Claude {len(crowd)}, GPT 1" in end.text)


async def test_a_flood_of_reactions_is_taken_a_few_at_a_time_so_that_all_else_goes_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "SLICE_S", 0.0)
    async with run_moot(tmp_path) as m:
        thread = await m.find_thread(await m.ask())
        await m.find_end_card(thread)
        turn = await m.find_by(thread, "Claude")
        await m.wait_until_stored(turn)
        crowd = [await m.server.create_member(m.guild, f"person{n}") for n in range(50)]
        turns_of_the_loop, taken_in = 0, []

        async def count_turns() -> None:
            nonlocal turns_of_the_loop
            while True:
                turns_of_the_loop += 1
                await asyncio.sleep(0)

        assert m.client is not None
        state = m.client._connection
        dispatch = state.dispatch

        def note_dispatch(event: str, *given: object) -> None:
            if event == "raw_reaction_add":
                taken_in.append(turns_of_the_loop)
            dispatch(event, *given)

        state.dispatch = note_dispatch
        watch = asyncio.create_task(count_turns())
        for person in crowd:
            await m.server.react(person, turn, "👍")
        await _wait_until(lambda: len(taken_in) == len(crowd))
        watch.cancel()
        assert max(Counter(taken_in).values()) == 1
        await _wait_for_votes(m, len(crowd))


async def test_reactions_given_and_taken_back_at_once_count_as_they_stand_in_the_end(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        thread = await m.find_thread(await m.ask())
        end, turn = await m.find_end_card(thread), await m.find_by(thread, "Claude")
        await m.wait_until_stored(turn)
        crowd = [await m.server.create_member(m.guild, f"person{n}") for n in range(10)]
        keeps, takes_back = crowd[:5], crowd[5:]
        for person in crowd:
            await m.server.react(person, turn, "👍")
            await m.server.unreact(person, turn, "👍")
        for person in keeps:
            await m.server.react(person, turn, "👍")
        facts = await _wait_for_votes(m, 3 * len(keeps) + 2 * len(takes_back))
        for person in crowd:
            own = [type(fact) for fact in facts if fact.by == f"discord:{person.id}"]
            assert own == [VoteCast, VoteWithdrawn, VoteCast][: 3 if person in keeps else 2]
        assert await m.press(m.ada, end, "close") == "The vote is closed."
        await m.wait_until(lambda: f"Votes: Claude {len(keeps)}." in end.text)


async def _wait_until(holds: Callable[[], bool]) -> None:
    """Wait until it holds. The bound only keeps a broken test from hanging."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def _wait_for_votes(m: Moot, count: int) -> list[VoteCast | VoteWithdrawn]:
    """Return the votes in the only run, once there are so many."""
    (row,) = await m.store.runs()
    async with asyncio.timeout(30):
        while True:
            facts = [e.fact for e in await m.store.read(row.run) if isinstance(e.fact, VoteCast | VoteWithdrawn)]
            if len(facts) >= count:
                return facts
            await asyncio.sleep(0.01)


async def test_a_flood_of_commands_on_slack_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async with slack_app.run_app(tmp_path / "moot.db", lines=slack_app.SLOW) as a:
        await asyncio.gather(*(a.ask(f"tea {n}") for n in range(40)))
        refused = await a.read_ephemerals(40 - EACH)
        assert all(words.startswith(f"You have {EACH} runs going on here already") for words in refused)
        await slack_app.wait_until(lambda: len(a.channel_messages()) == EACH)
        bob = a.server.world.add_user(a.team.id, "bob")
        a.hall.members.append(bob.id)
        await a.ask("and milk", user=bob.id)
        await slack_app.wait_until(lambda: len(a.channel_messages()) == EACH + 1)
        assert len(a.find_calls("users.info")) == 2, "each is looked up once"
        assert len(a.find_calls("conversations.info")) == 1


async def test_on_slack_reactions_of_more_people_than_it_tells_of_at_once_are_all_counted(tmp_path: Path) -> None:
    voters, a_second = 40, 8
    async with slack_app.run_app(tmp_path / "moot.db", vote_s=600.0) as a:
        await a.ask()
        board = await a.find_board()
        await slack_app.wait_until(lambda: len(a.thread_messages(board)) == 3)  # two seats, and the end card
        await a.wait_until_stored(4)
        crowd = [a.server.world.add_user(a.team.id, f"person{n}") for n in range(voters)]
        a.hall.members += [person.id for person in crowd]
        a.server.limits.set("users.info", a_second, per_s=1)
        ada = a.thread_messages(board)[0]
        for person in crowd:
            await a.server.people.react(person.id, ada, "+1")
        (row,) = await a.store.runs()
        async with asyncio.timeout(30):
            while sum(isinstance(e.fact, VoteCast) for e in await a.store.read(row.run)) < voters:
                await asyncio.sleep(0.05)
