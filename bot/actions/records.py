"""Runs as records for people: with what they may know, and only once there is nothing left to hide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.actions.access import RunAccess
from bot.actions.permissions import Person
from bot.actions.services import Services
from bot.domain.transcript import Transcript, fold_all
from bot.domain.visibility import names_hidden
from bot.errors import Refused
from bot.formats.common import is_voting_open
from bot.ports.process import Clock
from bot.ports.store import Store
from bot.records.card import draw_card
from bot.records.page import render_page
from bot.records.record import RunRecord, make_record

NOT_YET = (
    "Something here is not told yet: who is who, an answer, or how people vote. This file would tell it, so ask for it "
    "once the vote is closed; “md” is there now."
)


class RecordReader:
    """A reader of whole runs, for files that people take with them."""

    def __init__(self, services: Services, access: RunAccess, store: Store, clock: Clock) -> None:
        self._services = services
        self._access = access
        self._store = store
        self._clock = clock

    async def read(self, run: str, by: Person) -> RunRecord:
        """Return all of a run, with the server's listed words blanked. Raises Refused while some of it is hidden."""
        t = await self._access.get_run(run, by)
        if self._hides(t):
            raise Refused(NOT_YET)
        snapshots = await self._store.snapshots(run)
        return await asyncio.to_thread(make_record, run, t, snapshots, self._services.words.of(*by.ruled_by).censor)

    async def draw_page(self, run: str, by: Person) -> str:
        """Return the HTML page of a run. Raises Refused while some of it is hidden."""
        return await asyncio.to_thread(render_page, await self.read(run, by), self._clock())

    async def draw_card(self, run: str, by: Person) -> bytes:
        """Return a run as a picture to share. Raises Refused while some of it is hidden or it goes on."""
        try:
            from bot.records.card_picture import to_png  # an extra, which may not be there
        except ImportError as error:
            raise Refused("Cards need a library that is not installed: pip install 'moot[cards]'.") from error
        record = await self.read(run, by)
        return await asyncio.to_thread(_draw_card, record, self._clock(), to_png)

    def _hides(self, t: Transcript) -> bool:
        votes = t.started.rules.vote_s > 0 and is_voting_open(t, self._clock())
        return votes or names_hidden(t) or bool(self._access.make_plan(t).hidden_lanes)


def _draw_card(record: RunRecord, now: float, to_png: Callable[[str], bytes]) -> bytes:
    return to_png(draw_card(fold_all(Transcript(), record.entries), record.run, now))
