"""Faults on demand: a refused, slow, lost or torn request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.servers.discord.errors import DiscordError
from tests.servers.discord.limits import Scope, rate_limit_error


class RawAnswer(NamedTuple):
    """An answer that is not as Discord's own are. `headers` holds the type of `body`, and no other is added."""

    body: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Fault:
    """A fault for requests whose method and path match its two patterns of fnmatch.

    The path is the part below `/api/v10`, without a query.

    `status` is the answer's status. 0 tears the connection; aiohttp's client then tries a GET, PUT or DELETE once more
    by itself. None only delays the request.

    `stall_s` is the wait before the request takes effect, `late_s` the wait between its effect and its answer. With
    `acts` the request takes effect, and only its answer is lost. `times` is how often the fault happens; None: until
    `end_at` (loop time), or for ever. `raw` is sent with `status` as it is.
    """

    method: str
    path: str
    status: int | None
    times: int | None = 1
    code: int = 0
    retry_after_s: float = 1.0
    scope: Scope = "user"
    stall_s: float = 0.0
    late_s: float = 0.0
    acts: bool = False
    end_at: float | None = None
    raw: RawAnswer | None = None

    def error(self) -> DiscordError | None:
        if not self.status:
            return None
        if self.status == 429:
            return rate_limit_error(self.retry_after_s, self.scope)
        return DiscordError(self.status, self.code, f"{self.status}: told to fail")


class Faults:
    """The faults of a server; a request meets the oldest one that matches it. `now` is loop time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take_next(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, or None, and count it."""
        now = self._now()
        self._faults = [f for f in self._faults if f.times != 0 and (f.end_at is None or now < f.end_at)]
        hits = (f for f in self._faults if fnmatchcase(method, f.method) and fnmatchcase(path, f.path))
        fault = next(hits, None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault
