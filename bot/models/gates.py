"""The gate of a provider: who may call it now, who is next, and what those who wait are told."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import AsyncGenerator, Mapping
from itertools import count, zip_longest
from math import ceil
from weakref import WeakValueDictionary

from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.rate_limits import Charge, RateLimit, make_rate_limits
from bot.text import ordinal

STEP_S = 5.0  # in which people read how long a call waits
_LEAST_SLEEP_S = 0.001  # so that a timer that fires too early is not set again at once, and again


class Gate:
    """The calls of one provider: at most `width` at once. The runs that wait are served in turn, one call each.

    The calls of a run go in the order of their tickets. One that its model's limit holds up lets calls of other models
    pass, and none of its own.
    """

    def __init__(self, width: int) -> None:
        self._width = self._free = width
        self._waiting: dict[str, list[Ticket]] = {}  # by run; the run that is served next comes first
        self._numbers = count()

    def resize(self, width: int) -> None:
        """Let so many calls through at once from now on; those that are under way end as they would."""
        self._free += width - self._width
        self._width = width
        self.admit()

    def draw(self, run: str, name: str, limit: RateLimit) -> Ticket:
        """Return a ticket, which fixes the place among the calls of a run; `name`: the model's."""
        return Ticket(self, next(self._numbers), run, name, limit)

    def join(self, ticket: Ticket) -> None:
        """Let a call wait for its turn, which may be now."""
        insort(self._waiting.setdefault(ticket.run, []), ticket, key=lambda waiting: waiting.number)
        self.admit()

    def leave(self, ticket: Ticket) -> None:
        """Give a place back, or give up waiting for it."""
        if ticket.charge is not None:
            self._free += 1
            ticket.charge = None
        elif ticket in self._waiting.get(ticket.run, ()):
            self._remove(ticket)
        self.admit()

    def admit(self) -> None:
        """Admit all that may go now, and tell the others how long it will be."""
        now, places = _now(), 0
        held_up: dict[RateLimit, int] = {}  # → calls that wait for it
        for ticket in self._list_waiting():
            if ticket.limit in held_up:
                held_up[ticket.limit] += 1
                ticket.move(places + held_up[ticket.limit], 0.0)
            elif (wait_s := ticket.limit.wait_s(ticket.tokens, now)) > 0:
                held_up[ticket.limit] = 1
                ticket.move(places + 1, wait_s)
            elif self._free > 0:  # below, where it was made narrower than what is under way
                self._admit(ticket, now)
            else:
                places += 1
                ticket.move(places, 0.0)

    def _admit(self, ticket: Ticket, now: float) -> None:
        self._free -= 1
        self._remove(ticket)
        if others := self._waiting.pop(ticket.run, None):
            self._waiting[ticket.run] = others  # behind the other runs
        ticket.charge = ticket.limit.take(ticket.tokens, now)
        ticket.moved.set()

    def count_waiting(self) -> int:
        """Return how many calls wait."""
        return sum(map(len, self._waiting.values()))

    def _list_waiting(self) -> list[Ticket]:
        """Return all that wait in the order in which they go: the first of each run, then the second of each."""
        return [ticket for each in zip_longest(*self._waiting.values()) for ticket in each if ticket is not None]

    def _remove(self, ticket: Ticket) -> None:
        self._waiting[ticket.run].remove(ticket)
        if not self._waiting[ticket.run]:
            del self._waiting[ticket.run]


class Ticket:
    """One call's place before a gate and, once admitted, behind it. It may join again: for another try."""

    def __init__(self, gate: Gate, number: int, run: str, name: str, limit: RateLimit) -> None:
        self.number = number
        self.run = run
        self.limit = limit
        self.tokens = 0  # that the call may use
        self.charge: Charge | None = None  # what it counts for, once it is admitted
        self.moved = asyncio.Event()
        self._gate = gate
        self._name = name
        self._place, self._wait_s = 0, 0.0

    def move(self, place: int, wait_s: float) -> None:
        """Note a new place, 1 for the next; `wait_s`: the seconds, where its model's limit holds it up."""
        if (place, wait_s) != (self._place, self._wait_s):
            self._place, self._wait_s = place, wait_s
            self.moved.set()

    async def wait(self, patience_s: float) -> AsyncGenerator[str, None]:
        """Join and wait until it is admitted; yield why it waits, whenever that changes.

        Raises ProviderError if its provider has asked for a pause of `patience_s` or more.
        """
        self._gate.join(self)
        told = ""
        while self.charge is None:
            self.moved.clear()
            paused_s = self.limit.paused_s(_now())
            if paused_s >= patience_s:
                raise ProviderError("rate_limit", f"too many requests: no more for {ceil(paused_s):,} s", paused_s)
            if (why := self._describe(paused_s > 0)) != told:
                told = why
                yield why
            try:
                async with asyncio.timeout(self._sleep_s()):
                    await self.moved.wait()
            except TimeoutError:
                self._gate.admit()

    def leave(self, tokens: int | None) -> None:
        """Give the place back, or give up waiting. `tokens`: what the call has used; None: nobody knows."""
        if self.charge is not None and tokens is not None:
            self.limit.settle(self.charge, tokens)
        self._gate.leave(self)

    def withdraw(self) -> None:
        """Give the place back without having called."""
        if self.charge is not None:
            self.limit.withdraw(self.charge)
        self._gate.leave(self)

    def _sleep_s(self) -> float | None:
        """Return the seconds until something else is to be told; None: others will tell."""
        if not self._wait_s:
            return None
        return max(_LEAST_SLEEP_S, self._wait_s - (ceil(self._wait_s / STEP_S) - 1) * STEP_S)

    def _describe(self, is_paused: bool) -> str:
        if self._wait_s:
            seconds = ceil(self._wait_s / STEP_S) * STEP_S
            return f"{self._name} waits for its {'provider' if is_paused else 'minute'}, about {seconds:.0f} s"
        return f"{self._name}: {'next' if self._place == 1 else ordinal(self._place)} in line"


class Gates:
    """The gates of all providers, and the limits a minute of all models."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._gates: dict[str, Gate] = {}
        self._models: Mapping[str, Model] = {}
        self._limits: dict[str, RateLimit] = {}
        self.replace_models(models)
        # of servers' own keys, as long as somebody waits; weak: forgotten then
        self._own: WeakValueDictionary[tuple[str, str], RateLimit] = WeakValueDictionary()

    def replace_models(self, models: Mapping[str, Model]) -> None:
        """Hold calls of these models to their limits from now on; those of before keep theirs while they are asked."""
        widths: dict[str, int] = {}  # the least that any model of a provider asks for
        for model in models.values():
            widths[model.provider] = min(model.concurrency, widths.get(model.provider, model.concurrency))
        for provider, width in widths.items():
            if provider in self._gates:
                self._gates[provider].resize(width)
            else:
                self._gates[provider] = Gate(width)
        changed = {key: model for key, model in models.items() if self._models.get(key) != model}
        self._limits |= make_rate_limits(changed)  # others go on with what they have counted
        self._models = {**self._models, **models}

    def draw(self, model: Model, run: str) -> Ticket:
        """Return a ticket for a call of a model in a run."""
        return self._gates[model.provider].draw(run, model.name, self._find_limit(model))

    def count_waiting(self) -> int:
        """Return how many calls wait at all gates."""
        return sum(gate.count_waiting() for gate in self._gates.values())

    def _find_limit(self, model: Model) -> RateLimit:
        """Return a model's limit; what is set holds for the operator's key, while that of another is not known."""
        if model.api_key is None or model.api_key == self._models[model.key].api_key:
            return self._limits[model.key]
        return self._own.setdefault((model.litellm, model.api_key), RateLimit(None, None))


def _now() -> float:
    return asyncio.get_running_loop().time()
