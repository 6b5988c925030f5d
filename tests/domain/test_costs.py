from __future__ import annotations

import pytest

from bot.domain.costs import show_cost, show_range
from bot.domain.run import CostRange, Price
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


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        (CostRange(0.0213, 0.0619), "about $0.021 to $0.062"),
        (CostRange(0.2, 0.61), "about $0.20 to $0.61"),
        (CostRange(1.234, 3.4), "about $1.23 to $3.40"),
        (CostRange(12.0, 1234.5), "about $12.00 to $1,234.50"),
        (CostRange(0.0501, 0.0502), "about $0.050"),
        (CostRange(0.0, 0.004), "about $0.00 to $0.0040"),
        (CostRange(0.0001, 0.0009), "under $0.001"),
        (CostRange(0.02, 0.06, unpriced=True), "about $0.020 to $0.060 and what is unknown"),
        (CostRange(0.0, 0.0, unpriced=True), "cost unknown"),
        (CostRange(0.0, 0.0), "free"),
    ],
)
def test_a_range_is_shown(expected: CostRange, shown: str) -> None:
    assert show_range(expected) == shown
