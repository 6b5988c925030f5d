"""Pages of /moot runs on Slack: tables, or the text of every platform, and a press puts the next in its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.facts import CaughtUp, RunFinished
from tests.servers.slack import blocks
from tests.support.slack_app import App, wait_until
from tests.support.slack_messages import find_action
from tests.support.transcripts import make_start


@pytest.mark.parametrize("drawn", [True, False], ids=["tables", "text"])
async def test_a_press_turns_the_page_in_its_place(app: App, monkeypatch: pytest.MonkeyPatch, drawn: bool) -> None:
    if not drawn:
        monkeypatch.setattr(blocks, "KNOWN", blocks.KNOWN - {"data_table"})
    for n in range(21):
        start = replace(make_start("compare"), question=f"tea {n}?", server=f"slack:{app.team.id}")
        await app.store.append(f"r{n:02}", [start, RunFinished("answered"), CaughtUp()])
    await app.ask("runs --words tea", "/moot")
    [first] = await app.read_ephemerals()
    shown = app.server.world.ephemerals[0].blocks[0]
    assert shown["type"] == ("data_table" if drawn else "markdown")
    if drawn:
        read = [[cell["text"] for cell in row] for row in shown["rows"]]
        assert read[:2] == [["run", "format", "outcome", "name or question"], ["r20", "compare", "answered", "tea 20?"]]
        assert len(read) == 21
    assert "`r20`" in first
    assert "`r00`" not in first
    notice = app.server.world.ephemerals[0]
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "page")))
    await wait_until(lambda: any("`r00`" in notice.text for notice in app.server.world.ephemerals))
    assert [("`r00`" in n.text, "`r20`" in n.text) for n in app.server.world.ephemerals] == [(True, False)]
    [notice] = app.server.world.ephemerals
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "page")))
    await wait_until(lambda: any("`r20`" in notice.text for notice in app.server.world.ephemerals))
