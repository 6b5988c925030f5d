"""What people may still spend, and what has been spent."""

from __future__ import annotations

from bot.actions.permissions import Person
from bot.domain.facts import RunStarted
from bot.domain.spending import PERIODS, Caps, Payer, describe_over, to_micros
from bot.errors import Refused
from bot.models.own_keys import OwnKeys
from bot.ports.process import Clock
from bot.ports.spending import CostKey, CostRow, CostStore

_USED = {
    "person_day": "today by you",
    "server_day": "today in this server",
    "server_month": "this month in this server",
}


class Allowance:
    """The limits on spending, for runs that have not begun: each call of a model holds its price by itself later."""

    def __init__(self, store: CostStore, caps: Caps, clock: Clock, own_keys: OwnKeys | None = None) -> None:
        self._store = store
        self._caps = caps
        self._clock = clock
        self._own_keys = own_keys

    async def list_room(self, by: Person) -> list[str]:
        """Say of each limit how much of it is used: "$0.42 of $2.00 today by you"."""
        balances = await self._store.balances(Payer(person=by.key, server=by.server), self._clock())
        return [
            f"${(balance.spent + balance.held) / 1e6:,.2f} of ${cap:,.2f} {_USED[period]}"
            for period, cap, balance in zip(PERIODS, self._caps, balances, strict=True)
            if cap is not None and period in _USED
        ]

    async def list_costs(self, key: CostKey, days: int, server: str | None) -> list[CostRow]:
        """Return what the latest days have cost, in one server or everywhere."""
        return await self._store.costs(key, self._clock() - days * 86_400.0, server)

    async def check_start(self, start: RunStarted) -> None:
        """Raise Refused where a limit is reached already, unless all of the run's models are free."""
        own = await self._own_keys.list_covered(start.server) if self._own_keys is not None else frozenset()
        billed = [seat.model for seat in start.panel.everyone() if not (seat.price and seat.price.source == "local")]
        if not billed:
            return
        payer = Payer(person=start.by, server=start.server, own_key=own.issuperset(billed))
        balances = await self._store.balances(payer, self._clock())
        for at, (cap, balance) in enumerate(zip(self._caps.for_payer(payer), balances, strict=True)):
            if cap is not None and balance.spent + balance.held >= to_micros(cap):
                reason = describe_over(self._caps, at)
                raise Refused(f"{reason[0].upper()}{reason[1:]}. Nothing was started, and nothing is spent.")
