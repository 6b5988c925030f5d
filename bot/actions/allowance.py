"""What people may still spend, looked at before a run begins."""

from __future__ import annotations

from bot.domain.facts import RunStarted
from bot.domain.spending import Caps, Payer, describe_over, to_micros
from bot.errors import Refused
from bot.ports import Clock, SpendingStore


class Allowance:
    """The limits on spending, for runs that have not begun: each call of a model holds its price by itself later."""

    def __init__(self, store: SpendingStore, caps: Caps, clock: Clock) -> None:
        self._store = store
        self._caps = caps
        self._clock = clock

    async def check_start(self, start: RunStarted) -> None:
        """Raise Refused where a limit is reached already, unless all of the run's models are free."""
        if all(seat.price is not None and seat.price.source == "local" for seat in start.panel.everyone()):
            return
        balances = await self._store.balances(Payer(person=start.by, server=start.server), self._clock())
        for at, (cap, balance) in enumerate(zip(self._caps, balances, strict=True)):
            if cap is not None and balance.spent + balance.held >= to_micros(cap):
                reason = describe_over(self._caps, at)
                raise Refused(f"{reason[0].upper()}{reason[1:]}. Nothing was started, and nothing is spent.")
