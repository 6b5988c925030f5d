"""Where runs stand on Slack: new places, those of an earlier process, and whose a message or a thread is."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence

from adapters.common.messages import Delete, erase, look_up
from adapters.slack.addresses import Address, message_ref, read_address, read_ref
from adapters.slack.api import Api, Workspace
from adapters.slack.surface import Lacking, Opening, SlackSurface
from adapters.slack.workspaces import Workspaces
from bot.concurrency import SingleFlight
from bot.domain.transcript import Transcript
from bot.domain.word_filter import WordFilter
from bot.ports import Clock, PostedPage, Store, Surface, SurfaceError

REMEMBERED = 5_000  # threads that a run was held in but did not open


class Places:
    """`words` gives a server's word list; `listen`: whether channels' history may be read."""

    def __init__(
        self,
        store: Store,
        api: Api,
        workspaces: Workspaces,
        words: Callable[[str], WordFilter],
        clock: Clock,
        *,
        listen: bool,
    ) -> None:
        self._store = store
        self._found = SingleFlight(store.find_page)
        self._api = api
        self._workspaces = workspaces
        self._words = words
        self._clock = clock
        self._listen = listen
        self._lacking = Lacking()
        self._inside: OrderedDict[tuple[str, str], str] = OrderedDict()  # thread → the latest run held in it
        self._servers: dict[str, set[str]] = {}  # workspace → servers that runs here were started for

    def new(
        self, run: str, at: Workspace, server: str, channel: str, thread: str, asker: str, opening: Opening | None
    ) -> SlackSurface:
        """A new place for a run; `thread` "": its board opens one."""
        spot = Address(at.id, at.enterprise, channel, thread, asker, secrets.token_hex(4))
        self._noted(spot, run, server)
        return self._surface(spot, at, run, server, opening=opening)

    async def reopen(self, address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        """The place of a run that began in another process, whose messages are `placed` there; None when it is not
        Slack's, or out of reach."""
        if (spot := read_address(address)) is None:
            return None
        self._noted(spot, run, t.started.server)
        return await self._again(spot, run, t.started.server, placed, began_at=t.entries[0].at)

    async def standing(self, run: str) -> SlackSurface | None:
        """A place where the run stands, to add something to it."""
        placed = await self._store.posted_pages(run)
        spots = [spot for p in placed if (spot := read_address(p.address))]
        return await self._again(spots[0], run, "", placed) if spots else None

    async def erase(self, run: str) -> list[str]:
        """Delete the run's messages; why each of those that are left could not be."""

        async def deletes(address: str) -> Delete | None:
            spot = read_address(address)
            surface = await self._again(spot, run, "", ()) if spot else None
            return surface.delete if surface else None

        return await erase(self._store, run, deletes)

    async def find(self, team: str, channel: str, ts: str) -> tuple[str, PostedPage] | None:
        """The run and the page that a message shows."""
        return await look_up(self._found.get, message_ref(team, channel, ts), age_s=self._clock() - float(ts or 0))

    async def run_of(self, team: str, channel: str, thread: str) -> str:
        """The run whose thread this is; "" when it is none's."""
        if not thread:
            return ""
        if run := self._inside.get((channel, thread)):
            return run
        found = await self.find(team, channel, thread)
        return found[0] if found else ""

    def servers(self, team: str) -> set[str]:
        """What runs of this workspace were started for: itself, and people in direct messages."""
        return self._servers.get(team, set()) | {f"slack:{team}"}

    def _noted(self, spot: Address, run: str, server: str) -> None:
        self._servers.setdefault(spot.team, set()).add(server)
        if spot.thread:
            self._inside[spot.channel, spot.thread] = run
            if len(self._inside) > REMEMBERED:
                self._inside.popitem(last=False)

    async def _again(
        self, spot: Address, run: str, server: str, placed: Sequence[PostedPage], *, began_at: float | None = None
    ) -> SlackSurface | None:
        """`placed`: what stands there, and maybe elsewhere."""
        try:
            at = await self._workspaces.find(spot.enterprise, spot.team)
        except SurfaceError:
            return None
        if at is None:
            return None
        boards = [p.ref for p in placed if p.ref and p.address == spot.address and p.lane.stage == "board"]
        board = read_ref(boards[0])[1] if boards else None
        return self._surface(spot, at, run, server, board=board, began_at=began_at)

    def _surface(
        self,
        spot: Address,
        at: Workspace,
        run: str,
        server: str,
        *,
        opening: Opening | None = None,
        board: str | None = None,
        began_at: float | None = None,
    ) -> SlackSurface:
        return SlackSurface(
            self._api,
            at,
            spot,
            run=run,
            words=self._words(server),
            lacking=self._lacking,
            reads_history=self._listen,
            opening=opening,
            board=board,
            began_at=began_at,
        )
