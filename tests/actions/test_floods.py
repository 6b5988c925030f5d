"""More than anybody can want at once: what is too much is refused in one sentence, and the others are served."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.discord import gateway
from bot.actions.permissions import Person
from bot.actions.quota import RunQuota
from bot.actions.request import RunRequest
from bot.domain.facts import VoteCast, VoteWithdrawn
from bot.engine.runs import MINUTE_S
from bot.errors import Refused
from bot.ports.store import Starter
from bot.ports.surface import Surface
from bot.settings.platforms import PlaceLimits, ServerSettings
from bot.settings.settings import LimitSettings, Settings
from tests.support import slack_app
from tests.support.actions_scene import PAT, ActionsScene
from tests.support.clocks import ManualClock
from tests.support.discord_bot import Moot, make_endless, run_moot
from tests.support.transcripts import make_start

FEW = LimitSettings(runs_per_person=2, runs_per_channel=3, runs_per_server=4, runs=10, starts_per_person=1_000)
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


ANN = Person("ann", "Ann", "one", channel="hall")


def make_quota(
    limits: LimitSettings = FEW, going_on: Sequence[tuple[str, str, str]] = (), rules: ServerSettings | None = None
) -> tuple[RunQuota, ManualClock]:
    """Return a quota beside runs of these people, channels and servers; `rules` are those of every server."""
    clock = ManualClock()
    starts = [replace(make_start("compare"), by=by, channel=channel, server=server) for by, channel, server in going_on]
    settings = Settings(limits=limits, servers={"default": rules or ServerSettings()})
    return RunQuota(lambda: settings, clock, lambda: starts), clock


def read_refusal(quota: RunQuota, by: Person = ANN) -> str:
    """Begin a run; return why none began, "" where one did."""
    try:
        with quota.reserve(by):
            return ""
    except Refused as error:
        return str(error)


@pytest.mark.parametrize(
    ("going_on", "told"),
    [
        ([], ""),
        ([("ann", "hall", "one")] * 2, "You have 2 runs going on here already: wait until one ends, or stop one."),
        ([("ann", "den", "two")] * 2, "You have 2 runs going on here already: wait until one ends, or stop one."),
        (
            [("bob", "hall", "one")] * 3,
            "3 runs go on in this channel already: ask in another one, or when one has ended.",
        ),
        ([("bob", "den", "one")] * 3, ""),
        ([("bob", "hall", "two")] * 3, ""),
        ([("bob", "den", "one")] * 4, "4 runs go on in this server already: ask again when one has ended."),
        ([("bob", "hall", "two")] * 9, ""),
        ([("bob", "hall", "two")] * 10, "10 runs go on already, and no more fit: ask again when one has ended."),
    ],
)
def test_a_person_channel_and_server_and_all_together_have_room_for_so_many(
    going_on: list[tuple[str, str, str]], told: str
) -> None:
    quota, _ = make_quota(going_on=going_on)
    assert read_refusal(quota) == told


def test_runs_whose_channel_is_not_known_are_of_no_channel() -> None:
    quota, _ = make_quota(going_on=[("bob", "", "one")] * 3)
    assert read_refusal(quota, replace(ANN, channel="")) == ""


def test_those_that_are_being_started_take_room_and_leave_it_however_that_ends() -> None:
    quota, _ = make_quota()
    with quota.reserve(ANN), quota.reserve(ANN), pytest.raises(Refused), quota.reserve(ANN):
        pass
    with pytest.raises(ZeroDivisionError), quota.reserve(ANN), quota.reserve(ANN):
        raise ZeroDivisionError
    with quota.reserve(ANN), quota.reserve(ANN):
        pass


@pytest.mark.parametrize(
    ("limits", "others", "told"),
    [
        ({"starts_per_person": 3}, ["hall", "den"], "You have begun"),
        ({"starts_per_channel": 3}, ["hall"], "People of this channel have begun"),
        ({"starts_per_server": 3}, ["hall", "den"], "People of this server have begun"),
    ],
)
def test_so_many_runs_may_begin_within_a_minute(limits: dict[str, int], others: list[str], told: str) -> None:
    quota, clock = make_quota(LimitSettings(**limits))
    for number in range(3):
        assert read_refusal(quota, replace(ANN, channel=others[number % len(others)])) == ""
        clock.now += 10.0
    assert read_refusal(quota) == f"{told} 3 runs within a minute, and may no more: ask again in 30 s."
    elsewhere = Person("bob", "Bob", "two", channel="loft")
    assert read_refusal(quota, elsewhere) == ""
    clock.now += 29.0
    assert read_refusal(quota) != ""
    clock.now += 1.0
    assert read_refusal(quota) == "", "the first is a minute old"


def test_what_was_refused_or_failed_is_no_start_and_a_clock_set_back_holds_nobody_up() -> None:
    quota, clock = make_quota(LimitSettings(starts_per_person=2, runs_per_person=1))
    for _ in range(5):
        with suppress(ZeroDivisionError), quota.reserve(ANN):
            assert read_refusal(quota).startswith("You have 1 run going on")
            raise ZeroDivisionError
    assert [read_refusal(quota) for _ in range(3)][:2] == ["", ""]
    assert "within a minute" in read_refusal(quota)
    clock.now -= 86_400.0
    assert read_refusal(quota) == ""


def test_those_that_are_being_started_count_as_begun() -> None:
    quota, _ = make_quota(LimitSettings(starts_per_person=2))
    with quota.reserve(ANN), quota.reserve(ANN):
        assert read_refusal(quota) == "You have begun 2 runs within a minute, and may no more: ask again in 60 s."


@pytest.mark.parametrize(
    ("limits", "others", "told"),
    [
        ({"starts_per_person": 3}, Starter("ann", "loft", "two"), "You have begun"),
        ({"starts_per_channel": 3}, Starter("bob", "hall", "one"), "People of this channel have begun"),
        ({"starts_per_server": 3}, Starter("bob", "loft", "one"), "People of this server have begun"),
    ],
)
def test_what_other_processes_began_counts_as_well(limits: dict[str, int], others: Starter, told: str) -> None:
    clock = ManualClock()
    began_at = [clock.now - 40.0, clock.now + 10.0]
    quota = RunQuota(
        lambda: Settings(limits=LimitSettings(**limits)),
        clock,
        list,
        list_begun_elsewhere=lambda: [(clock.now - at, others) for at in began_at if 0 <= clock.now - at < MINUTE_S],
    )
    assert read_refusal(quota) == ""
    clock.now += 10.0
    assert read_refusal(quota) == f"{told} 3 runs within a minute, and may no more: ask again in 10 s."
    clock.now += 9.0
    assert read_refusal(quota) != ""
    clock.now += 1.0
    assert read_refusal(quota) == "", "the first of theirs is a minute old"
    assert read_refusal(quota) == f"{told} 3 runs within a minute, and may no more: ask again in 40 s."


def test_a_server_and_a_channel_may_have_limits_of_their_own() -> None:
    rules = ServerSettings(limits=PlaceLimits(runs=2, starts=4), channel_limits={"C1": PlaceLimits(runs=1, starts=2)})
    quota, _ = make_quota(FEW, [("bob", "C1", "x:1")], rules)
    here = replace(ANN, server="x:1", channel="C1")
    assert "1 run goes on in this channel" in read_refusal(quota, here)
    assert read_refusal(quota, replace(here, channel="C2")) == ""
    quota, _ = make_quota(FEW, (), rules)
    assert [read_refusal(quota, here) for _ in range(2)] == ["", ""]
    assert read_refusal(quota, here).startswith("People of this channel have begun 2 runs")
    assert [read_refusal(quota, replace(here, channel="C2")) for _ in range(2)] == ["", ""]
    assert read_refusal(quota, replace(here, channel="C2")).startswith("People of this server have begun 4 runs")
    quota, _ = make_quota(FEW, [("bob", "C2", "x:1"), ("cyd", "C3", "x:1")], rules)
    assert read_refusal(quota, here).startswith("2 runs go on in this server")


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
        assert await m.press_more(m.ada, end, "close") == "The vote is closed."
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
        assert await m.press_more(m.ada, end, "close") == "The vote is closed."
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
