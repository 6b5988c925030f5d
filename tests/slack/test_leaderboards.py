"""/moot leaderboard on Slack: its own table, with what a reader should know above."""

from __future__ import annotations

import pytest

import bot.ratings.leaderboard  # noqa: F401 - what it brings loads before anybody waits for an answer
from adapters.slack.addresses import Address
from tests.servers.slack import blocks
from tests.support.slack_app import App
from tests.support.voted_runs import make_voted_run


def make_address(app: App) -> str:
    return Address(app.team.id, "", app.hall.id, "", app.ann.id, "n").text


@pytest.mark.parametrize("drawn", [True, False], ids=["a chart as well", "no charts"])
async def test_it_is_a_table(app: App, monkeypatch: pytest.MonkeyPatch, drawn: bool) -> None:
    if not drawn:
        monkeypatch.setattr(blocks, "KNOWN", blocks.KNOWN - {"data_visualization"})
    for name in ("first", "second"):
        await app.store.append(name, make_voted_run(f"slack:{app.team.id}", make_address(app)))
    await app.ask("leaderboard --days 7", "/moot")
    await app.read_ephemerals()
    lead, *charts, table = app.server.world.ephemerals[0].blocks
    assert [c["chart"]["axis_config"]["categories"] for c in charts] == [["1. Ada", "2. Bob", "3. Cyd"]] * drawn
    for series in (one for c in charts for one in c["chart"]["series"]):
        assert series["data"][0]["value"] > series["data"][1]["value"], series["name"]
    assert "24 votes: 0 blind, 0 ties" in lead["text"]
    assert (table["type"], table["caption"]) == ("data_table", "Models by people's votes")
    header, first, *others = [[cell["text"] for cell in row] for row in table["rows"]]
    assert header == ["place", "model", "rating", "95 % interval", "votes", "win rate", "mean rank"]
    assert (first[:2], first[4:]) == (["1", "Ada"], ["24", "100%", "1.00"])
    assert len(others) == 2
    assert app.server.world.files == {}


async def test_votes_that_are_too_few_or_still_open_rank_nobody(app: App) -> None:
    server, address = f"slack:{app.team.id}", make_address(app)
    await app.store.append("closed", make_voted_run(server, address))
    await app.store.append("open", make_voted_run(server, address, vote_s=3_600.0))
    await app.ask("leaderboard", "/moot")
    [told] = await app.read_ephemerals()
    assert told == "12 votes between answers so far; with fewer than 20 nothing is ranked."
