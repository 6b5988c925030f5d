"""The choice of the lane that is shown next: one scheduler for everything that draws on the platforms' budgets.

The problem. Text grows in many lanes, a request shows all that one lane has, and budgets allow about one a second.
What people feel is the wait of every character from being written to being seen, so the sum to keep small is the
integral over time of the characters that nobody sees yet.

The rule. A lane's *value* is the time its unseen characters have waited so far, together (character-seconds).
For text at a steady speed that is v·h²/2 after h seconds: the Whittle index of a lane whose cost is the age of what
is shown (Whittle 1988, "Restless bandits"; Kadota et al. 2018, "Scheduling policies for minimizing age of
information in broadcast wireless networks", eq. 24 with a reliable channel). A budget's *price* is the value at
which showing lanes would use up exactly what is left of it in time: sending at value m spaces a lane's requests
by √(2m/v), so `free` requests in `span` seconds go at m = (span · Σ√(v/2) / free)². The lane of the highest value is
shown once its value covers the price of the dearest budget that the request draws on.

Ends come first and pay no price: a lane that has ended waits for one request, no more and no less. Where a window
outlasts an answer, `free` leaves out the ends of lanes to come, and the demand of its later part is that of the turns
that runs say they still hold, or else what has been usual lately. First words count for more: people wait for a sign
of life, but buying it at any price would double everybody's wait. A budget may be eager and give them away, all but
its last request; then they go before all else.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from types import TracebackType
from typing import NamedTuple, Protocol, TypeVar

import structlog

from bot.concurrency import TaskGroup, TookTooLong, Watched
from bot.live.budget import Budgets, SentRequest
from bot.live.demand import NOBODY, Ahead, Demand, Lengths, Usual, price
from bot.live.reader import ReadingThread
from bot.ports.surface import MessageRef, Method, RateLimited, SurfaceError

log = structlog.get_logger()

T = TypeVar("T")

END, FIRST, TEXT = range(3)  # ranks of a bid
LEAST_S = 0.001  # the shortest wait: a moment that rounding puts just before a token is there
REST = 3.0  # after a decision, times as long as it took: with a thousand lanes others must get on as well
LOOK_AGAIN_S = 0.1  # prices fall while nothing is sent: how often they are looked at while somebody waits
STOCK_S = 0.05  # demand changes slowly: how long a count of it serves
MAX_ENDS_SHARE = 0.75  # of what is left: where ends do not come as expected, text must not stand still for them
FIRST_WEIGHT = 3.0  # the value of first words, as a multiple of their wait
BACKGROUND_RATE = 1.0  # the board, footers and progress lines are scheduled like text at 1 code point a second


class Bid(NamedTuple):
    """A lane's offer for a request now: `value` in character-seconds, `unseen` in characters.

    `rank` END pays no price (posts, cards, ends); FIRST is for first words, or the post that they wait for, which pay
    none if a budget has requests to spare; TEXT is everything else. `breaks_silence`: no seat's words have been shown
    yet in that place.
    """

    rank: int
    value: float
    unseen: int
    breaks_silence: bool = False


class SurfaceCall(NamedTuple):
    """One request, its text taken. `send` raises SurfaceError."""

    method: Method
    send: Callable[[], Coroutine[None, None, MessageRef | None]]


class Job(Protocol):
    """One lane in one view, as the scheduler sees it."""

    @property
    def draws(self) -> Sequence[str]:
        """The names of the budgets that its next request spends from."""
        ...

    def bid(self, now: float) -> Bid | None:
        """Return its offer; None when there is nothing to show, or not now."""
        ...

    @property
    def is_open(self) -> bool:
        """Return whether it may grow yet."""
        ...

    def speed(self, now: float) -> float:
        """Return characters a second; 0 before the first."""
        ...

    def age(self, now: float) -> float:
        """Return the seconds since its first character."""
        ...

    @property
    def ahead(self) -> Ahead | None:
        """Return what its run still holds; None where nobody has said."""
        ...

    def ready_at(self, now: float) -> float:
        """Return when it may be tried again after a failure; infinity when it waits for no time."""
        ...

    def take(self) -> SurfaceCall | None:
        """Return the request that shows its text of this moment; None when there turns out to be nothing to send."""
        ...

    def on_success(self, call: SurfaceCall, ref: MessageRef | None, duration_s: float) -> None: ...

    def on_failure(self, call: SurfaceCall, error: SurfaceError, duration_s: float) -> None: ...

    def watch(self) -> AbstractContextManager[None]:
        """Bound the time of a step of `SurfaceCall.send`, or of a reading in a thread."""
        ...

    def break_off(self, error: Exception) -> None:
        """Take a bug in one of these methods: it asks for nothing more."""
        ...


DemandCache = dict[tuple[str, float], tuple[float, float]]  # (budget, span) → requests wanted, ends to come
Prices = dict[str, float]  # by budget, until something is taken


class Scheduler:
    """Shows lanes as budgets allow. Use it as an async context manager: it owns its requests, leaving cancels them."""

    def __init__(self, budgets: Budgets, *, request_timeout_s: float = 15.0) -> None:
        self._budgets = budgets
        self._request_timeout_s = request_timeout_s
        self._lengths = Lengths()
        self._jobs: dict[Job, None] = {}
        self._demand: defaultdict[str, Demand] = defaultdict(Demand)
        self._usual: defaultdict[str, Usual] = defaultdict(Usual)
        self._stock_at = asyncio.get_running_loop().time()
        self._wake = asyncio.Event()
        self._group = TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = ReadingThread(self.wake)

    async def __aenter__(self) -> Scheduler:
        await self._group.__aenter__()
        self._start(self._run(), "live schedule")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, tb)

    def add(self, job: Job) -> None:
        self._jobs[job] = None
        self.wake()

    def remove(self, job: Job) -> None:
        self._jobs.pop(job, None)

    def count_waiting(self) -> int:
        """Return how many lanes have something that is not shown yet, and may be sent now."""
        now = asyncio.get_running_loop().time()
        return sum(_guard(job, partial(job.bid, now)) is not None for job in tuple(self._jobs))

    def wake(self) -> None:
        """Look again, as something is new: a lane, a text, a permission."""
        self._wake.set()

    def read_aside(self, job: Job, read: Callable[[], object], then: Callable[[], None]) -> None:
        """Have a thread read a job's text, `then` go on in the loop."""
        self._start(self._reading.run(read, job.watch, then, job.break_off), "live reading")

    def learn_length(self, lived_s: float) -> None:
        """Learn how long an answer took from its first character to its last."""
        self._lengths.learn(lived_s)

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            began = now()
            again_at = self._decide(began)
            await asyncio.sleep((now() - began) * REST)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(again_at if again_at < math.inf else None):
                    await self._wake.wait()

    def _decide(self, now: float) -> float:
        """Send whatever is due now; return when to look again (infinity: when something is new)."""
        again_at = math.inf
        waiting: list[tuple[Bid, Job]] = []
        for job in tuple(self._jobs):
            if bid := _guard(job, partial(job.bid, now)):
                waiting.append((bid, job))
            else:
                again_at = min(again_at, job.ready_at(now))
        if now >= self._stock_at + STOCK_S or any(bid.rank == FIRST for bid, _ in waiting):
            self._take_stock(now)
        given = {job for bid, job in waiting if bid.rank == FIRST and self._may_give_away(job.draws, now)}
        waiting.sort(key=lambda bidder: _urgency(bidder[0], free=bidder[1] in given))
        asked: DemandCache = {}
        prices: Prices = {}
        free_at: dict[str, float] = {}  # by budget, until something is taken
        for bid, job in waiting:
            names = job.draws
            for name in names:
                if name not in free_at:
                    free_at[name] = self._budgets[name].free_at(now)
            blocked_until = max((free_at[name] for name in names), default=now)
            if blocked_until > now:
                again_at = min(again_at, max(blocked_until, now + LEAST_S))
            elif not (job in given or self._is_due(bid, names, now, asked, prices)):
                again_at = min(again_at, now + LOOK_AGAIN_S)
            elif call := _guard(job, job.take):
                paid = {name: self._budgets[name].take(now) for name in names}
                prices.clear()
                free_at.clear()
                self._start(self._request(job, call, paid), "live request")
        return again_at

    def _is_due(self, bid: Bid, names: Sequence[str], now: float, asked: DemandCache, prices: Prices) -> bool:
        if bid.rank == END:
            return True
        for name in names:
            if name not in prices:
                prices[name] = self._price_of(name, now, asked)
        return bid.value >= max((prices[name] for name in names), default=0.0)

    def _may_give_away(self, names: Sequence[str], now: float) -> bool:
        """Return whether budgets give first words away: nobody else wants them, or a request is to spare."""
        if all(len(self._demand[name].open) <= 1 for name in names):
            return True
        spare = [o.spare for o in (self._budgets[name].outlook(now) for name in names) if o.spare is not None]
        return bool(spare) and min(spare) >= 1

    def _price_of(self, name: str, now: float, asked: DemandCache) -> float:
        outlook = self._budgets[name].outlook(now)
        if (name, outlook.span_s) not in asked:  # the same for all bids of a decision, and no small sum
            asked[name, outlook.span_s] = self._count_demand(name, outlook.span_s)
        wanted, ends = asked[name, outlook.span_s]
        return price(wanted, outlook.tokens - min(ends, MAX_ENDS_SHARE * outlook.tokens))

    def _count_demand(self, name: str, span_s: float) -> tuple[float, float]:
        """Return what growing lanes want of a budget in the next `span_s`, and the requests expected that pay no price.

        Both count the lanes that will begin meanwhile: those that runs say they still hold, else as many as usual.
        """
        demand, usual = self._demand[name], self._usual[name]
        near_s = min(span_s, self._lengths.mean_s)
        if demand.ahead:
            turns = demand.turns(span_s, self._lengths)
            return demand.appetite * near_s + turns * usual.lane_appetite * self._lengths.mean_s, turns
        later_s = span_s - near_s
        return demand.appetite * near_s + usual.appetite * later_s, 2 * usual.ends_per_s * later_s

    def _take_stock(self, now: float) -> None:
        """Count how much each budget is wanted, and learn what is usual."""
        before, since_s = self._demand, now - self._stock_at
        self._demand, self._stock_at = defaultdict(Demand), now
        draws = {job: job.draws for job in self._jobs if job.is_open}
        stuck = {name for name in set().union(*draws.values()) if self._budgets[name].free_at(now) == math.inf}
        for job, names in draws.items():
            speed = 0.0 if stuck.intersection(names) else job.speed(now)
            for demand in map(self._demand.__getitem__, names):
                demand.open.add(job)
                if job.ahead:
                    demand.ahead[job.ahead] = min(demand.ahead.get(job.ahead, math.inf), job.age(now))
                if speed:
                    demand.appetite += math.sqrt(speed / 2)
                    demand.speaking += 1
        for name in self._usual.keys() | before.keys():
            was, usual = before.get(name, NOBODY), self._usual[name]
            usual.learn(was.appetite, was.speaking, len(was.open - self._demand.get(name, NOBODY).open), since_s)
            if usual.is_faint and name not in self._demand:
                del self._usual[name]

    async def _request(self, job: Job, call: SurfaceCall, paid: dict[str, SentRequest]) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        ref: MessageRef | None = None
        failed: SurfaceError | None = None
        try:
            async with asyncio.timeout(self._request_timeout_s):
                ref = await Watched(call.send(), job.watch)
        except RateLimited as error:
            # what a lane needs beside its message (a webhook) may be refused as well: its own budget waits for it
            name = error.bucket if error.bucket in job.draws else next(iter(job.draws), error.bucket)
            self._budgets.record_refusal(name, now(), error.retry_after_s)
            failed = error
        except SurfaceError as error:
            failed = error
        except TimeoutError:
            failed = SurfaceError(f"no answer in {self._request_timeout_s:g} s")
        except TookTooLong as error:
            job.break_off(error)
            self.wake()
            return
        except Exception as error:  # whatever a platform's client raises must not stop the other lanes
            with job.watch():  # which names its run
                log.warning("a surface raised what it should not", error=repr(error))
            failed = SurfaceError(repr(error))
        finally:
            for name, request in paid.items():
                self._budgets[name].record_answer(request, now())
        if failed is None:
            self._budgets.end_refusals(paid)
            _guard(job, partial(job.on_success, call, ref, now() - began))
        else:
            _guard(job, partial(job.on_failure, call, failed, now() - began))
        self.wake()

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _guard(job: Job, act: Callable[[], T]) -> T | None:
    """Return what a method of the job returns; a bug in one job must not stop the others."""
    try:
        return act()
    except Exception as error:
        job.break_off(error)
        return None


def _urgency(bid: Bid, *, free: bool) -> tuple[int, bool, float]:
    """Return the key by which bids are sorted.

    First words that are given away go first: they leave an end its request, and each lane has them only once. Among
    them one seat of each run goes before the second seat of any.
    """
    if bid.rank == END:
        return 1, not bid.breaks_silence, -bid.value
    return (0 if free else 2), not bid.breaks_silence, -bid.value


def background_value(age_s: float) -> float:
    """Return the value of showing what people can wait for, in character-seconds."""
    return BACKGROUND_RATE * age_s * age_s / 2
