"""The facts of a run that this process conducts: read from the store, and kept in memory while that fails.

A run must not die of a full disk. So a fact that cannot be stored is folded into the transcript all the same, and
stored once the store works again. People's facts are not kept so: they are refused while the store fails.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence

import structlog

from bot.domain.facts import Claimed, Fact
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.errors import MaybeStored, StoreFailed, UnknownFacts, behind_stored
from bot.ports.process import Clock, Trace
from bot.ports.store import Fenced, Store

log = structlog.get_logger()

TRY_AGAIN_S = 10.0  # between two tries of a store that fails
RETRY_S = 1.0  # the same while a run waits for it to end; a database is restarted within seconds
BEGIN_PATIENCE_S = 5.0  # how long a person who has asked waits for the store before they are told
PATIENCE_S = 60.0  # how long the end of a run waits for the store where its process ends with the run
NOT_SAVED = "Not being saved: my database cannot be used just now. The run goes on, and is saved once that works again."


class Journal:
    """The owner's facts of one run; call `claim` first. `failing`: why they stay in memory, if they do."""

    def __init__(self, run: str, store: Store, clock: Clock, trace: Trace, patience_s: float = PATIENCE_S) -> None:
        self.transcript = Transcript()
        self.epoch = 0
        self.failing: StoreFailed | None = None
        self._run = run
        self._store = store
        self._clock = clock
        self._trace = trace
        self._patience_s = patience_s
        self._stored = self.transcript  # the transcript when the store began to fail
        self._pending: list[Fact] = []  # recorded and not read back yet
        self._try_at = 0.0  # loop time
        self._owner = ""

    async def claim(self, owner: str, facts: Sequence[Fact] = ()) -> None:
        """Take the run over, store these facts of it, and read what has happened in it.

        Somebody waits to hear that the facts are stored: so while the store fails it is tried again for some seconds.
        Raises Fenced, and StoreFailed: with MaybeStored the run may go on all the same.
        """
        key = secrets.token_hex(8) if facts else None
        gives_up_at = self._now() + (BEGIN_PATIENCE_S if facts else 0.0)
        doubt: MaybeStored | None = None
        while True:
            try:
                await self._take_over(owner, facts, key)
            except UnknownFacts:
                raise
            except StoreFailed as error:
                doubt = error if isinstance(error, MaybeStored) else doubt
                if self._now() >= gives_up_at:
                    raise doubt or error from error
                await asyncio.sleep(RETRY_S)
            except Fenced as error:
                if not facts:
                    raise
                # it was stored, and another process has found it since
                raise doubt or MaybeStored(str(error)) from error
            else:
                return

    async def _take_over(self, owner: str, facts: Sequence[Fact], key: str | None) -> None:
        """Claim the run once. Raises MaybeStored where the claim is stored and cannot be read."""
        self._owner = owner
        self.epoch = await self._store.claim(self._run, owner, facts, key=key)
        with behind_stored():
            self._take_entries(await self._store.read(self._run, self.transcript.seq))

    async def record(self, facts: Sequence[Fact]) -> None:
        """Store facts; with the store failing, keep them in memory until it works again. Raises Fenced."""
        self._pending += facts
        if self.failing:
            self._fold_pending(facts)
            return
        try:
            await self._store.append(self._run, facts, epoch=self.epoch)
        except StoreFailed as error:
            self.note_failure(error)

    async def read(self) -> None:
        """Read the facts stored since, also others'; a store that has failed may be tried again.

        Raises Fenced, and UnknownFacts where a newer version has stored what this one cannot know.
        """
        try:
            if not self.failing:
                self._take_entries(await self._store.read(self._run, self.transcript.seq))
            elif self._now() >= self._try_at:
                await self._catch_up()
        except UnknownFacts:
            raise
        except StoreFailed as error:
            self.note_failure(error)

    def note_failure(self, error: StoreFailed) -> None:
        """Go on in memory, for now."""
        self._try_at = self._now() + TRY_AGAIN_S
        if not self.failing:
            log.error("the run goes on in memory", run=self._run, reason=str(error))
            self._stored = self.transcript
            self._fold_pending(self._pending)
        self.failing = error

    def describe_outage(self, *, for_operators: bool) -> list[str]:
        """Return what people read of a store that fails: the whole reason where they can mend it."""
        if self.failing is None:
            return []
        return [f"Not being saved: {self.failing}" if for_operators else NOT_SAVED]

    def try_soon(self) -> None:
        """Let the next read try the store: somebody has found it working, or it is the last chance."""
        self._try_at = 0.0

    async def wait_until_stored(self) -> None:
        """Try a store that fails until it works, as nobody else knows of what is in memory. Raises Fenced."""
        gives_up_at = self._now() + self._patience_s
        while self.failing and self._now() < gives_up_at:
            self.try_soon()
            await self.read()
            if self.failing:
                await asyncio.sleep(RETRY_S)

    async def _catch_up(self) -> None:
        """Store the pending facts that the store does not have yet.

        A write may have succeeded although its answer was lost. From then on the store's facts, in its order, are what
        happened.
        """
        while self.failing:
            entries = await self._store.read(self._run, self._stored.seq)
            stored = [entry.fact for entry in entries]
            if owed := [fact for fact in self._pending if fact not in stored]:
                await self._store.append(self._run, owed, epoch=self.epoch)
            else:
                traced = [entry.fact for entry in self.transcript.entries]
                self.transcript, self.failing = self._stored, None
                self._take_entries(entries, traced)
        log.warning("the run is saved again", run=self._run)

    def _take_entries(self, entries: Sequence[Entry], traced: Sequence[Fact] = ()) -> None:
        """Fold in what the store holds; `traced`: facts that the trace has already, from the time in memory.

        Raises Fenced where another process has claimed the run since: what that has begun is not ours to go on with.
        """
        claims = [entry.fact.owner for entry in entries if isinstance(entry.fact, Claimed)]
        if claims and claims[-1] != self._owner:
            raise Fenced(f"run {self._run} was claimed by {claims[-1]}")
        self._fold(entries, traced)
        stored = [entry.fact for entry in entries]
        self._pending = [fact for fact in self._pending if fact not in stored]

    def _fold_pending(self, facts: Iterable[Fact]) -> None:
        now = self._clock()
        self._fold([Entry(seq, now, fact) for seq, fact in enumerate(facts, start=self.transcript.seq + 1)])

    def _fold(self, entries: Sequence[Entry], traced: Sequence[Fact] = ()) -> None:
        self.transcript = fold_all(self.transcript, entries)
        for entry in entries:
            if entry.fact not in traced:
                self._trace.record_fact(entry)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
