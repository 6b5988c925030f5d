"""Pages of /moot runs on Discord: a press puts the next one in the place of the last."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.facts import CaughtUp, RunFinished
from tests.support.discord_bot import Moot
from tests.support.discord_guild import button_labels, find_button
from tests.support.transcripts import make_start


async def test_a_press_turns_the_page_in_its_place(moot: Moot) -> None:
    for n in range(21):
        start = replace(make_start("compare"), question=f"tea {n}?", server=f"discord:{moot.guild.id}")
        await moot.store.append(f"r{n:02}", [start, RunFinished("answered"), CaughtUp()])
    seen = await (await moot.server.slash(moot.ada, moot.channel, "moot runs", words="tea")).answer()
    shown = seen.message
    assert shown is not None
    assert shown.ephemeral
    assert "`r20`" in shown.text
    assert "`r00`" not in shown.text
    assert button_labels(shown) == ["Older"]
    await (await moot.server.click(moot.ada, shown, find_button(shown, "page"))).answer()
    await moot.wait_until(lambda: "`r00`" in shown.text)
    assert (shown.text.count("`"), button_labels(shown)) == (2, ["Newer"])
    await (await moot.server.click(moot.ada, shown, find_button(shown, "page"))).answer()
    await moot.wait_until(lambda: "`r20`" in shown.text)
