"""A store without a disk, for tests of what stands on the port; it passes the same suite as the real one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bot.ports import Clock, Fenced, RunRow, Snapshot, replay
from bot.transcript import Claimed, Entry, Fact, RunFinished, RunStarted, TurnId
from storage.batch import common_length


class MemoryStore:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._facts: defaultdict[str, list[Entry]] = defaultdict(list)
        self._shown: defaultdict[str, list[Snapshot]] = defaultdict(list)
        self._keys: set[str] = set()

    async def claim(self, run: str, owner: str) -> int:
        self._add(run, [Claimed(owner)])
        return self._epoch(run)

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        self._check(run, epoch)
        if key is None or key not in self._keys:
            self._add(run, facts)
        if key is not None:
            self._keys.add(key)

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        return self._facts[run][after:]

    async def snapshot(self, run: str, turn: TurnId, text: str, *, epoch: int | None = None) -> None:
        self._check(run, epoch)
        before = {turn: text for turn, _, text in replay(self._shown[run])}.get(turn, "")
        if text != before:
            kept = common_length(before, text)
            self._shown[run].append(Snapshot(turn, self._clock(), kept, text[kept:]))

    async def snapshots(self, run: str) -> list[Snapshot]:
        return list(self._shown[run])

    async def runs(self, limit: int = 50) -> list[RunRow]:
        rows = [row for run in self._facts if (row := self._row(run))]
        return sorted(rows, key=lambda row: row.started_at, reverse=True)[:limit]

    def _add(self, run: str, facts: Sequence[Fact]) -> None:
        at = self._clock()
        for fact in facts:
            self._facts[run].append(Entry(len(self._facts[run]) + 1, at, fact))

    def _check(self, run: str, epoch: int | None) -> None:
        if epoch not in (None, self._epoch(run)):
            raise Fenced(f"run {run} is in epoch {self._epoch(run)}, the write came from epoch {epoch}")

    def _epoch(self, run: str) -> int:
        return sum(isinstance(entry.fact, Claimed) for entry in self._facts[run])

    def _row(self, run: str) -> RunRow | None:
        facts = [entry.fact for entry in self._facts[run]]
        start = next((fact for fact in facts if isinstance(fact, RunStarted)), None)
        outcome = next((fact.outcome for fact in facts if isinstance(fact, RunFinished)), "")
        if start is None:
            return None
        return RunRow(run, self._facts[run][0].at, start.format, start.question, outcome)
