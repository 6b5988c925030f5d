"""A refusal tells the person what to do instead, and nothing has happened."""

from __future__ import annotations

import pytest

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.errors import Refused
from bot.ports.surface import OpenSurface
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place


async def test_a_request_that_cannot_be_is_refused(
    actions: Actions, pat: Person, show: OpenSurface, store: MemoryStore, place: Place
) -> None:
    with pytest.raises(Refused, match=r"Did you mean council\?"):
        await actions.start_run(RunRequest("counsel", "Tabs or spaces?", pat), show)
    with pytest.raises(Refused, match="The question has 101 characters and may have 100"):
        await actions.start_run(RunRequest("council", "?" * 101, pat), show)
    assert await store.runs() == []
    assert place.messages() == []


async def test_only_its_starter_and_moderators_stop_a_run(
    actions: Actions, pat: Person, gus: Person, show: OpenSurface
) -> None:
    run = await actions.start_run(RunRequest("council", "Tabs or spaces?", pat), show)
    with pytest.raises(Refused, match="Stop is for Pat and moderators"):
        await actions.stop_run(run, gus)
    assert (await actions.read_run(run, gus)).stopped is None
