"""Pages of /moot runs on Slack: a press puts the next one in the place of the last."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import CaughtUp, RunFinished
from tests.support.slack_app import App, wait_until
from tests.support.slack_messages import find_action
from tests.support.transcripts import make_start


async def test_a_press_turns_the_page_in_its_place(app: App) -> None:
    for n in range(21):
        start = replace(make_start("compare"), question=f"tea {n}?", server=f"slack:{app.team.id}")
        await app.store.append(f"r{n:02}", [start, RunFinished("answered"), CaughtUp()])
    await app.ask("runs --words tea", "/moot")
    [first] = await app.read_ephemerals()
    assert "`r20`" in first
    assert "`r00`" not in first
    shown = app.server.world.ephemerals[0]
    await (await app.server.people.click_ephemeral(shown, find_action(shown, "page")))
    await wait_until(lambda: any("`r00`" in notice.text for notice in app.server.world.ephemerals))
    assert [("`r00`" in n.text, "`r20`" in n.text) for n in app.server.world.ephemerals] == [(True, False)]
    [shown] = app.server.world.ephemerals
    await (await app.server.people.click_ephemeral(shown, find_action(shown, "page")))
    await wait_until(lambda: any("`r20`" in notice.text for notice in app.server.world.ephemerals))
