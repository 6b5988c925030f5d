"""How long what a form is about is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.slack.quoted import GONE, KEPT_S, QuotedMessages
from bot.domain.controls import Target
from bot.errors import Refused
from storage import open_store
from tests.support.clocks import ManualClock

ABOUT = Target(text="Milk goes in first.", author="bob", carried="bob:\nLook.")
FILE = {"id": "F1", "name": "tea.png"}


async def test_a_message_is_kept_for_the_latest_form_of_a_person_until_that_is_sent(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_store(tmp_path / "moot.db", clock=clock) as store:
        quoted = QuotedMessages(store, clock)
        earlier = await quoted.keep("slack:U1", ABOUT, [])
        latest = await quoted.keep("slack:U1", ABOUT, [FILE])
        other = await quoted.keep("slack:U11", Target(text="No."), [])
        for person, name in (("slack:U1", earlier), ("slack:U11", latest)):
            with pytest.raises(Refused, match=GONE):
                await quoted.take(person, name)
        assert await quoted.take("slack:U1", latest) == (ABOUT, [FILE])
        with pytest.raises(Refused, match=GONE):
            await quoted.take("slack:U1", latest)
        assert await quoted.take("slack:U11", other) == (Target(text="No."), [])


async def test_what_no_form_is_sent_about_is_forgotten(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_store(tmp_path / "moot.db", clock=clock) as store:
        quoted = QuotedMessages(store, clock)
        left = await quoted.keep("slack:U1", ABOUT, [])
        clock.now += KEPT_S
        with pytest.raises(Refused, match=GONE):
            await quoted.take("slack:U1", left)
        await quoted.keep("slack:U2", ABOUT, [])
        assert list(await store.documents("slack/quoted/")) == ["slack/quoted/slack:U2"]
