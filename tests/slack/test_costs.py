"""/moot cost on Slack: tables that people can page through, and the text of every platform where Slack takes none."""

from __future__ import annotations

import time

import pytest

from bot.domain.spending import Asked, Payer
from bot.ports.spending import Call
from tests.servers.slack import blocks
from tests.support.slack_app import App


async def spend(app: App, *, own_key: bool = False) -> None:
    payer = Payer("r", f"slack:{app.ann.id}", f"slack:{app.team.id}", "council", own_key=own_key)
    call = Call("c", payer, time.time(), "ada")
    await app.store.settle(call, await app.store.reserve(call, (None,) * 5, Asked(1, 1)), 250_000, 1.5)


async def test_costs_are_tables(app: App) -> None:
    await spend(app)
    await app.ask("cost", "/moot")
    assert "$0.25 of $2.00 today by you" in (await app.read_ephemerals())[0]
    lead, *tables = app.server.world.ephemerals[0].blocks
    assert lead["type"] == "markdown"
    assert [(table["type"], table["caption"]) for table in tables] == [
        ("data_table", caption) for caption in ("By model", "By format", "By day")
    ]
    read = [[cell["text"] for cell in row] for row in tables[0]["rows"]]
    assert read == [["model", "cost", "calls", "seconds each"], ["ada", "$0.25", "1", "1.5"]]


async def test_what_the_servers_own_key_paid_has_a_column(app: App) -> None:
    await spend(app, own_key=True)
    await app.ask("cost", "/moot")
    await app.read_ephemerals()
    rows = [[cell["text"] for cell in row] for row in app.server.world.ephemerals[0].blocks[1]["rows"]]
    assert [row[-1] for row in rows] == ["by this server's own key", "$0.25"]


async def test_where_slack_takes_no_tables_they_are_text(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "KNOWN", blocks.KNOWN - {"data_table"})
    await spend(app)
    await app.ask("cost", "/moot")
    [told] = await app.read_ephemerals()
    assert "- ada: $0.25 · 1 call · 1.5 s each" in told


async def test_where_nothing_was_spent_there_is_no_table(app: App) -> None:
    await app.ask("cost", "/moot")
    assert "Nothing has cost anything here" in (await app.read_ephemerals())[0]
