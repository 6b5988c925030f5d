"""/moot cost and `moot cost`: what was spent, and what limits leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.actions.actions import Actions
from bot.actions.allowance import Allowance
from bot.actions.permissions import Person
from bot.domain.facts import TurnEnded, TurnStarted
from bot.domain.run import Panel, Price, TurnId, Usage, Visibility
from bot.domain.spending import Asked, Caps, Payer
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.ports.spending import Call, CostRow
from bot.ports.surface import CanSee
from commands.command import Here, Told, open_no_surface
from commands.cost import COMMAND, CostOptions
from storage import SqlStore, open_store
from tests.support.transcripts import Play, make_seat, make_start

NOON = 1_767_268_800.0  # 2026-01-01
DAY_S = 86_400.0
LIMITS = Caps(0.5, 2.0, 10.0, None, 30.0)
ANN = Person("discord:1", "Ann", "discord:9")
HERE = Here(ANN, open_no_surface)
CALLS = [  # who, where, format, model, days ago, US dollars (None: never settled, 0.5 held), seconds
    ("discord:1", "discord:9", "council", "claude", 0, 0.25, 2.0),
    ("discord:1", "discord:9", "debate", "claude", 1, 0.05, 4.0),
    ("discord:2", "discord:9", "council", "gpt*4*", 1, None, None),
    ("discord:1", "discord:8", "council", "claude", 0, 7.0, 1.0),
    ("discord:1", "discord:9", "council", "claude", 40, 3.0, 1.0),
]


def now() -> float:
    return NOON


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=now) as opened:
        for n, (person, server, form, model, days, usd, seconds) in enumerate(CALLS):
            call = Call(f"c{n}", Payer(f"r{n}", person, server, form), NOON - days * DAY_S, model)
            held = await opened.reserve(call, (None,) * 5, Asked(500_000, 1))
            if usd is not None and seconds is not None:
                await opened.settle(call, held, round(usd * 1e6), seconds)
        yield opened


def make_actions(allowance: Allowance | None, running: Mapping[str, Transcript]) -> Actions:
    """Return the little that the command needs of the actions: limits and runs."""

    async def list_running(by: Person, can_see: CanSee) -> list[tuple[str, Transcript]]:
        return list(running.items())

    async def read_run(run: str, by: Person) -> Transcript:
        return running[run]

    return cast(Actions, SimpleNamespace(allowance=allowance, list_running=list_running, read_run=read_run))


async def ask(
    store: SqlStore | None,
    caps: Caps = LIMITS,
    days: int = 30,
    *,
    manages: bool = False,
    running: Mapping[str, Transcript] = {},
) -> str:
    allowance = Allowance(store, caps, now) if store is not None else None
    here = replace(HERE, by=replace(ANN, manager=manages))
    answer = await COMMAND.handle(make_actions(allowance, running), CostOptions(days=days), here)
    assert isinstance(answer, Told)
    return answer.text


async def test_people_read_what_limits_leave_and_what_was_spent_here(store: SqlStore) -> None:
    assert await ask(store) == (
        "- $7.25 of $2.00 today by you\n"
        "- $0.25 of $10.00 today in this server\n\n"
        "**By model**\n- gpt\\*4\\*: $0.50 · 1 call\n- claude: $0.30 · 2 calls · 3.0 s each\n\n"
        "**By format**\n- council: $0.75 · 2 calls · 2.0 s each\n- debate: $0.05 · 1 call · 4.0 s each\n\n"
        "**By day**\n- 2026-01-01: $0.25 · 1 call · 2.0 s each\n- 2025-12-31: $0.55 · 2 calls · 4.0 s each"
    )


async def test_what_servers_pay_themselves_is_shown_and_counts_against_no_limit(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=now) as store:
        for n, own_key in enumerate((True, False)):
            call = Call(f"c{n}", Payer("r", ANN.key, ANN.server, "council", own_key=own_key), NOON, "claude")
            await store.settle(call, await store.reserve(call, (None,) * 5, Asked(1, 1)), 250_000, 1.0)
        told = await ask(store)
    assert "- $0.25 of $2.00 today by you\n- $0.25 of $10.00 today in this server\n" in told
    assert "- claude: $0.50 · 2 calls · 1.0 s each · $0.25 of it by this server's own key\n" in told


async def test_where_nothing_was_spent_and_nothing_is_limited_that_is_said(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=now) as store:
        assert await ask(store, Caps(), 7) == "Nothing has cost anything here for 7 days."
    with pytest.raises(Refused, match="Nothing is counted here"):
        await ask(None)


async def test_the_operator_sees_all_servers_and_who_has_spent(store: SqlStore) -> None:
    assert await store.costs("person", NOON - 30 * DAY_S) == [
        CostRow("discord:1", 7.3, 3, 7 / 3),
        CostRow("discord:2", 0.5, 1, None),
    ]


async def test_a_long_table_is_summed_up(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=now) as store:
        for n in range(10):
            call = Call(f"c{n}", Payer("r", ANN.key, ANN.server, "council"), NOON, f"m{n}")
            await store.reserve(call, (None,) * 5, Asked(1_000_000 - n, 1))
        assert "- m6: $1.00 · 1 call\n- 3 more: $3.00\n" in await ask(store, Caps())


def make_debate(blind: bool = False) -> Transcript:
    panel = Panel((make_seat("ada", price=Price(1, 1, "litellm")), make_seat("bob", price=Price(1, 1, "litellm"))))
    start = replace(make_start("debate"), panel=panel, name="Ann *B*")
    play = Play(replace(start, rules=replace(start.rules, veil=Visibility(blind=blind))))
    for n, turn in enumerate((TurnId("opening", 1, "ada"), TurnId("opening", 1, "bob"), TurnId("rebuttal", 2, "ada"))):
        play.record(TurnStarted(turn), TurnEnded(turn, "done", "text", Usage(9, 1_000, 0, "reported"), (n + 1) / 100))
    return play.t


async def test_a_run_is_told_by_seat_and_stage() -> None:
    answer = await COMMAND.handle(make_actions(None, {"r": make_debate()}), CostOptions(run="r"), HERE)
    assert answer == Told(
        "$0.060 · debate · started by Ann \\*B\\*\n\n"
        "**By seat**\n- Ada: $0.040 · 2 turns · 2,000 tokens\n- Bob: $0.020 · 1 turn · 1,000 tokens\n\n"
        "**By stage**\n- opening: $0.030 · 2 turns · 2,000 tokens\n- rebuttal: $0.030 · 1 turn · 1,000 tokens"
    )


async def test_costs_tell_nobody_apart_in_a_blind_run(store: SqlStore) -> None:
    running = {"r": make_debate(blind=True)}
    with pytest.raises(Refused, match="not told yet"):
        await COMMAND.handle(make_actions(None, running), CostOptions(run="r"), HERE)
    assert "**Going on now**\n- `r` debate: not told yet\n\n" in await ask(store, running=running)


async def test_what_goes_on_is_listed_and_the_rest_counted(store: SqlStore) -> None:
    told = await ask(store, running={f"r{n}": make_debate() for n in range(9)})
    assert "**Going on now**\n- `r0` debate: $0.060 so far\n" in told
    assert "- `r6` debate: $0.060 so far\n- 2 more\n\n**By model**" in told


async def test_who_manages_a_server_reads_who_has_spent(store: SqlStore) -> None:
    await store.append("r0", [replace(make_start("council"), by="discord:1", name="Ann *B*")])
    told = await ask(store, manages=True)
    assert told.endswith("**By person**\n- discord:2: $0.50 · 1 call\n- Ann \\*B\\*: $0.30 · 2 calls · 3.0 s each")
    assert "By person" not in await ask(store)
