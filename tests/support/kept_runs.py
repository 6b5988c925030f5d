"""Databases with whole runs in them, and a search of their files for what should be gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg

from bot.domain.facts import CaughtUp, Fact, Interjected, RunFinished, RunStarted, ViewAttached, VoteCast
from bot.domain.run import TurnId
from bot.domain.spending import Asked, Payer
from bot.domain.transcript import Entry
from bot.ports.spending import Call
from bot.ports.store import PostedPage
from storage import SqlStore
from storage.locations import Location
from tests.support.transcripts import Play, make_start

FORMATS = ("council", "debate", "compare")
PICTURE_BYTES = 200_000


def mark(run: str) -> str:
    """Return a word that every text of a run holds, and no other run's."""
    return f"secret{run}secret"


def write_text(run: str, random: Random) -> str:
    """Return a text of a length that falls anywhere between a line and several pages of the database."""
    return " ".join([mark(run), *random.choices(("oak", "elm", "ash"), k=random.choice((3, 300, 3_000))), mark(run)])


def play_facts(run: str, random: Random, *, by: str = "ann", server: str = "discord:1") -> list[Entry]:
    """Return the facts of one run that people have voted and spoken in, played to its end by its own format."""
    start = replace(
        make_start(random.choice(FORMATS)), question=write_text(run, random), by=by, name=mark(run), server=server
    )
    play = Play(start).record(ViewAttached(f"discord:1/{run}"))
    while not play.plan.outcome and play.wanted:
        play.record(Interjected(f"person {mark(run)}", write_text(run, random), mark(run)))
        play.play_stage(lambda turn: write_text(run, random))
    return list(
        play.record(VoteCast(f"person {mark(run)}", 1, "ada"), RunFinished(play.plan.outcome), CaughtUp()).t.entries
    )


async def store_run(store: SqlStore, run: str, random: Random, **who: str) -> list[Fact]:
    """Store a whole run with all that belongs to it: events, snapshots, pages, a picture, calls. Return its facts."""
    facts = [entry.fact for entry in play_facts(run, random, **who)]
    for n, fact in enumerate(facts):
        await store.append(run, [fact], key=f"event {n} of {run}")
        if isinstance(fact, RunStarted):
            await store.keep_picture(run, "ann", "discord:1", mark(run).encode() + random.randbytes(PICTURE_BYTES))
    text = ""
    for word in write_text(run, random).split()[:20]:
        text = f"{text} {word}"
        await store.snapshot(run, TurnId("answer", 1, "ada"), text)
    page = PostedPage(f"discord:1/{run}", TurnId("answer", 1, "ada").lane, 1, f"discord:{run}")
    await store.record_page(run, page)
    call = Call(f"call of {run}", Payer(run, "ann", "discord:1", "council"), 1.0, "ada")
    held = await store.reserve(call, (None,) * 5, Asked(1_000, 1))
    await store.settle(call, held, 900, 1.0)
    return facts


def find_in_files(path: Path, *words: str) -> list[str]:
    """Return which of these words stand anywhere in the database's files, its log and its index of the log."""
    found = [file.read_bytes() for file in _files(path)]
    return [word for word in words if any(word.encode() in data for data in found)]


def find_words(location: Location, *words: str) -> list[str]:
    """Return which of these words stand anywhere in a SQLite store's files, or in any row of one on PostgreSQL."""
    if isinstance(location, Path):
        return find_in_files(location, *words)
    with psycopg.connect(location) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = [conn.execute(f"SELECT t::text FROM {table} t".encode()).fetchall() for (table,) in tables]
    rows = [text for rows in found for (text,) in rows]
    return [word for word in words if any(word in text or word.encode().hex() in text for text in rows)]


def _files(path: Path) -> Iterator[Path]:
    return (file for end in ("", "-wal", "-shm") if (file := path.with_name(path.name + end)).exists())
