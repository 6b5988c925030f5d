"""A restart in the middle of a run: the next process goes on with it, in the messages that stand."""

from __future__ import annotations

import asyncio

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.engine.runs import Reopen
from bot.engine.supervisor import RunSupervisor
from bot.formats import FORMATS
from bot.ports.surface import OpenSurface
from tests.support.speakers import ScriptedSpeaker
from tests.support.surfaces import Place


async def test_the_next_process_goes_on_in_the_same_messages(
    actions: Actions,
    pat: Person,
    show: OpenSurface,
    speaker: ScriptedSpeaker,
    place: Place,
    supervisor: RunSupervisor,
    next_supervisor: RunSupervisor,
    reopen: Reopen,
) -> None:
    """Ada had answered, so she is not asked again; Bob and Cyd are, and write into the messages they had."""
    speaker.lines = {"ada": ["Tabs."], "bob": ["Spa", 3_600.0], "cyd": ["Bo", 3_600.0]}
    run = await actions.start_run(RunRequest("compare", "Tabs or spaces?", pat), show)
    await asyncio.sleep(5)
    await supervisor.hand_over()
    before = set(place.history)
    [board] = [text for lane, text in place.read_texts() if lane.stage == "board"]
    assert "Moot is restarting" in board

    speaker.asked.clear()
    speaker.lines = {"bob": ["Spaces."], "cyd": ["Both."]}
    await next_supervisor.resume_in_places(FORMATS, "place", reopen)
    await asyncio.sleep(60)
    assert sorted(seat for seat, _ in speaker.asked) == ["bob", "cyd"]
    answers = {lane.seat: text for lane, text in place.read_texts() if lane.stage == "answer"}
    assert answers["ada"].startswith("Tabs.")
    assert answers["bob"].startswith("Spaces.")
    assert answers["cyd"].startswith("Both.")
    new = [place.history[ref][0].lane.stage for ref in place.history if ref not in before]
    assert new == ["end"]
    t = next_supervisor.transcript(run)
    assert t is not None
    assert t.finished is not None
