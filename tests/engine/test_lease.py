"""The lease of a process as the process itself knows it: what was begun under one that was lost says nothing more."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.lease import STEADY_S, SURE_S, Lease
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


def test_a_lease_is_steady_once_it_has_lasted_without_a_gap() -> None:
    clock = ManualClock()
    lease = Lease(clock)

    def renew_for(seconds: float) -> None:
        for _ in range(int(seconds)):
            lease.confirm(lease.now())
            clock.now += 1.0

    renew_for(STEADY_S - 1.0)
    assert not lease.is_steady()
    renew_for(1.0)
    assert lease.is_steady()
    clock.now += SURE_S
    assert not lease.is_steady()
    renew_for(STEADY_S - 1.0)  # others may not have come back yet
    assert not lease.is_steady()
    renew_for(1.0)
    assert lease.is_steady()
    lease.lose()
    lease.confirm(lease.now())
    assert not lease.is_steady()
