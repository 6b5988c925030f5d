"""What people do to a run that goes on, and what comes of it."""

from __future__ import annotations

import asyncio

import pytest

from bot.actions.permissions import Person
from bot.domain.run import TurnId
from bot.engine.thread import REMOVED
from bot.errors import Refused
from commands import COMMANDS
from commands.command import Command, Here, may_see_all
from commands.controls import PRESSES, Target
from commands.transfer import TransferOptions
from tests.actions.test_actions import MO, Desk, P, at_desk
from tests.support.speakers import make_refusal

GUESTS = [Person(f"g{n}", f"Guest {n}") for n in range(3)]


def test_others_skip_together_and_the_starter_alone() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await asyncio.sleep(1)
        turn = TurnId("answer", 1, "ada")
        assert "once 1 more" in await d.actions.skip_turn(run, turn, GUESTS[0])  # Pat asked, so two are present
        await d.actions.add_remark(run, "hello", GUESTS[1])
        assert "once 1 more" in await d.actions.skip_turn(run, turn, GUESTS[0])
        assert (await d.transcript(run)).skips == frozenset()
        told = await asyncio.gather(*(d.actions.skip_turn(run, turn, g) for g in GUESTS[1:]))
        assert "Ada is skipped." in told
        assert await d.actions.skip_seat(run, "bob", P) == "Bob is skipped."
        await d.actions.stop_run(run, MO)

    at_desk(act)


def test_only_starter_and_moderators_stop_retry_and_close() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {"ada": [make_refusal()], "bob": ["b", 60.0], "cyd": ["c", 60.0]}
        run = await d.start()
        await asyncio.sleep(1)
        ada = TurnId("answer", 1, "ada")
        for wrong in (d.actions.stop_run, d.actions.close_vote, d.actions.delete_run):
            with pytest.raises(Refused, match="is for Pat and moderators"):
                await wrong(run, GUESTS[0])
        with pytest.raises(Refused, match="is for Pat and moderators"):
            await d.actions.retry_turn(run, ada, GUESTS[0])
        d.speaker.lines = {"ada": ["better"]}
        assert await d.actions.retry_turn(run, ada, P) == "Ada is asked again."
        await asyncio.sleep(1)
        assert await d.actions.read_lane(run, ada.lane, P) == ("Ada", "better")
        with pytest.raises(Refused, match="has not failed"):
            await d.actions.retry_turn(run, ada, P)
        await d.actions.stop_run(run, MO)

    at_desk(act)


def test_one_vote_a_person_and_round_until_the_vote_closes() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {}
        run = await d.start()
        await asyncio.sleep(1)
        assert (await d.transcript(run)).finished
        assert await d.actions.cast_vote(run, "ada", P) == "Your vote is Ada's."
        assert await d.actions.cast_vote(run, "bob", P) == "Your vote is now Bob's."
        with pytest.raises(Refused, match="not that seat's"):
            await d.actions.withdraw_vote(run, "ada", P, 1)
        assert await d.actions.withdraw_vote(run, "bob", P, 1) == "Your vote is taken away."
        await d.actions.cast_vote(run, "cyd", GUESTS[0])
        await d.actions.close_vote(run, P)
        with pytest.raises(Refused, match="The vote is closed"):
            await d.actions.cast_vote(run, "ada", P)
        await d.actions.wait_until_finished(run)
        [end] = [text for lane, text in d.place.read_texts() if lane.stage == "end"]
        assert "Votes: Cyd 1." in end

    at_desk(act)


def test_the_vote_closes_by_itself() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {}
        run = await d.start()
        await d.actions.cast_vote(run, "ada", P)
        await asyncio.sleep(590)
        assert all("Votes" not in text for _, text in d.place.read_texts())
        await d.actions.wait_until_finished(run)
        assert any("Votes: Ada 1." in text for _, text in d.place.read_texts())
        with pytest.raises(Refused, match="The vote is closed"):
            await d.actions.cast_vote(run, "ada", P)

    at_desk(act)


def test_what_is_removed_reads_as_removed_everywhere() -> None:
    async def act(d: Desk) -> None:
        d.speaker.lines = {}
        run = await d.start()
        await asyncio.sleep(1)
        turn = TurnId("answer", 1, "ada")
        with pytest.raises(Refused, match="Remove is for moderators"):
            await d.actions.remove_turn(run, turn, P)
        assert await d.actions.remove_turn(run, turn, MO) == "Removed what Ada said."
        await asyncio.sleep(1)
        assert (turn.lane, REMOVED) in d.place.read_texts()
        assert (await d.actions.read_thread(run, P))[0].text == REMOVED
        with pytest.raises(Refused, match="removed by a moderator"):
            await d.actions.read_lane(run, turn.lane, P)
        await d.actions.close_vote(run, P)

    at_desk(act)


def test_a_deleted_run_is_gone_for_people() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        await d.actions.delete_run(run, P)
        await d.actions.wait_until_finished(run)
        assert await d.actions.list_runs(P, 10, may_see_all) == []
        with pytest.raises(Refused, match="There is no run"):
            await d.actions.read_run(run, P)

    at_desk(act)


def test_runs_are_listed_for_those_who_can_look_where_they_are_shown() -> None:
    async def act(d: Desk) -> None:
        begun = [await d.start() for _ in range(3)]
        asked: list[str] = []

        async def sees(address: str) -> bool:
            asked.append(address)
            return len(asked) != 2

        assert len(await d.actions.list_runs(P, 1, may_see_all)) == 1
        shown = [row.run for row in await d.actions.list_runs(P, 10, sees)]
        assert len(shown) == 2
        assert set(shown) < set(begun)
        assert asked == ["place"] * 3
        for run in begun:
            await d.actions.stop_run(run, P)

    at_desk(act)


async def sees_nothing(address: str) -> bool:
    return False


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if "run" in c.options.model_fields], ids=lambda c: " ".join(c.path)
)
def test_a_run_is_named_by_those_who_can_look_where_it_is_shown(command: Command) -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        needed = {name: "ada" for name, field in command.options.model_fields.items() if field.is_required()}
        options = command.options.model_validate({**needed, "run": run})
        here = Here(GUESTS[0], lambda run, title: d.place, may_see=sees_nothing)
        with pytest.raises(Refused, match=f"^There is no run {run} here.$"):
            await command.handle(d.actions, options, here)
        await d.actions.stop_run(run, P)

    at_desk(act)


def test_nothing_is_sent_into_a_run_that_somebody_cannot_look_at() -> None:
    async def act(d: Desk) -> None:
        run = await d.start()
        here = Here(GUESTS[0], lambda run, title: d.place, may_see=sees_nothing)
        with pytest.raises(Refused, match=f"^Nothing was sent. There is no run {run} here.$"):
            await PRESSES["send_to"].handle(d.actions, Target(text="tea"), TransferOptions(run=run), here)
        await d.actions.require_visible(run, GUESTS[0], may_see_all)
        await d.actions.require_visible(run, P, sees_nothing)  # its starter may, wherever it stands
        await d.actions.stop_run(run, P)

    at_desk(act)
