"""Limits on runs at once: for a person, for a server, and for the whole process; on paused ones, and on remarks."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from bot.actions.permissions import Person
from bot.domain.facts import RunStarted
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.ports import Clock
from bot.settings import LimitSettings
from bot.text import as_text

MAX_PAUSED = 3  # runs that one person has started and that are paused; they hold no place

MAX_REMARKS, MAX_REMARKS_OF_ONE = 200, 50  # in a run; each is part of every later ask
MAX_REMARKS_CHARS, MAX_REMARKS_CHARS_OF_ONE = 200_000, 60_000

MAX_REFUSALS, REFUSALS_S = 60, 60.0  # of one person within so many seconds; nobody mistypes faster
MAX_REFUSED_PEOPLE = 1_000  # whose refusals are counted
ENOUGH = f"{MAX_REFUSALS} of your requests were refused within a minute: wait one, then try again."


class RunQuota:
    """A count of runs against their limits.

    `list_unfinished` returns the starts of runs that have no end yet and are not paused, `list_paused` of those that
    are. A vote after the end of a run does not count. A paused run holds no place; so that nobody piles them up, there
    are limits on them as well, and a run that is resumed needs a place again.
    """

    def __init__(
        self,
        limits: LimitSettings,
        list_unfinished: Callable[[], Iterable[RunStarted]],
        list_paused: Callable[[], Iterable[RunStarted]] = tuple,
    ) -> None:
        self._limits = limits
        self._list_unfinished = list_unfinished
        self._list_paused = list_paused
        self._starting: list[tuple[str, str]] = []  # person and server: many may ask before the first has begun

    @contextmanager
    def reserve(self, by: Person) -> Iterator[None]:
        """Count a run that is being started, until `list_unfinished` returns it. Raises Refused at a limit."""
        self._check_room(by.key, by.server)
        self._starting.append((by.key, by.server))
        try:
            yield
        finally:
            self._starting.remove((by.key, by.server))

    def check_pause(self, start: RunStarted) -> None:
        """Raise Refused where as many runs are paused as may be."""
        paused = list(self._list_paused())
        if sum(other.by == start.by for other in paused) >= MAX_PAUSED:
            who = as_text(start.name or start.by)
            raise Refused(f"{MAX_PAUSED} runs of {who} are paused already: resume or stop one of them first.")
        if sum(other.server == start.server for other in paused) >= self._limits.runs_per_server:
            raise Refused(f"{_format_runs(len(paused))} are paused here already: resume or stop one of them first.")
        if len(paused) >= self._limits.runs:
            raise Refused(f"{_format_runs(len(paused))} are paused already, and no more may be: stop this one instead.")

    def check_resume(self, start: RunStarted) -> None:
        """Raise Refused where a paused run finds no place to go on."""
        try:
            self._check_room(start.by, start.server)
        except Refused as error:
            raise Refused(f"It cannot go on yet. {error}") from None

    def _check_room(self, starter: str, server: str) -> None:
        unfinished = list(self._list_unfinished())
        if (total := len(self._starting) + len(unfinished)) >= self._limits.runs:  # first, as it costs least
            raise Refused(f"{_format_runs(total)} go on already, and no more fit: ask again when one has ended.")
        taken = [*self._starting, *((start.by, start.server) for start in unfinished)]
        own = sum(person == starter for person, _ in taken)
        if own >= self._limits.runs_per_person:
            raise Refused(f"You have {_format_runs(own)} going on here already: wait until one ends, or stop one.")
        around = sum(place == server for _, place in taken)
        if around >= self._limits.runs_per_server:
            raise Refused(f"{_format_runs(around)} go on here already: ask again when one has ended.")


def check_room_for_remark(t: Transcript, text: str, by: Person) -> None:
    """Raise Refused where a run has as many remarks as it may have, of one person or of all."""
    own = [len(remark.text) for remark in t.remarks if remark.by == by.key]
    if len(own) >= MAX_REMARKS_OF_ONE or sum(own) + len(text) > MAX_REMARKS_CHARS_OF_ONE:
        raise Refused("You have said as much here as one person may: wait for the answers, then follow up.")
    said = sum(len(remark.text) for remark in t.remarks)
    if len(t.remarks) >= MAX_REMARKS or said + len(text) > MAX_REMARKS_CHARS:
        raise Refused("This run has heard as many remarks as it can pass on: wait for the answers, then follow up.")


class RefusalCount:
    """A count of what each person was refused lately, so that whoever goes on regardless costs next to nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()  # person → their latest refusals, oldest first

    @contextmanager
    def watch(self, person: str) -> Iterator[None]:
        """Count a request of a person that is refused. Raises Refused at once after too many."""
        self.check(person)
        try:
            yield
        except (Refused, ValidationError):
            self.add(person)
            raise

    def check(self, person: str) -> None:
        """Raise Refused where a person was refused too often lately."""
        times = self._times.get(person)
        if times and len(times) == MAX_REFUSALS and self._clock() < times[0] + REFUSALS_S:
            raise Refused(ENOUGH)

    def add(self, person: str) -> None:
        """Count one refusal of a person."""
        self._times.setdefault(person, deque(maxlen=MAX_REFUSALS)).append(self._clock())
        self._times.move_to_end(person)
        if len(self._times) > MAX_REFUSED_PEOPLE:
            self._times.popitem(last=False)


def _format_runs(count: int) -> str:
    return f"{count} run{'s' if count > 1 else ''}"
