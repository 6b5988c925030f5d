"""How much of a debate is read from the caches of providers, and whether the price shown is the one of that.

A debate of real asks and answers of a usual length goes through litellm to servers that keep prompts as OpenAI and
Anthropic do. What they bill is reckoned from what they say, by rates of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.report import Bar, Scene
from bot.domain.asks import Ask
from bot.domain.run import DebateRules, Price, Seat, TurnId, Usage
from bot.formats.rehearsal import RehearsedTurn, fill_schema, rehearse
from bot.models.catalogue import Model
from bot.models.prices import cost_usd
from bot.models.speak import Speaker
from bot.models.tokens import make_counter
from bot.settings.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import CHAT, ModelServer
from tests.servers.prefix_cache import PrefixCache
from tests.support.transcripts import make_start

Protocol = Literal["openai", "anthropic"]
SEATS = ("ada", "bob", "cyd", "dan", "eve")
ROUNDS = 3
WORDS = 300  # of an answer
PRICE = Price(3.0, 15.0, "settings", cache_read_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a debate read: tokens by kind, and US dollars as Moot shows them."""

    read: int = 0
    cached: int = 0
    written: int = 0
    said: int = 0
    shown_usd: float = 0.0

    def add(self, usage: Usage) -> Bill:
        return Bill(
            self.read + usage.input,
            self.cached + usage.cached,
            self.written + usage.written,
            self.said + usage.output,
            self.shown_usd + (cost_usd(usage, PRICE) or 0.0),
        )

    @property
    def usd(self) -> float:
        """Return what the provider bills, in US dollars."""
        fresh = self.read - self.cached - self.written
        return (3.0 * fresh + 0.3 * self.cached + 3.75 * self.written + 15.0 * self.said) / 1_000_000

    @property
    def uncached_usd(self) -> float:
        return (3.0 * self.read + 15.0 * self.said) / 1_000_000


async def measure_caching() -> tuple[list[Scene], list[Bar]]:
    """Hold the debate at each kind of provider; return a scene each and the bars of both."""
    protocols: tuple[Protocol, ...] = ("openai", "anthropic")
    bills = {protocol: await hold_debate(protocol) for protocol in protocols}
    scenes: list[Scene] = [
        {
            "scene": f"debate of {len(SEATS)}, {ROUNDS} rounds, at a cache like that of {protocol}",
            "tokens_read": bill.read,
            "cached_percent": round(100 * bill.cached / bill.read, 1),
            "written_percent": round(100 * bill.written / bill.read, 1),
            "shown_usd": round(bill.shown_usd, 4),
            "usd_without_cache": round(bill.uncached_usd, 4),
        }
        for protocol, bill in bills.items()
    ]
    least = min(100 * bill.cached / bill.read for bill in bills.values())
    off = max(abs(100 * (bill.shown_usd / bill.usd - 1)) for bill in bills.values())
    return scenes, [
        Bar("tokens of a debate read from a cache", round(least, 1), 30.0, "%", "at least"),
        Bar("price shown of a debate, beside what is billed for it", round(off, 2), 1.0, "% off"),
    ]


async def hold_debate(protocol: Protocol) -> Bill:
    """Ask all that a debate asks, in its order."""
    cache, bill = PrefixCache(make_counter("gpt-4o")), Bill()
    async with ModelServer() as server:
        server.tell(cache.answer_chat, path=CHAT)
        server.tell(cache.answer_messages, path="/v1/messages")
        models = {seat: _make_model(protocol, seat, server.url) for seat in (*SEATS, "judge")}
        speaker = Speaker(models, DeadlineSettings(), RetrySettings(tries=1))
        try:
            for played in _play_debate():
                seat = Seat(played.turn.seat, played.turn.seat, "A")
                async with aclosing(speaker.speak(seat, played.ask)) as deltas:
                    used = [delta.usage async for delta in deltas if delta.usage]
                bill = bill.add(used[-1])
        finally:
            await speaker.aclose()
    return bill


def _play_debate() -> Iterator[RehearsedTurn]:
    begun = make_start("debate", seats=SEATS, rounds=ROUNDS)
    start = replace(begun, rules=replace(begun.rules, debating=DebateRules()))

    def write(turn: TurnId, ask: Ask) -> str:
        return fill_schema(ask.schema, "argue") if ask.schema else f"{turn} {'argue ' * WORDS}"

    return rehearse(start, write)


def _make_model(protocol: Protocol, key: str, url: str) -> Model:
    names = {"openai": f"openai/gpt-4o-{key}", "anthropic": f"anthropic/claude-sonnet-4-5-{key}"}
    base = {"openai": f"{url}/v1", "anthropic": url}
    return Model(key, names[protocol], "M", f"{protocol}@{url}", api_key="k-1", api_base=base[protocol], price=PRICE)
