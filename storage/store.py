"""The store on a SQL database: facts of runs, what their lanes showed and where, and documents of servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.codec import encode, turn_text
from bot.domain.facts import Fact
from bot.domain.run import TurnId
from bot.domain.spending import Asked, Balance, Payer, list_accounts
from bot.domain.transcript import Entry
from bot.ports.offers import KeptOffer
from bot.ports.process import Clock
from bot.ports.spending import Call, CostKey, CostRow
from bot.ports.store import EVERY_RUN, Json, PostedPage, RunFilter, RunRow, Snapshot
from bot.ports.surface import MessageRef
from bot.records.record import RunRecord
from storage import erasure, migrate, offers, people, picture_rows, rows, run_lists, search
from storage.batch import (
    Append,
    Claim,
    Erase,
    Forget,
    ForgetPages,
    Import,
    Keep,
    Place,
    Put,
    Reserve,
    Settle,
    Show,
    Tidy,
)
from storage.errors import translating_errors
from storage.locations import (
    Connections,
    Location,
    count_bytes,
    describe_location,
    hold_location,
    make_library_engine,
    read_location,
)
from storage.writer import Writer

EVENTS_KEPT_S = 86_400.0  # facts with a key come twice within minutes, if at all
RUNS_A_LOG = 20  # erased runs whose log is small enough that no commit copies it, for which all others would wait
LOG_TRIES, LOG_RETRY_S = 20, 0.1  # to empty the log between others' reads

T = TypeVar("T")

log = structlog.get_logger()


class SqlStore:
    """A `Store`, `DocumentStore`, `OfferStore` and `SpendingStore` on SQL.

    Every method raises StoreFailed when the database cannot be used.
    """

    def __init__(
        self,
        writer: Writer,
        reader: Connections,
        engine: AsyncEngine,
        name: str,
        clock: Clock,
        *,
        shared: bool = False,
    ) -> None:
        """Take the parts of an open store, and its name for people.

        `engine` is for libraries that keep tables of their own in this database. `shared`: by several processes.
        """
        self.engine = engine
        self._writer = writer
        self._reader = reader
        self._name = name
        self._clock = clock
        self._shared = shared

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        encoded = tuple(encode(fact) for fact in facts)
        epoch = await self._writer.write(Claim(run, self._clock(), owner, self._shared, encoded, key))
        assert epoch is not None, "a claim that is stored has an epoch"
        return epoch

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        encoded = tuple(encode(fact) for fact in facts)
        await self._writer.write(Append(run, self._clock(), encoded, epoch, key))

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        return await self._read(lambda conn: rows.read_entries(conn, run, after))

    async def snapshot(self, run: str, turn: TurnId, text: str, *, epoch: int | None = None) -> None:
        await self._writer.write(Show(run, self._clock(), turn_text(turn), text, epoch))

    async def snapshots(self, run: str) -> list[Snapshot]:
        return await self._read(lambda conn: rows.read_snapshots(conn, run))

    async def record_page(self, run: str, page: PostedPage, *, epoch: int | None = None) -> None:
        lane = turn_text(TurnId(*page.lane))
        await self._writer.write(Place(run, page.address, lane, page.page, page.ref or None, page.reads, epoch))

    async def posted_pages(self, run: str) -> list[PostedPage]:
        return await self._read(lambda conn: rows.read_posted_pages(conn, run))

    async def forget_pages(self, run: str, address: str) -> None:
        await self._writer.write(ForgetPages(run, address))

    async def find_page(self, ref: MessageRef) -> tuple[str, PostedPage] | None:
        return await self._read(lambda conn: rows.find_page(conn, ref))

    async def runs(self, limit: int = 50, server: str | None = None, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        return await self._read(lambda conn: run_lists.list_runs(conn, limit, server, wanted))

    async def unfinished_runs(self) -> list[str]:
        return await self._read(rows.find_unfinished)

    async def put(self, key: str, value: Json) -> None:
        await self._writer.write(Put(key, value))

    async def documents(self, prefix: str) -> dict[str, Json]:
        return await self._read(lambda conn: rows.list_documents(conn, prefix))

    async def put_offer(self, name: str, offer: KeptOffer) -> None:
        await self._change(lambda conn: offers.put_offer(conn, name, offer, self._clock()))

    async def find_offer(self, name: str) -> KeptOffer | None:
        return await self._read(lambda conn: offers.find_offer(conn, name, self._clock()))

    async def take_offer(self, name: str, taken: str) -> bool:
        return await self._change(lambda conn: offers.take_offer(conn, name, taken, self._clock()))

    async def put_back_offer(self, name: str, request: Mapping[str, Any]) -> None:
        await self._change(lambda conn: offers.put_back_offer(conn, name, request))

    async def has_offer(self, person: str) -> bool:
        return await self._read(lambda conn: offers.has_offer(conn, person))

    async def forget_offer(self, person: str) -> None:
        await self._change(lambda conn: offers.forget_person_offer(conn, person))
        await self._empty_log()

    async def keep_picture(self, run: str, by: str, server: str, data: bytes | None, digest: str = "") -> str:
        if data is None:
            size = await self.picture_size(digest) or 0
        else:
            digest, size = sha256(data).hexdigest(), len(data)
        await self._writer.write(Keep(run, self._clock(), by, server, digest, size, data))
        return digest

    async def picture_size(self, digest: str) -> int | None:
        return await self._read(lambda conn: picture_rows.find_picture_size(conn, digest))

    async def picture_piece(self, digest: str, number: int) -> bytes | None:
        return await self._read(lambda conn: picture_rows.read_picture_piece(conn, digest, number))

    async def picture_bytes(self, by: str, server: str) -> tuple[int, int, int]:
        return await self._read(lambda conn: picture_rows.count_picture_bytes(conn, by, server))

    async def reserve(self, call: Call, caps: Sequence[int | None], asked: Asked) -> int:
        held = await self._writer.write(Reserve(call, tuple(caps), asked))
        assert held is not None, "a reservation says what is held"
        return held

    async def settle(self, call: Call, held: int, spent: int, seconds: float) -> None:
        await self._writer.write(Settle(call, held, spent, seconds))

    async def balances(self, payer: Payer, at: float) -> list[Balance]:
        names = list_accounts(payer, at)
        stored = await self._read(lambda conn: rows.load_balances(conn, names))
        return [stored[name] for name in names]

    async def costs(self, key: CostKey, since: float, server: str | None = None) -> list[CostRow]:
        return await self._read(lambda conn: rows.sum_costs(conn, key, since, server))

    async def import_run(self, record: RunRecord) -> None:
        """Store a run from elsewhere, to be read; it goes on only where somebody resumes it. Raises AlreadyStored."""
        facts = tuple((entry.at, *encode(entry.fact)) for entry in record.entries)
        await self._writer.write(
            Import(record.run, facts, tuple(rows.make_snapshot_rows(record.run, record.snapshots)))
        )

    async def tidy(self) -> None:
        """Forget what nothing needs any more: old events and offers, and how lanes came to be.

        Runs that were deleted and not erased are erased now.
        """
        before = self._clock() - EVENTS_KEPT_S
        await self._writer.write(Tidy(before))
        while missing := await self._read(search.list_missing):
            await self._writer.write(Tidy(before, tuple(missing)))
        if await self._change(lambda conn: offers.forget_old_offers(conn, self._clock())):
            await self._empty_log()
        await self.erase_runs(await self._read(erasure.list_unerased))

    async def erase_runs(self, runs: Sequence[str]) -> None:
        at = self._clock()
        for n, run in enumerate(runs, 1):
            indexed = await self._read(partial(search.read_indexed, run=run))
            await self._writer.write(Erase(run, at, indexed))
            while await self._read(partial(erasure.has_texts, run=run)):
                await self._writer.write(Erase(run, at))
            if n % RUNS_A_LOG == 0:
                with translating_errors(self._name):
                    await self._writer.database.copy_log()
        if runs:
            await self._empty_log()

    async def acts(self, person: str) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        after = ""
        while named := await self._read(partial(people.list_runs_of, person=person, after=after)):
            for run, entry in await self._read(partial(people.list_acts, named=named, person=person)):
                found.setdefault(run, []).append(entry)
            after = named[-1]
        return found

    async def forget_acts(self, person: str, runs: Sequence[str]) -> None:
        for run in runs:
            await self._writer.write(Forget(run, person))
        if runs:
            await self._empty_log()

    async def _empty_log(self) -> None:
        """Empty the log, where deleted texts stand until it is written over; where others read it, the next time."""
        with translating_errors(self._name):
            for _ in range(LOG_TRIES):
                if await self._writer.database.truncate_log():
                    return
                await asyncio.sleep(LOG_RETRY_S)
        log.warning("the log cannot be emptied now, as it is read all the time", store=self._name)

    async def count_bytes(self) -> int:
        return await self._read(count_bytes)

    async def servers(self) -> list[str]:
        return await self._read(erasure.list_servers)

    async def runs_before(self, server: str, before: float) -> list[str]:
        return await self._read(lambda conn: erasure.list_runs_before(conn, server, before))

    async def runs_to_ask(self, now: float) -> list[str]:
        return await self._read(lambda conn: run_lists.list_runs_to_ask(conn, now))

    async def _change(self, work: Callable[[Connection], T]) -> T:
        """Carry out what rests on no run, and so joins no batch."""
        with translating_errors(self._name):
            return await self._writer.database.transact(work)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        with translating_errors(self._name):
            return await self._reader.transact(query)


@asynccontextmanager
async def open_store(
    location: Location, *, clock: Clock, read_only: bool = False, shared: bool = False
) -> AsyncIterator[SqlStore]:
    """Open the store at a location, and make it or bring it up to date first if necessary.

    Leaving it stores what waits. `read_only` opens it beside a live writer, changes nothing, and fails every write.
    `shared`: by several processes, each of which claims only runs that no other one holds.
    Raises Misconfigured when the location is none for a store, another process holds it, or its version is not this
    program's; StoreFailed when it cannot be read or written.
    """
    name = describe_location(location)
    async with AsyncExitStack() as stack:
        with translating_errors(name):
            database = await stack.enter_async_context(
                read_location(location) if read_only else hold_location(location, shared=shared)
            )
            await database.transact(migrate.require_version if read_only else migrate.upgrade_schema)
            reader = await stack.enter_async_context(read_location(location))
        writer = await stack.enter_async_context(Writer(database, name))
        engine = make_library_engine(location)
        stack.push_async_callback(engine.dispose)
        yield SqlStore(writer, reader, engine, name, clock, shared=shared)
