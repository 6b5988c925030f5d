"""A store in memory, for tests of what stands on the ports; it passes the same suite as the real one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.facts import CaughtUp, Claimed, Deleted, Fact, Named, OutcomeAsked
from bot.domain.run import TurnId
from bot.domain.transcript import SET_ASIDE, Entry, Transcript, fold_all
from bot.ports.offers import OFFER_S, KeptOffer
from bot.ports.process import Clock
from bot.ports.store import EVERY_RUN, Fenced, Json, PostedPage, RunFilter, RunRow, Snapshot, last_texts
from bot.ports.surface import MessageRef
from storage.batch import common_length
from storage.words import list_words


def replay_snapshots(snapshots: Iterable[Snapshot]) -> Iterator[tuple[TurnId, float, str]]:
    """Yield the whole text of a lane each time it was shown: turn, wall time, text."""
    shown: dict[TurnId, str] = {}
    for s in snapshots:
        shown[s.turn] = shown.get(s.turn, "")[: s.kept] + s.text
        yield s.turn, s.at, shown[s.turn]


class MemoryStore:
    """An implementation of `Store`, `DocumentStore` and `OfferStore`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._facts: defaultdict[str, list[Entry]] = defaultdict(list)
        self._snapshots: defaultdict[str, list[Snapshot]] = defaultdict(list)
        self._pages: list[tuple[str, PostedPage]] = []
        self._keys: set[str] = set()
        self._erased: set[str] = set()
        self._documents: dict[str, str] = {}  # as JSON, so that a caller cannot change what is stored
        self._offers: dict[str, tuple[float, KeptOffer]] = {}  # by name, with their times

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        if run in self._erased or any(isinstance(entry.fact, Deleted) for entry in self._facts[run]):
            raise Fenced(f"run {run} is deleted")
        self._add_once(run, facts, key)
        self._add(run, [Claimed(owner)])
        return self._epoch(run)

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        self._check(run, epoch)
        if run in self._erased:
            return
        self._add_once(run, facts, key)

    def _add_once(self, run: str, facts: Sequence[Fact], key: str | None) -> None:
        if key is None or key not in self._keys:
            self._add(run, facts)
        if key is not None:
            self._keys.add(key)

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        return self._facts[run][after:]

    async def snapshot(self, run: str, turn: TurnId, text: str, *, epoch: int | None = None) -> None:
        self._check(run, epoch)
        before = last_texts(self._snapshots[run]).get(turn, "")
        if text != before:
            kept = common_length(before, text)
            self._snapshots[run].append(Snapshot(turn, self._clock(), kept, text[kept:]))

    async def snapshots(self, run: str) -> list[Snapshot]:
        return list(self._snapshots[run])

    async def record_page(self, run: str, page: PostedPage, *, epoch: int | None = None) -> None:
        self._check(run, epoch)
        here = (run, page.address, page.lane, page.page)
        kept = [
            (r, p)
            for r, p in self._pages
            if (p.ref != page.ref or not p.ref) and (r, p.address, p.lane, p.page) != here
        ]
        self._pages = [*kept, (run, page)]

    async def posted_pages(self, run: str) -> list[PostedPage]:
        here = [page for owner, page in self._pages if owner == run]
        return sorted(here, key=lambda page: (page.address, str(page.lane), page.page))

    async def forget_pages(self, run: str, address: str) -> None:
        self._pages = [(r, page) for r, page in self._pages if (r, page.address) != (run, address)]

    async def find_page(self, ref: MessageRef) -> tuple[str, PostedPage] | None:
        return next(((run, page) for run, page in self._pages if ref and page.ref == ref), None)

    async def runs(self, limit: int = 50, server: str | None = None, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        return self.list_runs(limit, server, wanted)

    def list_runs(self, limit: int, server: str | None, wanted: RunFilter) -> list[RunRow]:
        """List runs as `runs` does, at once."""
        rows = [
            RunRow(
                run,
                t.entries[0].at,
                t.started.format,
                t.started.question,
                SET_ASIDE if t.set_aside and not t.finished else t.finished.outcome if t.finished else "",
                tuple(view.address for view in t.views),
                t.given_name,
            )
            for run, t in self._for_people()
            if server in (None, t.started.server) and _is_wanted(t, wanted)
        ]
        return sorted(rows, key=lambda row: (-row.started_at, row.run))[wanted.skip :][:limit]

    async def unfinished_runs(self) -> list[str]:
        found = [(t.entries[0].at, run) for run, t in self._for_people() if not _has_caught_up(t)]
        return [run for _, run in sorted(found)]

    async def erase_runs(self, runs: Sequence[str]) -> None:
        for run in runs:
            self._erased.add(run)
            self._facts[run], self._snapshots[run] = [], []

    async def put(self, key: str, value: Json) -> None:
        self._documents.pop(key, None)
        if value is not None:
            self._documents[key] = json.dumps(value)

    async def documents(self, prefix: str) -> dict[str, Json]:
        return {key: json.loads(value) for key, value in sorted(self._documents.items()) if key.startswith(prefix)}

    async def put_offer(self, name: str, offer: KeptOffer) -> None:
        others = {key: kept for key, kept in self._offers.items() if kept[1].by != offer.by}
        self._offers = {**others, name: (self._clock(), offer)}

    async def find_offer(self, name: str) -> KeptOffer | None:
        at, offer = self._offers.get(name, (0.0, None))
        return offer if self._clock() < at + OFFER_S else None

    async def take_offer(self, name: str, taken: str) -> bool:
        offer = await self.find_offer(name)
        if offer is None or offer.taken:
            return False
        self._offers[name] = self._offers[name][0], replace(offer, request=None, taken=taken)
        return True

    async def put_back_offer(self, name: str, request: Mapping[str, Any]) -> None:
        if name in self._offers:
            at, offer = self._offers[name]
            self._offers[name] = at, replace(offer, request=request, taken="")

    def _for_people(self) -> Iterator[tuple[str, Transcript]]:
        for run, entries in list(self._facts.items()):
            t = fold_all(Transcript(), entries)
            if t.start is not None and not t.deleted:
                yield run, t

    def _add(self, run: str, facts: Sequence[Fact]) -> None:
        at = self._clock()
        for fact in facts:
            self._facts[run].append(Entry(len(self._facts[run]) + 1, at, fact))

    def _check(self, run: str, epoch: int | None) -> None:
        if epoch is not None and run in self._erased:
            raise Fenced(f"run {run} is deleted")
        if epoch not in (None, self._epoch(run)):
            raise Fenced(f"run {run} is in epoch {self._epoch(run)}, the write came from epoch {epoch}")

    def _epoch(self, run: str) -> int:
        return sum(isinstance(entry.fact, Claimed) for entry in self._facts[run])


def _is_wanted(t: Transcript, wanted: RunFilter) -> bool:
    outcome = t.finished.outcome if t.finished else ""
    is_state = {"": True, "open": not t.is_over, "over": t.is_over, "failed": outcome == "failed"}
    is_state["archived"] = t.archived
    named = [entry.fact.text for entry in t.entries if isinstance(entry.fact, Named)]
    texts = [
        t.started.question,
        *named,
        *(turn.text for turn in t.turns.values()),
        *(remark.text for remark in t.remarks),
    ]
    words = set(list_words(wanted.words))
    return (
        is_state[wanted.state]
        and not (wanted.listed and t.archived and wanted.state != "archived")
        and wanted.panel in ("", t.started.panel_name)
        and wanted.by in ("", t.started.by)
        and wanted.format in ("", t.started.format)
        and (not wanted.channel or t.started.channel in (wanted.channel, ""))
        and (not wanted.words or (bool(words) and words <= set(list_words(" ".join(texts)))))
    )


def _has_caught_up(t: Transcript) -> bool:
    last = next((e.fact for e in reversed(t.entries) if isinstance(e.fact, CaughtUp | OutcomeAsked)), None)
    return isinstance(last, CaughtUp)
