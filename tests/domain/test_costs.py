from __future__ import annotations

import pytest

from bot.domain.costs import show_cost
from bot.domain.run import Price
from bot.models.catalogue import LOCAL

PAID = Price(1, 1, "litellm")


@pytest.mark.parametrize(
    ("cost", "price", "shown"),
    [
        (None, None, "cost unknown"),
        (0.0, LOCAL, "free (local)"),
        (None, LOCAL, "free (local)"),
        (0.0, PAID, "$0.000"),
        (0.0001, PAID, "under $0.001"),
        (0.0042, PAID, "$0.004"),
        (1234.5, PAID, "$1,234.50"),
    ],
)
def test_costs_are_shown(cost: float | None, price: Price | None, shown: str) -> None:
    assert show_cost(cost, price) == shown
