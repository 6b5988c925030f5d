"""Leaderboards of a server, from the runs in places that their reader can see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.actions.access import RunAccess
from bot.actions.permissions import Person
from bot.actions.services import Services
from bot.domain.transcript import Transcript, fold_all
from bot.errors import Refused
from bot.formats.common import is_voting_open
from bot.ports.process import Clock
from bot.ports.store import RunFilter, Store
from bot.ports.surface import CanSee
from bot.ratings.comparisons import FORMATS_RATED, MIN_VOTES
from bot.ratings.tally import NOT_INSTALLED, Tally

if TYPE_CHECKING:  # it imports the libraries of an extra
    from bot.ratings.leaderboard import Leaderboard

MAX_RATED_RUNS = 1_000  # the newest that a person can see; each is read whole
DAY_S = 86_400


class LeaderboardReader:
    """A reader of leaderboards, one at a time: each reads many runs, and fits for a second or several."""

    def __init__(self, services: Services, access: RunAccess, store: Store, clock: Clock) -> None:
        self._services = services
        self._access = access
        self._store = store
        self._clock = clock
        self._turns = asyncio.Semaphore(1)

    async def read(
        self, by: Person, can_see: CanSee, *, panel: str = "", form: str = "", days: int | None = None
    ) -> Leaderboard:
        """Return the leaderboard of the person's server, by votes that are closed.

        `panel`: of runs of that panel, and of those without the name of one, where only its models sat. Raises Refused
        where there is no such panel, where the libraries are not installed, and where votes are too few.
        """
        seated = await self._services.panels.choose_panel(panel, by.server) if panel else None
        models = None if seated is None else {seat.model for seat in seated.seats}
        since = 0.0 if days is None else self._clock() - days * DAY_S
        async with self._turns:
            tally = await self._gather(by, can_see, form, since, lambda t: models is None or _is_of(t, panel, models))
            if len(tally.votes) < MIN_VOTES:  # before libraries are loaded, for which the loop has to wait at times
                raise Refused(tally.describe_few())
            make = await asyncio.to_thread(_load_maker)
            return await asyncio.to_thread(make, tally)

    async def draw(self, board: Leaderboard) -> bytes | None:
        """Return a leaderboard as a picture; None where what draws it is not installed."""
        async with self._turns:
            return await asyncio.to_thread(_draw, board)

    async def _gather(
        self, by: Person, can_see: CanSee, form: str, since: float, counts: Callable[[Transcript], bool]
    ) -> Tally:
        tally = Tally()
        for row in await self._access.list_runs(by, MAX_RATED_RUNS, can_see, RunFilter(format=form)):
            if row.started_at >= since and row.format in FORMATS_RATED:
                entries = await self._store.read(row.run)
                t = await asyncio.to_thread(fold_all, Transcript(), entries)
                if not is_voting_open(t, self._clock()) and counts(t):
                    await asyncio.to_thread(tally.add_run, t)
        return tally


def _is_of(t: Transcript, panel: str, models: set[str]) -> bool:
    if t.started.panel_name:
        return t.started.panel_name == panel
    return {seat.model for seat in t.started.panel.seats} <= models


def _draw(board: Leaderboard) -> bytes | None:
    try:
        from bot.ratings.picture import draw_leaderboard  # matplotlib: a second, and it may not be there
    except ImportError:
        return None
    return draw_leaderboard(board, [board.tally.describe()])


def _load_maker() -> Callable[[Tally], Leaderboard]:
    """Return `make_leaderboard`, which brings pandas: a second, and it may not be there. Raises Refused."""
    try:
        from bot.ratings.leaderboard import make_leaderboard
    except ImportError as error:
        raise Refused(f"{NOT_INSTALLED} Whoever runs me can add them.") from error
    return make_leaderboard
