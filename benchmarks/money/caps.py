"""Limits on spending under load: parallel runs of real litellm and the real store, and a provider that bills.

Prices, lengths and limits are drawn; calls fail, break off, hang and are cut off by people, the process dies and
begins again with what the store holds, and the clock jumps. Whatever the bot notes, what the provider bills must pass
no limit by more than a cent.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.money.provider import Provider
from benchmarks.report import Bar, Scene
from bot.domain.asks import Ask, Part
from bot.domain.run import Price, Seat, Usage
from bot.domain.spending import PERIODS, Asked, Balance, Caps, Payer, list_accounts
from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.ledger import Ledger
from bot.models.prices import cost_usd
from bot.models.speak import Speaker
from bot.ports.spending import Call
from bot.settings.settings import DeadlineSettings, RetrySettings
from storage import SqlStore, open_store

AT_ONCE = 40  # runs
MODELS, SEATS, ROUNDS = 8, 3, 2
CENT = 0.01
CAPS = Caps(run=0.02, person_day=0.10, server_day=0.50, server_month=2.0, month=20.0)
FALLBACK = Price(5.0, 25.0, "fallback")
DEADLINES = DeadlineSettings(first_token_timeout_s=2.0, idle_timeout_s=0.5, total_timeout_s=5.0)
RETRIES = RetrySettings(tries=3, base_s=0.001, cap_s=0.002)


class Drawn(NamedTuple):
    """A run: who pays, and which model each seat is."""

    payer: Payer
    seats: tuple[Seat, ...]


@dataclass(slots=True)
class Play:
    """What has happened. `accounts`: those that a turn's calls are charged to, by the last line of what it is asked."""

    random: Random
    provider: Provider
    accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ends: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    now: float = 1_767_225_600.0
    kills: int = 0
    switches: int = 0  # to a substitute

    def clock(self) -> float:
        return self.now


async def measure_caps(runs: int, seed: int = 1) -> tuple[list[Scene], list[Bar]]:
    """Play so many runs; return their scene and its bars."""
    random = Random(seed)
    play = Play(random, Provider(random))
    async with play.provider.serve() as url:
        models = {model.key: model for model in (_draw_model(random, n, url) for n in range(MODELS))}
        drawn = [_draw_run(random, n, models) for n in range(runs)]
        with tempfile.TemporaryDirectory() as folder:
            for at in range(0, runs, AT_ONCE):
                await _play_batch(play, drawn[at : at + AT_ONCE], models, Path(folder) / "moot.db")
    bills = _sum_bills(play, models)
    limits = {period: cap for period, cap in zip(PERIODS, CAPS, strict=True) if cap is not None}
    used = {period: max(bills[period], default=0.0) / cap for period, cap in limits.items()}
    passed = sum(usd > cap + CENT for period, cap in limits.items() for usd in bills[period])
    scene: Scene = {
        "scene": f"{runs} runs of {SEATS} seats, {AT_ONCE} at once",
        "calls_billed": sum(map(len, play.provider.billed.values())),
        **{f"turns {end}": count for end, count in sorted(play.ends.items())},
        "kills": play.kills,
        "substitutes_asked": play.switches,
        **{f"most of {period}": round(share, 3) for period, share in used.items()},
    }
    return [scene], [
        Bar("limits passed by a cent", passed, 0, "limits"),
        Bar("most of a run's limit that was used", round(used["run"], 3), 0.5, "of it", "at least"),
    ]


def _draw_model(random: Random, number: int, url: str) -> Model:
    price = Price(random.uniform(0.1, 15), random.uniform(0.5, 75), "settings") if number else None
    limit = random.choice([100, 400, 1_200])
    return Model(
        key=f"m{number}",
        litellm=f"hosted_vllm/m{number}",
        name="M",
        provider="p",
        api_base=url,
        price=price,
        max_tokens=limit,
        concurrency=400,
        fallbacks=tuple(f"m{other}" for other in range(number + 1, MODELS) if random.random() < 0.3),
    )


def _draw_run(random: Random, number: int, models: Mapping[str, Model]) -> Drawn:
    seats = tuple(Seat(f"s{n}", random.choice(list(models)), "S") for n in range(SEATS))
    server = f"server{random.randrange(4)}"
    return Drawn(Payer(f"run{number}", f"person{random.randrange(40)}", server, "council", seats[0]), seats)


async def _play_batch(play: Play, batch: Sequence[Drawn], models: Mapping[str, Model], path: Path) -> None:
    """Play runs at once in one life of the process, which may end by a kill. The clock jumps between two lives."""
    dies = play.random.random() < 0.25
    async with open_store(path, clock=play.clock) as store:
        book = Book(store)
        speaker = Speaker(models, DEADLINES, RETRIES, ledger=Ledger(book, CAPS, FALLBACK, play.clock))
        await speaker.warm_up()
        running = [asyncio.create_task(_play_run(play, speaker, drawn)) for drawn in batch]
        if dies:
            await asyncio.sleep(play.random.uniform(0.2, 4.0))
            book.is_dead = True
            play.kills += 1
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=dies)
        await speaker.aclose()
    play.now += play.random.choice([1.0, 3_600.0, 86_400.0, -86_400.0])


async def _play_run(play: Play, speaker: Speaker, drawn: Drawn) -> None:
    """Let all seats speak at once, round after round, and the chair at the end."""
    for number in range(1, ROUNDS + 1):
        await asyncio.gather(*(_play_turn(play, speaker, drawn, seat, f"round {number}") for seat in drawn.seats))
    closing = drawn._replace(payer=drawn.payer._replace(chair=None))
    await _play_turn(play, speaker, closing, drawn.seats[0], "chair")


async def _play_turn(play: Play, speaker: Speaker, drawn: Drawn, seat: Seat, stage: str) -> None:
    """Let one seat speak; one in ten is skipped after its first words."""
    name = f"{drawn.payer.run} {stage} {seat.key}"
    play.accounts[name] = list_accounts(drawn.payer, play.now)
    text = "word " * play.random.choice([20, 400, 4_000])
    skipped = play.random.random() < 0.1
    end = "answered"
    try:
        async with aclosing(speaker.speak(seat, Ask((Part("user", f"{text}\n{name}"),)), drawn.payer)) as deltas:
            async for delta in deltas:
                play.switches += delta.switch is not None
                if skipped and delta.text:
                    end = "skipped"
                    break
    except ProviderError as error:
        end = "over a limit" if error.kind == "cap" else "failed"
    play.ends[end] += 1


@dataclass(slots=True)
class Book:
    """The store, until the process is dead: then nothing is settled any more."""

    store: SqlStore
    is_dead: bool = False

    async def reserve(self, call: Call, caps: Sequence[int | None], asked: Asked) -> int:
        return await self.store.reserve(call, caps, asked)

    async def settle(self, call: Call, held: int, spent: int, seconds: float) -> None:
        if not self.is_dead:
            await self.store.settle(call, held, spent, seconds)

    async def balances(self, payer: Payer, at: float) -> list[Balance]:
        return await self.store.balances(payer, at)


def _sum_bills(play: Play, models: Mapping[str, Model]) -> dict[str, list[float]]:
    """Return what the provider bills (US dollars) to each account, by the limit that it is held against."""
    sums: list[defaultdict[str, float]] = [defaultdict(float) for _ in CAPS]
    for name, accounts in play.accounts.items():
        for model, read, written in play.provider.billed[name]:
            usd = cost_usd(Usage(read, written, 0, "reported"), models[model].price or FALLBACK) or 0.0
            for each, account in zip(sums, accounts, strict=True):
                each[account] += usd
    return {period: list(each.values()) for period, each in zip(PERIODS, sums, strict=True)}
