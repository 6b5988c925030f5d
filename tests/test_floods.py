"""More than anybody can want at once: what is too much is refused in one sentence, and the others are served."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.facts import RunStarted, VoteCast
from bot.rights import Person
from bot.room import Room
from bot.settings import LimitSettings
from bot.wishes import Wish
from tests.discord_bot import moot, speaking
from tests.tables import start
from tests.test_actions import Desk, P, at_desk

FEW = LimitSettings(runs_per_person=2, runs_per_server=3, runs=10)
EACH = LimitSettings().runs_per_person


async def asked(d: Desk, by: Person) -> str:
    """The run that began, or why none did."""
    try:
        return await d.actions.start(Wish("compare", "Why?", by, "default"), lambda run, title: d.place)
    except Refused as error:
        return str(error)


def test_of_many_runs_asked_for_at_once_few_begin_and_the_rest_is_refused_in_a_sentence() -> None:
    async def act(d: Desk) -> None:
        told = await asyncio.gather(*(asked(d, P) for _ in range(100)))
        begun = [words for words in told if " " not in words]
        assert len(begun) == len(await d.store.runs()) == EACH
        refused = {words for words in told if " " in words}
        assert refused == {f"You have {EACH} runs going on here already: wait until one ends, or stop one."}
        await asyncio.sleep(1)
        assert d.speaker.speaking == 3 * EACH, "nothing was begun for those that were refused"

        bob = await asked(d, replace(P, key="bob"))
        assert " " not in bob, "others are not held up"
        await d.actions.stop(begun[0], P)
        await asyncio.sleep(1)
        assert " " not in await asked(d, P), "a vote after the end takes no room"
        for run in (*begun[1:], bob, (await d.store.runs())[0].run):
            await d.actions.stop(run, replace(P, moderator=True))

    at_desk(act)


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
    starts: list[RunStarted] = [replace(start("compare"), by=by, server=server) for by, server in going_on]
    room = Room(FEW, lambda: starts)
    said = ""
    try:
        with room.for_one(Person("ann", "Ann", "one")):
            pass
    except Refused as error:
        said = str(error)
    assert said == told


def test_those_that_are_being_started_take_room_and_leave_it_however_that_ends() -> None:
    room, ann = Room(FEW, list), Person("ann", "Ann", "one")
    with room.for_one(ann), room.for_one(ann), pytest.raises(Refused), room.for_one(ann):
        pass
    with pytest.raises(ZeroDivisionError), room.for_one(ann), room.for_one(ann):
        raise ZeroDivisionError
    with room.for_one(ann), room.for_one(ann):
        pass


async def test_a_flood_of_commands_leaves_the_bot_to_the_others(tmp_path: Path) -> None:
    async with moot(tmp_path) as m:
        for seat in ("claude", "gpt", "gemini"):
            m.tell(seat, speaking("On and on"))
        flood = [await m.server.slash(m.ada, m.channel, "compare", question=f"Tea {n}?") for n in range(60)]
        assert "Ask with" in await m.command(m.bob, "moot help")
        board = await m.ask(by=m.bob, question="And milk?")
        answers = [await interaction.answer() for interaction in flood]

        def refused() -> list[str]:
            private = [message for seen in answers for message in (seen.message, *seen.followups)]
            return [message.text for message in private if message is not None and message.ephemeral]

        await m.until(lambda: len(refused()) == 60 - EACH)
        assert all(words.startswith(f"You have {EACH} runs going on here already") for words in refused())
        await m.until(lambda: len(m.seen(m.channel)) == EACH + 1)
        for row in await m.store.runs(100):
            await m.command(m.mod, "moot stop", run=row.run)
        await m.end(await m.thread(board))


async def test_a_flood_of_reactions_counts_each_person_once(tmp_path: Path) -> None:
    async with moot(tmp_path) as m:
        thread = await m.thread(await m.ask())
        end, turn = await m.end(thread), await m.by(thread, "Claude")
        crowd = [await m.server.create_member(m.guild, f"person{n}") for n in range(60)]
        await m.known(turn)
        for person in crowd:
            await m.server.react(person, turn, "👍")
        assert await m.press(m.ada, end, "vote", "gpt") == "Your vote is GPT's."
        (row,) = await m.store.runs()
        async with asyncio.timeout(30):
            while sum(isinstance(e.fact, VoteCast) for e in await m.store.read(row.run)) <= len(crowd):
                await asyncio.sleep(0.01)
        assert await m.press(m.ada, end, "close") == "The vote is closed."
        await m.until(lambda: f"Votes: Claude {len(crowd)}, GPT 1" in end.text)
