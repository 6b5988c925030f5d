"""Runs checked and priced before they start, and the choice among formats by their prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import NoReturn

import structlog

from bot.actions.allowance import Allowance
from bot.actions.estimates import RunEstimates
from bot.actions.offers import Offers
from bot.actions.quota import RunQuota
from bot.actions.request import RunRequest, change_format
from bot.actions.resolver import RequestResolver
from bot.actions.windows import check_windows
from bot.concurrency import run_in_thread
from bot.domain.facts import RunStarted
from bot.domain.run import CostRange
from bot.errors import Refused, StoreFailed
from bot.models.catalogue import Model
from bot.settings.platforms import STARTABLE_FORMATS

log = structlog.get_logger()


class RunPricing:
    """The price of a request, in its format or in each that could begin. Nothing is stored or spent by asking for it.

    Without an `allowance` nothing limits what runs cost.
    """

    def __init__(
        self,
        resolver: RequestResolver,
        estimates: RunEstimates,
        offers: Offers,
        quota: RunQuota,
        allowance: Allowance | None,
        list_models: Callable[[], Mapping[str, Model]],
        watch: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Take what prices need. `watch` bounds the work in a thread that plays a run through."""
        self._resolver = resolver
        self._estimates = estimates
        self._offers = offers
        self._quota = quota
        self._allowance = allowance
        self._list_models = list_models
        self._watch = watch

    async def price(self, request: RunRequest) -> tuple[RunStarted, CostRange]:
        """Return the start of a run, and what it is expected to cost. Raises Refused where it may not begin."""
        start = await self._resolver.resolve(request)
        if self._allowance is not None:
            await self._allowance.check_start(start)
        try:
            await run_in_thread(self._watch, partial(check_windows, start, self._list_models()))
            expected = await self._estimates.estimate(start)
        except (Refused, StoreFailed):
            raise
        except Exception:  # a bug of the format: the run itself is set aside where it meets it
            log.exception("a run cannot be played through before it starts", format=start.format)
            expected = CostRange(0.0, 0.0, unpriced=True)
        return replace(start, expected=expected), expected

    async def require_choice(self, request: RunRequest) -> NoReturn:
        """Raise MustAgree, which asks the request's person for a format; Refused where none could begin now."""
        expected: dict[str, CostRange] = {}
        refused: Refused | None = None
        with self._quota.reserve(request.by):
            for name in STARTABLE_FORMATS:
                try:
                    _, expected[name] = await self.price(change_format(request, name))
                except Refused as error:
                    refused = refused or error
            if refused is not None and not expected:
                raise refused
            await self._offers.require_choice(request, expected)  # it raises, so no run has begun
