"""Limits on runs at once: for a person, for a server, and for the whole process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from bot.actions.permissions import Person
from bot.domain.facts import RunStarted
from bot.errors import Refused
from bot.settings import LimitSettings


class RunQuota:
    """A count of runs against their limits. `list_unfinished` returns the starts of unfinished runs.

    A vote after the end of a run does not count.
    """

    def __init__(self, limits: LimitSettings, list_unfinished: Callable[[], Iterable[RunStarted]]) -> None:
        self._limits = limits
        self._list_unfinished = list_unfinished
        self._starting: list[tuple[str, str]] = []  # person and server: many may ask before the first has begun

    @contextmanager
    def reserve(self, by: Person) -> Iterator[None]:
        """Count a run that is being started, until `list_unfinished` returns it. Raises Refused at a limit."""
        unfinished = list(self._list_unfinished())
        if (total := len(self._starting) + len(unfinished)) >= self._limits.runs:  # first, as it costs least
            raise Refused(f"{_format_runs(total)} go on already, and no more fit: ask again when one has ended.")
        taken = [*self._starting, *((start.by, start.server) for start in unfinished)]
        own = sum(person == by.key for person, _ in taken)
        if own >= self._limits.runs_per_person:
            raise Refused(f"You have {_format_runs(own)} going on here already: wait until one ends, or stop one.")
        around = sum(server == by.server for _, server in taken)
        if around >= self._limits.runs_per_server:
            raise Refused(f"{_format_runs(around)} go on here already: ask again when one has ended.")
        self._starting.append((by.key, by.server))
        try:
            yield
        finally:
            self._starting.remove((by.key, by.server))


def _format_runs(count: int) -> str:
    return f"{count} run{'s' if count > 1 else ''}"
