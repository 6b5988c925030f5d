"""Prices as they are listed, and what a usage costs by them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.run import Price, PriceHours, PriceStep, Usage
from bot.models.catalogue import LOCAL, resolve_models
from bot.models.library_prices import find_library_price, find_library_window
from bot.models.map_prices import read_price
from bot.models.prices import cost_usd, find_price, read_map, worst_cost_usd
from bot.settings.settings import FallbackRates, ModelSettings, MoneySettings
from tests.support.paths import ROOT

TODAY = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
FALLBACK = Price(10.0, 20.0, "fallback")


def wall(text: str) -> float:
    """Return wall seconds of a time in UTC, such as "2026-11-27 23:00", which is a Friday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def used(read: int = 0, wrote: int = 0, **parts: int) -> Usage:
    return Usage(read, wrote, source="reported", **parts)


def resolve(litellm: str, **settings: object) -> Price | None:
    return resolve_models({"m": ModelSettings.model_validate({"litellm": litellm, **settings})})["m"].price


# What a usage costs

KINDS = Price(2.0, 10.0, "x", cache_read_usd_per_mtok=0.5, cache_write_usd_per_mtok=2.5, thinking_usd_per_mtok=40.0)
LONG = PriceStep(4.0, 15.0, cache_read_usd_per_mtok=1.0, above_tokens=200_000)
LONGER = PriceStep(8.0, 30.0, above_tokens=500_000)
TIERS = Price(2.0, 10.0, "x", cache_read_usd_per_mtok=0.5, steps=(LONG, LONGER))
NIGHT = PriceStep(1.0, 5.0, hours=(PriceHours(22 * 60, 2 * 60, (5,)), PriceHours(0, 0, (7,))))
HOURS = Price(2.0, 10.0, "x", steps=(NIGHT,))
PEAK = Price(1.0, 5.0, "x", steps=(PriceStep(2.0, 10.0, hours=(PriceHours(60, 240),)),))
MTOK = 1_000_000

COSTS: Mapping[str, tuple[Usage, Price, float | None, float]] = {  # name → usage, price, wall seconds, US dollars
    "input and output": (used(MTOK, MTOK), Price(3.0, 15.0, "x"), None, 18.0),
    "a call": (used(MTOK), Price(3.0, 15.0, "x", 0.25), None, 3.25),
    "a call with searches": (used(MTOK, searches=3), Price(3.0, 15.0, "x", 0.25), None, 3.75),
    "a call that came to nothing": (Usage(), Price(3.0, 15.0, "x", 0.25), None, 0.0),
    "a cached prompt": (used(MTOK, cached=400_000), KINDS, None, 1.2 + 0.2),
    "a prompt that is kept": (used(MTOK, written=400_000), KINDS, None, 1.2 + 1.0),
    "all kinds of input": (used(MTOK, cached=400_000, written=400_000, tools=9), KINDS, None, 0.4 + 0.2 + 1.0),
    "thinking": (used(0, MTOK, thinking=500_000), KINDS, None, 5.0 + 20.0),
    "kinds without a price": (used(MTOK, MTOK, cached=9, written=9, thinking=9), Price(3.0, 15.0, "x"), None, 18.0),
    "a prompt at the limit": (used(200_000, MTOK), TIERS, None, 0.4 + 10.0),
    "a prompt above it": (used(200_001, MTOK), TIERS, None, 0.800004 + 15.0),
    "a cached prompt above it": (used(400_000, cached=300_000), TIERS, None, 0.4 + 0.3),
    "a prompt above all limits": (used(MTOK, MTOK), TIERS, None, 38.0),
    "by day": (used(MTOK), HOURS, wall("2026-11-27 21:59"), 2.0),
    "by night": (used(MTOK), HOURS, wall("2026-11-27 22:00"), 1.0),
    "after midnight": (used(MTOK), HOURS, wall("2026-11-28 01:59"), 1.0),
    "when the night is over": (used(MTOK), HOURS, wall("2026-11-28 02:00"), 2.0),
    "in the night of another day": (used(MTOK), HOURS, wall("2026-11-26 23:00"), 2.0),
    "at the end of a whole day": (used(MTOK), HOURS, wall("2026-11-29 23:59"), 1.0),
    "at a time that nobody knows": (used(MTOK), HOURS, None, 2.0),
    "at a peak that nobody knows of": (used(MTOK), PEAK, None, 2.0),
    "at the peak": (used(MTOK), PEAK, wall("2026-11-27 01:00"), 2.0),
    "after the peak": (used(MTOK), PEAK, wall("2026-11-27 04:00"), 1.0),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_usage_costs(name: str) -> None:
    usage, price, at, usd = COSTS[name]
    assert cost_usd(usage, price, at) == pytest.approx(usd, abs=1e-12)


def test_an_unknown_price_is_no_price_of_nothing() -> None:
    assert cost_usd(used(1, 1), None) is None
    assert cost_usd(used(1, 1), LOCAL) == 0.0


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        (None, 1.0 + 2.0),  # the fallback's
        (LOCAL, 0.0),
        (Price(3.0, 15.0, "x", 0.25), 0.3 + 1.5 + 0.25),
        (KINDS, 0.25 + 4.0),  # all is written to the cache, and all is thought
        (TIERS, 0.2 + 1.0),
        (HOURS, 0.2 + 1.0),
        (PEAK, 0.2 + 1.0),
    ],
)
def test_a_reservation_is_for_the_worst(price: Price | None, usd: float) -> None:
    assert worst_cost_usd(100_000, 100_000, price, FALLBACK) == pytest.approx(usd)


@pytest.mark.parametrize("price", [KINDS, TIERS, HOURS, PEAK])
@pytest.mark.parametrize("read", [0, 1, 200_000, 200_001, MTOK])
def test_no_usage_within_its_limits_costs_more_than_the_reservation(price: Price, read: int) -> None:
    worst = worst_cost_usd(read, 1000, price, FALLBACK)
    for share in (0.0, 0.3, 1.0):
        usage = used(round(read * share), 1000, cached=round(read * share * 0.5), written=round(read * share * 0.5))
        for at in (None, wall("2026-11-27 23:00"), wall("2026-11-27 03:00")):
            assert (cost_usd(usage, price, at) or 0.0) <= worst + 1e-12


def test_the_fallback_is_a_setting() -> None:
    assert MoneySettings().fallback_price() == Price(5.0, 25.0, "fallback")
    assert (
        MoneySettings(fallback_usd_per_mtok=FallbackRates(input=1, output=2)).fallback_price().output_usd_per_mtok == 2
    )


# litellm's map

PER_TOKEN = {"input_cost_per_token": 2e-6, "output_cost_per_token": 1e-5}
ENTRIES: Mapping[str, tuple[Mapping[str, Any], Price | None]] = {
    "plain": (PER_TOKEN, Price(2.0, 10.0, "litellm")),
    "kinds": (
        {
            **PER_TOKEN,
            "cache_read_input_token_cost": 5e-7,
            "cache_creation_input_token_cost": 2.5e-6,
            "output_cost_per_reasoning_token": 4e-5,
        },
        Price(2.0, 10.0, "litellm", 0.0, 0.5, 2.5, 40.0),
    ),
    "a cache at no price": ({**PER_TOKEN, "cache_read_input_token_cost": 0.0}, Price(2.0, 10.0, "litellm")),
    "long prompts": (
        {
            **PER_TOKEN,
            "input_cost_per_token_above_200k_tokens": 4e-6,
            "output_cost_per_token_above_200k_tokens": 1.5e-5,
            "input_cost_per_token_above_128k_tokens": 3e-6,
        },
        Price(
            2.0,
            10.0,
            "litellm",
            steps=(PriceStep(3.0, 10.0, above_tokens=128_000), PriceStep(4.0, 15.0, above_tokens=200_000)),
        ),
    ),
    "batches and haste": (
        {
            **PER_TOKEN,
            "input_cost_per_token_batches": 1e-6,
            "input_cost_per_token_priority": 4e-6,
            "input_cost_per_token_above_200k_tokens_priority": 9e-6,
            "input_cost_per_token_flex": 1e-6,
        },
        Price(2.0, 10.0, "litellm"),
    ),
    "tiers": (
        {
            "tiered_pricing": [
                {"range": [32_000.0, 128_000.0], "input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6},
                {"range": [0, 32_000.0], "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6},
            ]
        },
        Price(1.0, 4.0, "litellm", steps=(PriceStep(2.0, 8.0, above_tokens=32_000),)),
    ),
    "off peak": (
        {
            **PER_TOKEN,
            "off_peak_pricing": {
                "input_cost_per_token": 1e-6,
                "windows": [{"hours_utc": ["10:00-00:30"], "weekdays": [1, 2]}, {"hours_utc": "00:00-00:00"}],
            },
        },
        Price(
            2.0,
            10.0,
            "litellm",
            steps=(PriceStep(1.0, 10.0, hours=(PriceHours(600, 30, (1, 2)), PriceHours(0, 0))),),
        ),
    ),
    "nothing": ({}, None),
    "no output": ({"input_cost_per_token": 1e-6}, None),
    "free": ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, None),
    "free input": ({"input_cost_per_token": 0.0, "output_cost_per_token": 1e-6}, None),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_of_the_map_lists(name: str) -> None:
    entry, price = ENTRIES[name]
    assert read_price(entry) == price


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_cost_per_token": -1e-6},
        {"output_cost_per_token": 0.5},
        {"input_cost_per_token": float("nan")},
        {"output_cost_per_token": float("inf")},
        {"cache_read_input_token_cost": -1e-9},
        {"input_cost_per_token_above_200k_tokens": 1.0},
    ],
)
def test_a_price_that_cannot_be_is_refused(wrong: Mapping[str, float]) -> None:
    with pytest.raises(ValueError, match="US dollars"):
        read_price({**PER_TOKEN, **wrong})


def test_perplexity_asks_a_fee_a_call() -> None:
    assert find_price("perplexity/sonar", read_map()) == Price(1.0, 1.0, "litellm", 0.005)


def test_all_of_the_map_is_read_or_refused() -> None:
    known = read_map()
    refused, found = [], 0
    for name in known:
        try:
            found += find_price(name, known) is not None
        except ValueError:
            refused.append(name)
    assert found > 2500
    assert all("jais" in name for name in refused), "two models are listed a thousand times too dear"


# genai-prices


def test_the_library_knows_what_the_map_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    haiku = resolve("openrouter/anthropic/claude-haiku-4.5")
    assert haiku == Price(1.0, 5.0, "genai-prices", 0.0, 0.1, 1.25)
    assert resolve("openai/grok-4", api_base="https://api.x.ai/v1") == Price(3.0, 15.0, "genai-prices", 0.0, 0.75)
    assert resolve("nobody/knows") is None
    assert resolve("openai/grok-4", api_base="https://elsewhere.example/v1") is None


def test_a_map_that_knows_is_enough() -> None:
    """The package takes half a second to import."""
    program = """
import sys
from bot.models.catalogue import resolve_models
from bot.settings.settings import ModelSettings
assert resolve_models({"m": ModelSettings(litellm="openai/gpt-4o")})["m"].price.source == "litellm"
assert "genai_prices" not in sys.modules
assert resolve_models({"m": ModelSettings(litellm="openrouter/openai/o3")})["m"].price.source == "genai-prices"
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_the_library_has_hours_and_starts() -> None:
    price = find_library_price("deepseek", "deepseek-v4-pro", None, TODAY)
    assert price is not None
    assert [step.hours for step in price.steps] == [(PriceHours(60, 240),), (PriceHours(360, 600),)]
    peak, rest = (cost_usd(used(MTOK), price, wall(f"2026-11-27 0{hour}:30")) for hour in (1, 4))
    assert (peak, rest) == (price.steps[0].input_usd_per_mtok, price.input_usd_per_mtok)
    before, after = (find_library_price("openai", "o3", None, wall(f"2025-06-{day} 00:00")) for day in ("09", "10"))
    assert before is not None
    assert after is not None
    assert before.input_usd_per_mtok > after.input_usd_per_mtok


def test_the_library_has_tiers() -> None:
    price = find_library_price("gemini", "gemini-2.5-pro", None, TODAY)
    assert price is not None
    assert [(step.above_tokens, step.input_usd_per_mtok) for step in price.steps] == [(200_000, 2.5)]


def test_what_the_library_lists_at_nothing_is_unknown() -> None:
    assert find_library_price("openrouter", "minimax/minimax-m2:free", None, TODAY) is None


def test_the_library_tells_windows() -> None:
    assert find_library_window("openrouter", "anthropic/claude-haiku-4.5", None) == 200_000
    assert find_library_window("nobody", "knows", None) is None
    model = resolve_models({"m": ModelSettings(litellm="openrouter/anthropic/claude-haiku-4.5")})["m"]
    assert (model.window, model.window_source) == (200_000, "genai-prices")


# Settings


def test_settings_win_over_both_lists() -> None:
    own = {"input_usd_per_mtok": 7, "output_usd_per_mtok": 8}
    assert resolve("gemini/gemini-2.5-pro", **own) == Price(7, 8, "settings")
    assert resolve("gemini/gemini-2.5-pro", **own, cache_read_usd_per_mtok=0.7) == Price(7, 8, "settings", 0.0, 0.7)
    assert resolve("gemini/gemini-2.5-pro", output_usd_per_mtok=8) == Price(
        1.25,
        8,
        "settings and litellm",
        cache_read_usd_per_mtok=0.125,
        steps=(PriceStep(2.5, 8, cache_read_usd_per_mtok=0.25, above_tokens=200_000),),
    )


def test_a_price_of_nothing_in_the_settings_is_meant() -> None:
    assert resolve("nobody/knows", input_usd_per_mtok=0, output_usd_per_mtok=0) == Price(0, 0, "settings")


def test_a_listed_price_that_cannot_be_is_unknown_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve("azure_ai/jais-30b-chat") is None
    told = capsys.readouterr()
    assert "azure_ai/jais-30b-chat" in told.out + told.err
