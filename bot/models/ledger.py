"""The ledger: what a call of a model costs at worst is held before it, and replaced by what it cost after it."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from math import ceil

import structlog

from bot.domain.run import NO_USAGE, Price, Seat, Usage
from bot.domain.spending import Asked, Caps, OverLimit, Payer, describe_over, list_accounts, to_micros
from bot.errors import StoreFailed
from bot.models.catalogue import LOCAL, Model
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.prices import cost_usd, worst_cost_usd
from bot.models.requests import does_think, find_worst_limit
from bot.ports.process import Clock
from bot.ports.spending import Call, SpendingStore

log = structlog.get_logger()

INPUT_MARGIN = 1.1  # beyond the high count: one text of twenty has more, and messages have frames
CHAIR_READS = 16_000  # tokens, as far as a share of a run's limit is kept for its chair
UNKNOWN_SEARCH_USD = 0.06  # of a search provider without a listed price; the dearest that litellm lists
STORE_TRIES, STORE_RETRY_S = 15, 1.0  # a database that is restarted is back within seconds
LEAST_SHARE = 4  # a call that finds less room is cut to no less than this part of its tokens
FASTEST_PER_S = 400  # tokens of a model that thinks unseen, or goes on for a second when it is cut off


class Ledger:
    """Limits on spending, kept in the store. `fallback`: the price of models whose own is unknown."""

    def __init__(self, store: SpendingStore, caps: Caps, fallback: Price, clock: Clock) -> None:
        self.caps = caps
        self.fallback = fallback
        self.clock = clock
        self.store = store
        self._open = Counter[str]()  # accounts → calls of this process that are not settled
        self._freed = asyncio.Event()

    async def hold(self, call: Call, most: int, least: int, keep: int) -> int:
        """Return what is held for a call (millionths of a dollar), 0 where it has to wait.

        Raises ProviderError, StoreFailed.
        """
        accounts, freed = self._limited_accounts(call), self._freed
        shrinks = not any(self._open[account] for account in accounts)
        try:
            held = await self._reserve(call, Asked(most, max(1, least), keep, shrinks))
        except OverLimit as error:
            if shrinks and (freed.is_set() or any(self._open[account] for account in accounts)):
                return 0  # others have come in between
            raise ProviderError("cap", describe_over(self.caps, error.at)) from None
        if held:
            self._open.update(accounts)
        return held

    async def _reserve(self, call: Call, asked: Asked) -> int:
        """Reserve in the store; whoever is cancelled meanwhile has nothing to pay."""
        reserving = asyncio.ensure_future(self.store.reserve(call, self._limits_of(call), asked))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            with suppress(OverLimit, StoreFailed):
                if held := await reserving:
                    await self.store.settle(call, held, 0, 0.0)
            raise

    async def settle(self, call: Call, held: int, spent: int, seconds: float) -> None:
        """Replace what is held by what a call has cost. Where the store fails, it counts with what is held."""
        try:
            await self.store.settle(call, held, spent, seconds)
        except StoreFailed as error:
            log.error("a call counts with its worst price", run=call.payer.run, model=call.model, reason=str(error))
        finally:
            self._open.subtract(self._limited_accounts(call))
            self._freed.set()
            self._freed = asyncio.Event()

    def _limited_accounts(self, call: Call) -> list[str]:
        accounts = zip(list_accounts(call.payer, call.at), self._limits_of(call), strict=True)
        return [account for account, cap in accounts if cap is not None]

    def _limits_of(self, call: Call) -> tuple[int | None, ...]:
        return tuple(None if cap is None else to_micros(cap) for cap in self.caps.for_payer(call.payer))

    def next_settlement(self) -> asyncio.Event:
        """Return an event that is set once a call is settled."""
        return self._freed


@dataclass(frozen=True, slots=True)
class Terms:
    """What the price of a call follows from: tokens that it reads and may write, and whether it thinks unseen.

    `keep`: the chair's share of the run's limit (millionths of a dollar).
    """

    model: str
    price: Price
    reads: int
    writes: int
    thinks: bool = False
    keep: int = 0

    def worst(self, writes: int) -> int:
        """Return the worst price with so many tokens written, in millionths of a dollar."""
        return to_micros(worst_cost_usd(ceil(self.reads * INPUT_MARGIN), writes, self.price, self.price))


async def open_tab(
    ledger: Ledger | None,
    payer: Payer,
    models: Mapping[str, Model],
    seat: Seat,
    count_prompt: Callable[[], Awaitable[int]],
    room: int | None = None,
) -> Tab:
    """Open the bill of a turn; `room`: the tokens that the model's window has left for the answer.

    Nothing is counted where nothing is to be held: without a ledger, or for free.
    """
    model = models[seat.model]
    if ledger is None or model.price == LOCAL:
        return Tab(None, payer, Terms(model.key, LOCAL, 0, 0))
    writes = find_worst_limit(model, seat, room)
    unknown = replace(ledger.fallback, call_usd=UNKNOWN_SEARCH_USD) if model.search else ledger.fallback
    price = model.price or unknown
    keep = 0
    if payer.chair is not None and ledger.caps.run is not None:
        chair = models[payer.chair.model]
        share = find_worst_limit(chair, payer.chair)
        worst = Terms(chair.key, chair.price or ledger.fallback, CHAIR_READS, share).worst(share)
        keep = min(worst, to_micros(ledger.caps.run) // 2)
    return Tab(ledger, payer, Terms(model.key, price, await count_prompt(), writes, does_think(model, seat), keep))


class Tab:
    """The bill of one turn. Each try of it holds its worst price first, and is settled after it.

    `limit`: the tokens of an answer with its thinking that the price held pays for; None: nothing is held.
    """

    def __init__(self, ledger: Ledger | None, payer: Payer, terms: Terms) -> None:
        self.limit: int | None = None
        self._ledger = ledger
        self._payer = payer
        self._terms = terms
        self._call: Call | None = None
        self._held = 0
        self._began = self._noted_at = 0.0
        self._usage = NO_USAGE
        self._reported: float | None = None
        self._is_whole = False

    async def hold(self) -> asyncio.Event | None:
        """Hold the worst price of one try. Raises ProviderError at a limit.

        Return None, or where what is held for others leaves no room now, an event after which to try again.
        """
        terms = self._terms
        if self._ledger is None or not (most := terms.worst(terms.writes)):
            return None
        freed = self._ledger.next_settlement()
        call, self._held = await self._hold_once_stored(self._ledger, most)
        if not self._held:
            return freed
        self._call = call
        self._began = self._noted_at = _now()
        self._usage, self._reported, self._is_whole = NO_USAGE, None, False
        self.limit = terms.writes if self._held == most else self._find_limit()
        return None

    async def _hold_once_stored(self, ledger: Ledger, most: int) -> tuple[Call, int]:
        """Hold a price once the store works; each try is a call of its own, as one that failed may be stored."""
        terms = self._terms
        for tried in count(1):
            call = Call(secrets.token_hex(8), self._payer, ledger.clock(), terms.model)
            try:
                return call, await ledger.hold(call, most, terms.worst(terms.writes // LEAST_SHARE), terms.keep)
            except StoreFailed:
                if tried == STORE_TRIES:
                    raise ProviderError("cap", "what it costs cannot be noted now, so it was not asked") from None
            await asyncio.sleep(STORE_RETRY_S)
        raise AssertionError("the last try returns or raises")

    def _find_limit(self) -> int:
        """Return how many tokens written what is held pays for."""
        low, high = 0, self._terms.writes
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._terms.worst(middle) <= self._held else (low, middle - 1)
        return low

    def note(self, delta: Delta) -> bool:
        """Note what is used so far; return whether it costs more than what is held: the model keeps to no limit."""
        self._usage = delta.usage or self._usage
        self._reported = self._reported if delta.cost_usd is None else delta.cost_usd
        self._noted_at = _now()
        return self._call is not None and self._usage.source == "estimated" and self._cost() > self._held

    def note_end(self) -> None:
        """Note that the provider has ended its answer itself: whoever else ends it, more may be on its way."""
        self._is_whole = True

    def tokens_used(self) -> int | None:
        """Return the tokens used so far; None: nothing is known of them."""
        return None if self._usage.source == "none" else self._usage.input + self._usage.output

    async def settle(self, error: ProviderError | None = None) -> None:
        """Replace what is held for the present try by what it has cost. `error`: how it failed."""
        if self._ledger is None or self._call is None:
            return
        call, self._call = self._call, None
        await self._ledger.settle(call, self._held, self._spent(error), _now() - self._began)

    def _spent(self, error: ProviderError | None) -> int:
        if self._reported is not None or self._usage.source == "reported":
            return self._cost()
        if error is not None and error.is_unbilled:
            return 0
        unseen_s = _now() - self._began if self._terms.thinks else 0.0
        unseen_s += 0.0 if self._is_whole else _now() - self._noted_at + 1.0
        output = self._usage.output + ceil(unseen_s * FASTEST_PER_S)
        unreported = Usage(ceil(self._terms.reads * INPUT_MARGIN), output, 0, "estimated")
        return min(self._held, self._cost(unreported))

    def _cost(self, usage: Usage | None = None) -> int:
        if self._reported is not None:
            return to_micros(self._reported)
        return to_micros(cost_usd(usage or self._usage, self._terms.price) or 0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()
