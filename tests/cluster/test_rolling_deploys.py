"""Processes of the version before, while a newer one stores what they do not know."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg

from storage import open_store
from tests.support.postgres import make_database
from tests.support.several import WAIT_S, open_shared_town
from tests.support.transcripts import make_start


async def store_newer_run(url: str) -> None:
    """Store a run with a fact of a kind that there is not yet."""
    async with open_store(url, clock=time.time, shared=True) as store:
        await store.append("newer", [make_start("council")])
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("INSERT INTO facts (run, seq, at, kind, data) VALUES ('newer', 2, 0, 'FromTheFuture', '{}')")
        conn.execute("UPDATE runs SET seq = 2 WHERE run = 'newer'")


async def test_a_run_of_a_newer_version_keeps_nobody_from_asking(tmp_path: Path) -> None:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as town:
            processes = [await town.start_role(role) for role in ("worker", "gateway")]
            await store_newer_run(url)
            for question in ("Tea or coffee?", "Milk?"):
                await town.ask(question=question)
            async with asyncio.timeout(WAIT_S), open_store(url, clock=time.time, read_only=True) as store:
                while [row.outcome for row in await store.runs() if row.run != "newer"] != ["compared", "compared"]:
                    await asyncio.sleep(0.02)
            assert [process.returncode for process in processes] == [None, None]
