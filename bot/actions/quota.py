"""Limits on runs, at once and a minute, of a person, channel, server and the process; on paused ones; on remarks."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import ceil

from pydantic import ValidationError

from bot.actions.permissions import Person
from bot.actions.place_limits import PlaceRoom, find_limits
from bot.domain.facts import RunStarted
from bot.domain.transcript import Transcript
from bot.engine.runs import MAX_BEGUN, MINUTE_S
from bot.errors import Refused
from bot.ports.process import Clock
from bot.ports.store import Starter
from bot.settings.settings import LimitSettings, Settings
from bot.text import as_text

MAX_PAUSED = 3  # runs that one person has started and that are paused; they hold no place

MAX_REMARKS, MAX_REMARKS_OF_ONE = 200, 50  # in a run; each is part of every later ask
MAX_REMARKS_CHARS, MAX_REMARKS_CHARS_OF_ONE = 200_000, 60_000

MAX_REFUSALS, REFUSALS_S = 60, 60.0  # of one person within so many seconds; nobody mistypes faster
MAX_REFUSED_PEOPLE = 1_000  # whose refusals are counted
ENOUGH = f"{MAX_REFUSALS} of your requests were refused within a minute: wait one, then try again."


class RunQuota:
    """A count of runs against their limits: those that go on, and those that began within a minute.

    `list_unfinished` returns the starts of runs that have no end yet and are not paused, `list_paused` of those that
    are. A vote after the end of a run does not count. A paused run holds no place; so that nobody piles them up, there
    are limits on them as well, and a run that is resumed needs a place again. What began within a minute is forgotten
    by a restart; `list_begun_elsewhere` returns what other processes began, each with how many seconds ago.
    """

    def __init__(
        self,
        read_settings: Callable[[], Settings],
        clock: Clock,
        list_unfinished: Callable[[], Iterable[RunStarted]],
        list_paused: Callable[[], Iterable[RunStarted]] = tuple,
        list_begun_elsewhere: Callable[[], Iterable[tuple[float, Starter]]] = tuple,
    ) -> None:
        self._read_settings = read_settings
        self._clock = clock
        self._list_unfinished = list_unfinished
        self._list_paused = list_paused
        self._list_begun_elsewhere = list_begun_elsewhere
        self._starting: list[Starter] = []  # many may ask before the first has begun
        self._begun: deque[tuple[float, Starter]] = deque(maxlen=MAX_BEGUN)  # within a minute, oldest first

    @property
    def _limits(self) -> LimitSettings:
        return self._read_settings().limits

    @contextmanager
    def reserve(self, by: Person) -> Iterator[None]:
        """Count a run that is being started, until `list_unfinished` returns it. Raises Refused at a limit.

        It has begun where the context is left without an error.
        """
        starter = Starter(by.key, by.channel, by.server)
        limits = find_limits(self._read_settings(), by.ruled_by, by.channel)
        self._check_room(starter, limits)
        self._check_pace(starter, limits)
        self._starting.append(starter)
        try:
            yield
            self._begun.append((self._clock(), starter))
        finally:
            self._starting.remove(starter)

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
        limits = find_limits(self._read_settings(), [start.server], start.channel)
        try:
            self._check_room(Starter(start.by, start.channel, start.server), limits)
        except Refused as error:
            raise Refused(f"It cannot go on yet. {error}") from None

    def _check_room(self, starter: Starter, limits: PlaceRoom) -> None:
        """Raise Refused where as many runs go on as may."""
        unfinished = list(self._list_unfinished())
        if (total := len(self._starting) + len(unfinished)) >= self._limits.runs:  # first, as it costs least
            raise Refused(f"{_count_going(total)} already, and no more fit: ask again when one has ended.")
        taken = [*self._starting, *(Starter(start.by, start.channel, start.server) for start in unfinished)]
        own = sum(one.person == starter.person for one in taken)
        if own >= self._limits.runs_per_person:
            raise Refused(f"You have {_format_runs(own)} going on here already: wait until one ends, or stop one.")
        beside = sum(starter.is_beside(one) for one in taken)
        if beside >= limits.channel_runs:
            raise Refused(f"{_count_going(beside)} in this channel already: ask in another one, or when one has ended.")
        around = sum(one.server == starter.server for one in taken)
        if around >= limits.server_runs:
            raise Refused(f"{_count_going(around)} in this server already: ask again when one has ended.")

    def _check_pace(self, starter: Starter, limits: PlaceRoom) -> None:
        """Raise Refused where as many runs began within a minute as may."""
        now = self._clock()
        while self._begun and not 0 <= now - self._begun[0][0] < MINUTE_S:  # also where the clock was set back
            self._begun.popleft()
        elsewhere = ((now - age_s, one) for age_s, one in self._list_begun_elsewhere())
        begun = [*sorted([*self._begun, *elsewhere]), *((now, one) for one in self._starting)]

        def check(times: list[float], most: int, who: str) -> None:
            if len(times) >= most:
                wait_s = ceil(times[-most] + MINUTE_S - now)
                raise Refused(
                    f"{who} {_format_runs(len(times))} within a minute, and may no more: ask again in {wait_s} s."
                )

        own = [at for at, one in begun if one.person == starter.person]
        check(own, self._limits.starts_per_person, "You have begun")
        beside = [at for at, one in begun if starter.is_beside(one)]
        check(beside, limits.channel_starts, "People of this channel have begun")
        around = [at for at, one in begun if one.server == starter.server]
        check(around, limits.server_starts, "People of this server have begun")


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


def _count_going(count: int) -> str:
    return f"{_format_runs(count)} {'go' if count > 1 else 'goes'} on"
