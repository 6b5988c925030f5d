"""A blind run: no name is sent to the platform before the vote has closed."""

from __future__ import annotations

import asyncio

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from commands.command import Here, Started
from commands.compare import COMMAND
from tests.support.speakers import ScriptedSpeaker
from tests.support.surfaces import Place


async def test_names_are_hidden_until_the_vote_has_closed(
    actions: Actions, here: Here, pat: Person, speaker: ScriptedSpeaker, place: Place
) -> None:
    speaker.lines = {"ada": ["Tabs."], "bob": ["Spaces."], "cyd": ["Both."]}
    options = COMMAND.options.model_validate({"question": "Tabs or spaces?", "blind": True})
    started = await COMMAND.handle(actions, options, here)
    assert isinstance(started, Started)
    await asyncio.sleep(10)
    sent = repr(list(place.history.values()))
    assert all(alias in sent for alias in ("Speaker A", "Speaker B", "Speaker C"))
    assert not any(name in sent for name in ("Ada", "Bob", "Cyd"))

    await actions.close_vote(started.run, pat)
    await actions.wait_until_finished(started.run)
    [board] = [text for lane, text in place.read_texts() if lane.stage == "board"]
    assert all(name in board for name in ("Ada", "Bob", "Cyd"))
