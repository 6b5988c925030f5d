"""Places of runs on Slack: new ones, those of an earlier process, and the run of a message or thread."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from adapters.common.posted_messages import DeleteMessage, erase_messages, find_posted
from adapters.common.recent import RecentDict
from adapters.slack.addresses import Address, link_message, message_ref, read_address, read_ref
from adapters.slack.api import Api, Workspace
from adapters.slack.surface import BoardWatcher, SlackSurface
from adapters.slack.workspaces import Workspaces
from bot.concurrency import SingleFlight
from bot.domain.transcript import Transcript
from bot.domain.word_filter import WordFilter
from bot.ports.process import Clock
from bot.ports.store import PostedPage, Store
from bot.ports.surface import CanSee, Surface, SurfaceError

MAX_INSIDE = 5_000  # threads that are remembered because a run stands in them that did not open them


class Places:
    """The places of all runs on Slack. `words` returns a server's word list; `listen`: we may read channels."""

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
        self._pages = SingleFlight(store.find_page)
        self._erasing = SingleFlight(self._erase)  # whoever has deleted a run does it, and so does who looks for such
        self._api = api
        self._workspaces = workspaces
        self._words = words
        self._clock = clock
        self._listen = listen
        # channel and thread → the latest run in it
        self._inside: RecentDict[tuple[str, str], str] = RecentDict(size=MAX_INSIDE)
        self._servers: dict[str, set[str]] = {}  # workspace → the servers of its runs

    def create(
        self,
        run: str,
        workspace: Workspace,
        server: str,
        channel: str,
        thread: str,
        asker: str,
        opening: BoardWatcher | None,
        title: str = "",
    ) -> SlackSurface:
        """Return a new place for a run. `thread` "": its board opens one; `title`: of its session."""
        address = Address(workspace.id, workspace.enterprise, channel, thread, asker, secrets.token_hex(4))
        self._note(address, run, server)
        return self._build_surface(address, workspace, run, server, opening=opening, title=title)

    async def reopen(self, address_text: str, run: str, t: Transcript, posted: Sequence[PostedPage]) -> Surface | None:
        """Return the place of a run that began in another process, with the messages that were `posted` there.

        None: the address is another platform's, or out of reach.
        """
        if (address := read_address(address_text)) is None:
            return None
        self._note(address, run, t.started.server)
        return await self._rebuild(address, run, t.started.server, posted, began_at=t.entries[0].at)

    async def find_surface(self, run: str) -> SlackSurface | None:
        """Return a place where the run is shown, to add something to it; None: there is none."""
        posted = await self._store.posted_pages(run)
        addresses = [address for p in posted if (address := read_address(p.address))]
        return await self._rebuild(addresses[0], run, "", posted) if addresses else None

    async def erase(self, run: str) -> list[str]:
        """Delete a run's messages; return, for each that is left, why it could not be deleted."""
        return await self._erasing.get(run)

    async def _erase(self, run: str) -> list[str]:
        async def delete_at(address_text: str) -> DeleteMessage | None:
            address = read_address(address_text)
            surface = await self._rebuild(address, run, "", ()) if address else None
            return surface.delete if surface else None

        return await erase_messages(self._store, run, delete_at)

    async def find_page(self, team: str, channel: str, ts: str) -> tuple[str, PostedPage] | None:
        """Return the run and the page that a message shows; None: it shows none."""
        return await find_posted(self._pages.get, message_ref(team, channel, ts), age_s=self._clock() - float(ts or 0))

    async def find_run(self, team: str, channel: str, thread: str) -> str:
        """Return the run that a thread belongs to; "" where it belongs to none."""
        if not thread:
            return ""
        if run := self._inside.get((channel, thread)):
            return run
        found = await self.find_page(team, channel, thread)
        return found[0] if found else ""

    async def find_link(self, run: str, workspace: Workspace, can_see: CanSee) -> str:
        """Return a link to a run's board in a workspace, at a place that a person `can_see`; "" where there is none."""
        for page in await self._store.posted_pages(run):
            at = read_address(page.address)
            if page.ref and page.lane.stage == "board" and at and at.team == workspace.id and await can_see(at.text):
                return link_message(workspace.url, *read_ref(page.ref), at.thread)
        return ""

    def list_servers(self, team: str) -> set[str]:
        """Return the servers of a workspace: itself, and each person in a direct message."""
        return self._servers.get(team, set()) | {f"slack:{team}"}

    def _note(self, address: Address, run: str, server: str) -> None:
        self._servers.setdefault(address.team, set()).add(server)
        if address.thread:
            self._inside.put((address.channel, address.thread), run)

    async def _rebuild(
        self, address: Address, run: str, server: str, posted: Sequence[PostedPage], *, began_at: float | None = None
    ) -> SlackSurface | None:
        """Return the place of an earlier run, None where it is out of reach. `posted` may be elsewhere as well."""
        try:
            workspace = await self._workspaces.find(address.enterprise, address.team)
        except SurfaceError:
            return None
        if workspace is None:
            return None
        here = [page for page in posted if page.ref and page.address == address.text]
        return self._build_surface(address, workspace, run, server, posted=here, began_at=began_at)

    def _build_surface(
        self,
        address: Address,
        workspace: Workspace,
        run: str,
        server: str,
        *,
        opening: BoardWatcher | None = None,
        posted: Sequence[PostedPage] = (),
        began_at: float | None = None,
        title: str = "",
    ) -> SlackSurface:
        return SlackSurface(
            self._api,
            workspace,
            address,
            run=run,
            words=self._words(server),
            reads_history=self._listen,
            opening=opening,
            posted=posted,
            began_at=began_at,
            title=title,
        )
