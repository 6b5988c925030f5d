"""The events file: one JSON object a line, flushed as it happens, from which speed is measured.

Every line has `t` (seconds since the run began, monotonic) and `type`:

- fact: `fact` (its name), `seq`, the fact's own fields, and `turn`, `stage`, `round`, `seat` where it has a turn
- delta: `turn`, `chars` and `thinking` (code points in this delta); `t` is when it left the model's client
- shown: `surface`, `turn`, `page`, `chars` (source code points of the turn now visible, all pages), `final`;
  `t` is when the platform's success arrived
- request: `surface`, `method`, `bucket`, `turn`, `status`, `duration_s`; `t` is when its answer arrived

`turn` is written "stage/round/seat", with "/ask" after it from the second ask on; cards and the board have
no seat.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from bot.domain.codec import encode
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry
from bot.ports.process import Trace


class EventsFile:
    """A trace that is written to the file `path`. Raises OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")  # closed by __exit__
        self.began = asyncio.get_running_loop().time()

    def __enter__(self) -> EventsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def for_run(self, run: str) -> Self:
        return self  # the file is that of one run

    def record_fact(self, entry: Entry) -> None:
        kind, data = encode(entry.fact)
        turn = getattr(entry.fact, "turn", None)
        where = {"turn": str(turn), "stage": turn.stage, "round": turn.round, "seat": turn.seat} if turn else {}
        self._write(self._now(), "fact", fact=kind, seq=entry.seq, **{**data, **where})

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        self._write(at, "delta", turn=str(turn), chars=chars, thinking=thinking)

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        self._write(self._now(), "shown", surface=surface, turn=str(lane), page=page, chars=chars, final=final)

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None:
        """Leave it out: waits follow from the lines of what came and what was shown."""

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        fields = {"surface": surface, "method": method, "bucket": bucket, "turn": str(lane), "status": status}
        self._write(self._now(), "request", **fields, duration_s=round(duration_s, 6))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _write(self, at: float, kind: str, **fields: Any) -> None:
        line = {"t": round(at - self.began, 6), "type": kind, **fields}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


class NoTrace:
    """A trace that keeps nothing."""

    def for_run(self, run: str) -> Trace:
        return self

    def record_fact(self, entry: Entry) -> None: ...

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None: ...

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None: ...

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None: ...

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None: ...


class TraceGroup:
    """A trace that hands all it hears to several."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._traces = traces

    def for_run(self, run: str) -> Trace:
        return TraceGroup([trace.for_run(run) for trace in self._traces])

    def record_fact(self, entry: Entry) -> None:
        for trace in self._traces:
            trace.record_fact(entry)

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        for trace in self._traces:
            trace.record_delta(turn, at, chars, thinking)

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        for trace in self._traces:
            trace.record_shown(surface, lane, page, chars, final)

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None:
        for trace in self._traces:
            trace.record_wait(surface, chars, waited_s)

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        for trace in self._traces:
            trace.record_request(surface, method, bucket, lane, status, duration_s)
