"""The lease of a process as the process itself knows it: what was begun under one that was lost says nothing more."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.lease import SURE_S, Lease
from bot.ports.surface import SurfaceError
from tests.support.clocks import ManualClock


async def test_nothing_is_sent_until_the_lease_surely_lasts() -> None:
    clock = ManualClock()
    lease = Lease(clock)
    lease.confirm(lease.now())
    await lease.hold()
    clock.now += SURE_S
    waiting = asyncio.create_task(lease.hold())
    await asyncio.sleep(0)
    assert not waiting.done()
    lease.confirm(lease.now())
    await waiting


async def test_what_was_begun_under_a_lease_that_was_lost_says_nothing_under_the_next() -> None:
    lease = Lease(ManualClock())
    lease.confirm(lease.now())
    hold = lease.hold_on()
    await hold()
    lease.lose()
    lease.confirm(lease.now())
    await lease.hold()
    with pytest.raises(SurfaceError, match="another process has taken the run over"):
        await hold()
