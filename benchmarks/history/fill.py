"""A database of many runs, made quickly: the rows that the store writes, many runs in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from random import Random

from sqlalchemy import Connection

from bot.domain.codec import encode
from bot.domain.facts import CaughtUp, Fact, RunFinished, RunStarted, TurnEnded
from bot.domain.run import Panel, Rules, Seat, TurnId
from storage import rows
from storage.batch import Append
from storage.sqlite import Database

SERVERS, PEOPLE, VOCABULARY = 20, 500, 30_000
SEATS = ("ada", "bob", "cyd")
TOGETHER = 200  # runs in a transaction
DAY_S = 86_400.0
DAYS = 80  # over which the runs began

# Words are as frequent as in a language: the n-th one 1/n as often as the first (Zipf).
WORDS = [f"word{n}" for n in range(VOCABULARY)]
WEIGHTS = list(accumulate(1 / (n + 1) for n in range(VOCABULARY)))  # each with those before it


def make_runs(count: int, seed: int, now: float) -> Iterator[tuple[str, float, list[Fact]]]:
    """Yield runs, oldest first: the name, the wall time of the start, and the facts."""
    dice = Random(seed)
    panel = Panel(tuple(Seat(key, key, key.capitalize()) for key in SEATS))
    for n in range(count):
        started = RunStarted(
            dice.choice(("council", "debate", "compare")),
            _write(dice, 12),
            *(panel, Rules(), n, {"compare.answer": "Be brief."}),
            by=f"discord:{dice.randrange(PEOPLE)}",
            server=f"discord:{dice.randrange(SERVERS)}",
            channel=f"{dice.randrange(SERVERS * 10)}",
        )
        ends = [TurnEnded(TurnId("answer", 1, key), "done", _write(dice, 120)) for key in SEATS]
        outcome = RunFinished(dice.choice(("verdict", "verdict", "verdict", "failed")))
        yield f"run{n:07d}", now - DAYS * DAY_S * (1 - n / count), [started, *ends, outcome, CaughtUp()]


async def fill(database: Database, count: int, now: float, seed: int = 22) -> None:
    """Store that many runs."""
    waiting: list[Append] = []
    for run, at, facts in make_runs(count, seed, now):
        waiting.append(Append(run, at, tuple(map(encode, facts)), None, f"event of {run}"))
        if len(waiting) == TOGETHER:
            await _store(database, waiting)
            waiting = []
    await _store(database, waiting)


async def _store(database: Database, writes: list[Append]) -> None:
    def save(conn: Connection) -> None:
        batch = rows.load_batch(conn, writes, {})
        for write in writes:
            batch.enter(write)
        rows.save_batch(conn, batch)

    await database.transact(save)


def draw_words(dice: Random, count: int) -> list[str]:
    return dice.choices(WORDS, cum_weights=WEIGHTS, k=count)


def _write(dice: Random, words: int) -> str:
    return " ".join(draw_words(dice, words))
