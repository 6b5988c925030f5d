"""Lots of limits that the processes of a PostgreSQL database share (`bot.ports.lots`), by the database's clock.

Each process has a row for each limit that it draws on: when each of its requests leaves the window, sent or not. What
is in a lot is counted as if it were sent when the lot ends. So a process that dies leaves behind what it may have sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from bot.ports.lots import LOT_S, Lot, Use
from storage import postgres
from storage.errors import translating_errors
from storage.leases import NOW
from storage.locations import Connections
from storage.schema import lots

LOCK = 0x6D6F6F78  # with a limit's name the key of the advisory lock of who draws
WAY_S = 15.0  # of a request to the platform: nobody waits longer for its answer


class LotStore:
    """The lots of one process. Methods raise StoreFailed when the database cannot be used."""

    def __init__(self, database: Connections, name: str, owner: str) -> None:
        """Take a connection that writes, the store's name for people, and the name of the process."""
        self._database = database
        self._name = name
        self._owner = owner

    async def draw(self, uses: Mapping[str, Use]) -> Mapping[str, Lot]:
        """Report and draw, as `bot.ports.lots.Lots` says."""
        with translating_errors(self._name):
            return await self._database.transact(partial(self._draw, uses))

    async def forget_old(self) -> None:
        """Throw away what has left its window."""
        with translating_errors(self._name):
            await self._database.transact(lambda conn: conn.execute(delete(lots).where(lots.c.until < NOW)))

    def _draw(self, uses: Mapping[str, Use], conn: Connection) -> dict[str, Lot]:
        for budget in sorted(uses):
            conn.execute(select(func.pg_advisory_xact_lock(LOCK, func.hashtext(budget))))
        now = float(conn.execute(select(NOW)).scalar_one())
        others: dict[str, list[float]] = {budget: [] for budget in uses}
        of_others = lots.c.budget.in_(uses) & (lots.c.owner != self._owner)
        for row in conn.execute(select(lots.c.budget, lots.c.ends).where(of_others)):
            others[row.budget] += [end - now for end in row.ends if end > now]
        drawn = {budget: _divide(use, others[budget]) for budget, use in uses.items()}
        rows = [self._make_row(budget, use, drawn[budget].size, now) for budget, use in uses.items()]
        put = insert(lots).values(rows)
        columns = {"ends": put.excluded.ends, "until": put.excluded.until}
        conn.execute(put.on_conflict_do_update(index_elements=[lots.c.budget, lots.c.owner], set_=columns))
        return drawn

    def _make_row(self, budget: str, use: Use, size: int, now: float) -> dict[str, object]:
        latest = now + LOT_S + WAY_S + use.window_s
        ends = [now + left for left in use.ends_s] + [latest] * (use.flying + size)
        return {"budget": budget, "owner": self._owner, "ends": ends, "until": max(ends, default=now)}


def _divide(use: Use, others_s: list[float]) -> Lot:
    room = use.limit - len(others_s) - len(use.ends_s) - use.flying
    return Lot(max(0, min(use.wanted, room)), others_s)


@asynccontextmanager
async def open_lots(url: str, owner: str) -> AsyncIterator[LotStore]:
    """Open the lots of a process on a connection of its own. Raises Misconfigured, StoreFailed."""
    async with postgres.connect_writer(url, hold="no") as database:
        yield LotStore(database, postgres.describe_url(url), owner)
