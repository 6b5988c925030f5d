"""Whether what a call may cost fits its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.spending import (
    Asked,
    Balance,
    Caps,
    OverLimit,
    Payer,
    describe_over,
    fit,
    list_accounts,
    to_micros,
)

NONE, SPENT_40, HELD_40 = Balance(), Balance(40, 0), Balance(0, 40)


@pytest.mark.parametrize(
    ("asked", "caps", "balances", "held"),
    [
        (Asked(60, 10), [100], [NONE], 60),
        (Asked(60, 10), [100], [SPENT_40], 60),
        (Asked(61, 10), [100], [HELD_40], 0),  # it waits: others may cost less than what is held for them
        (Asked(61, 10, shrinks=True), [100], [HELD_40], 60),
        (Asked(60, 10, keep=30), [100], [NONE], 60),
        (Asked(60, 10, keep=50, shrinks=True), [100], [NONE], 50),
        (Asked(60, 10, keep=50), [100, 100], [NONE, HELD_40], 0),
        (Asked(60, 10, keep=30), [None, 100], [NONE, SPENT_40], 60),  # a share is kept of the run's limit alone
        (Asked(60, 10), [None, None], [SPENT_40, SPENT_40], 60),
    ],
)
def test_what_is_held(asked: Asked, caps: list[int | None], balances: list[Balance], held: int) -> None:
    assert fit(asked, caps, balances) == held


@pytest.mark.parametrize(
    ("asked", "caps", "balances", "at"),
    [
        (Asked(60, 10), [0], [NONE], 0),
        (Asked(90, 61), [100], [SPENT_40], 0),
        (Asked(90, 61, shrinks=True), [100], [HELD_40], 0),
        (Asked(60, 30, keep=80), [100], [NONE], 0),
        (Asked(60, 30), [None, 1000, 50], [NONE, NONE, SPENT_40], 2),
        (Asked(60, 30), [60, 50], [SPENT_40, SPENT_40], 1),  # the tightest is named
    ],
)
def test_what_is_over_a_limit(asked: Asked, caps: list[int | None], balances: list[Balance], at: int) -> None:
    with pytest.raises(OverLimit) as over:
        fit(asked, caps, balances)
    assert over.value.at == at


@given(
    calls=st.lists(
        st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(0, 100), st.booleans(), st.floats(0, 1)),
        max_size=30,
    ),
    caps=st.lists(st.none() | st.integers(0, 500), min_size=2, max_size=2),
)
def test_no_order_of_calls_passes_a_limit(
    calls: list[tuple[int, int, int, bool, float]], caps: list[int | None]
) -> None:
    balance, open_ = Balance(), list[tuple[int, float]]()
    for a, b, keep, shrinks, share in calls:
        try:
            held = fit(Asked(max(a, b), min(a, b), keep, shrinks), caps, [balance, balance])
        except OverLimit:
            held = 0
        assert held in (0, max(a, b)) or (shrinks and min(a, b) <= held < max(a, b))
        balance = Balance(balance.spent, balance.held + held)
        open_.append((held, share))
        if len(open_) > 3:
            held, share = open_.pop(0)
            balance = Balance(balance.spent + int(held * share), balance.held - held)
        assert all(cap is None or balance.spent + balance.held <= cap for cap in caps)


def test_a_day_and_a_month_are_those_of_utc() -> None:
    payer, night = Payer("r", "ann", "discord:1"), 1_767_225_599.0  # 2025-12-31 23:59:59
    assert list_accounts(payer, night) == (
        "run r",
        "person 2025-12-31 ann",
        "server 2025-12-31 discord:1",
        "server 2025-12 discord:1",
        "all 2025-12",
    )
    assert list_accounts(payer, night + 1)[1:] == (
        "person 2026-01-01 ann",
        "server 2026-01-01 discord:1",
        "server 2026-01 discord:1",
        "all 2026-01",
    )


@pytest.mark.parametrize(
    ("usd", "micros"), [(0.5, 500_000), (0.1 + 0.2, 300_000), (1e-7, 1), (0.0, 0), (2.0, 2_000_000)]
)
def test_sums_are_rounded_up_to_whole_millionths(usd: float, micros: int) -> None:
    assert to_micros(usd) == micros


def test_people_read_which_limit_it_is_and_when_it_is_free_again() -> None:
    caps = Caps(0.5, 2.0, 10.0, 100.0, 1_300.0)
    assert describe_over(caps, 0).startswith("the limit of $0.50 for a run is reached: ")
    assert describe_over(caps, 1) == (
        "the limit of $2.00 a day for whoever has started it is reached: it is free again at 0:00 UTC"
    )
    assert describe_over(caps, 4) == (
        "the operator's limit of $1,300.00 a month is reached: it is free again with the next month"
    )
