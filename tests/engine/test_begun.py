"""Runs that other processes began, by when they were first seen here."""

from __future__ import annotations

import asyncio

from bot.engine.begun import BegunElsewhere
from bot.engine.runs import MINUTE_S
from bot.ports.store import Starter
from tests.support.virtual_time import in_virtual_time

ANN, BOB = Starter("ann", "hall", "one"), Starter("bob", "den", "one")


@in_virtual_time
async def test_a_run_counts_for_a_minute_from_when_it_was_first_seen() -> None:
    begun = BegunElsewhere()
    begun.look({})
    await asyncio.sleep(2.0)
    begun.look({"a": ANN})
    await asyncio.sleep(10.0)
    begun.look({"a": ANN, "b": BOB})
    assert begun.list_begun() == [(10.0, ANN), (0.0, BOB)]
    await asyncio.sleep(MINUTE_S - 10.0)
    begun.look({"a": ANN})
    assert begun.list_begun() == [(50.0, BOB)]
    await asyncio.sleep(MINUTE_S)
    begun.look({"a": ANN})  # it goes on for long, or its process's clock is ahead
    assert begun.list_begun() == []


@in_virtual_time
async def test_a_run_of_this_process_is_not_one_of_the_others_also_where_it_is_stored_late() -> None:
    begun = BegunElsewhere()
    begun.look({})
    begun.note_own("own")
    begun.look({})
    await asyncio.sleep(2.0)
    begun.look({"own": ANN})
    assert begun.list_begun() == []


@in_virtual_time
async def test_of_what_is_new_after_a_minute_without_a_look_nobody_knows_when_it_began() -> None:
    begun = BegunElsewhere()
    begun.look({"old": ANN})
    await asyncio.sleep(MINUTE_S)
    begun.look({"old": ANN, "new": BOB})
    assert begun.list_begun() == []
    begun.look({"old": ANN, "new": BOB, "newer": BOB})
    assert begun.list_begun() == [(0.0, BOB)]
