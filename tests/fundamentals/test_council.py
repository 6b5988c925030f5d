"""A council, from a person's command to the end card."""

from __future__ import annotations

import asyncio

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from commands.command import Here, Started
from commands.council import COMMAND, CouncilOptions
from tests.support.speakers import ScriptedSpeaker
from tests.support.surfaces import Place

BALLOT = "FINAL RANKING:\n1. A\n2. B\n3. C"


async def test_a_council_answers_ranks_and_closes(
    actions: Actions, here: Here, pat: Person, speaker: ScriptedSpeaker, place: Place
) -> None:
    """Three seats answer at once, each ranks all answers without their names, and a chair sums up."""
    started = await COMMAND.handle(actions, CouncilOptions(question="Tabs or spaces?"), here)
    assert isinstance(started, Started)
    await asyncio.sleep(5)
    assert [text for lane, text in place.read_texts() if lane.stage == "answer"] == [
        "ada thinks so",
        "bob thinks so",
        "cyd thinks so",
    ]

    speaker.lines = {"ada": [BALLOT], "bob": [BALLOT], "cyd": [BALLOT], "chair": ["Tabs it is."]}
    await asyncio.sleep(60)
    assert [lane.stage for lane, _ in place.read_texts()] == [
        "board",
        "answer",
        "answer",
        "answer",
        "reviews",
        "synthesis",
        "end",
    ]
    texts = {lane.stage: text for lane, text in place.read_texts()}
    assert "The models ranked Ada first" in texts["reviews"]
    assert texts["synthesis"].startswith("Tabs it is.")
    assert "Tabs it is." in texts["end"]

    await actions.close_vote(started.run, pat)
    over = await actions.wait_until_finished(started.run)
    assert over is not None
    assert over.finished is not None
    assert over.finished.outcome == "synthesised"
