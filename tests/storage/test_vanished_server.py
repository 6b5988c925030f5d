"""A server whose machine vanishes without a word, as in a failover: nobody waits for it for minutes."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.facts import Interjected
from bot.errors import StoreFailed
from storage import open_store
from storage.handover import open_hand_over
from storage.locations import make_library_engine

PORT = 5432
WITHIN_S = 60.0  # only keeps a broken test from hanging: TCP by itself gives up after a quarter of an hour

# Relays from a port of the other namespace to the server's socket, of which all namespaces see the file.
RELAY = """
import asyncio, sys

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()

async def serve(reader, writer):
    answers, server = await asyncio.open_unix_connection(sys.argv[3])
    await asyncio.gather(pump(reader, server), pump(answers, writer))

async def main():
    await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


class Machine:
    """The server's address as that of another machine, until `vanish`: nothing comes from there any more."""

    def __init__(self, server: str) -> None:
        target = {name: str(value) for name, value in conninfo_to_dict(server).items()}
        if not target.get("host", "").startswith("/"):
            pytest.skip("the server that is tested on has no socket here")
        block = secrets.randbelow(1 << 14)  # four addresses of its own, as tests run beside each other
        self._here, self._there = (f"10.213.{block >> 6}.{block % 64 * 4 + n}" for n in (1, 2))
        self.url = f"postgresql://{target['user']}@{self._there}:{PORT}/{target['dbname']}"
        self._socket = f"{target['host']}/.s.PGSQL.{target.get('port', '5432')}"
        self._name = f"moot{uuid4().hex[:8]}"

    def begin(self) -> None:
        name, near, far = self._name, f"{self._name}a", f"{self._name}b"
        try:
            run("ip", "netns", "add", name)
            run("ip", "link", "add", "dev", near, "type", "veth", "peer", "name", far, "netns", name)
            run("ip", "addr", "add", f"{self._here}/30", "dev", near)
            run("ip", "link", "set", "dev", near, "up")
            run("ip", "-n", name, "addr", "add", f"{self._there}/30", "dev", far)
            run("ip", "-n", name, "link", "set", "dev", far, "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network of its own can be made here: {error}")
        words = ["ip", "netns", "exec", name, sys.executable, "-c", RELAY, self._there, f"{PORT}", self._socket]
        self._relay = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._relay.stdout is not None
        assert self._relay.stdout.readline() == "ready\n"

    def vanish(self) -> None:
        run("ip", "-n", self._name, "route", "add", "blackhole", f"{self._here}/32")

    def end(self) -> None:
        if relay := getattr(self, "_relay", None):
            relay.kill()
            relay.communicate()
        with suppress(OSError):  # there is no `ip`
            subprocess.run(["ip", "netns", "del", self._name], check=False, capture_output=True)


@pytest.fixture
def machine(postgres: str) -> Iterator[Machine]:
    made = Machine(postgres)
    try:
        made.begin()
        yield made
    finally:
        made.end()


async def test_a_server_that_vanishes_is_noticed_by_who_writes_and_who_reads(machine: Machine) -> None:
    async with open_store(machine.url, clock=time.time) as store:
        await store.append("r", [Interjected("ann", "before")])
        await store.read("r")
        machine.vanish()
        async with asyncio.timeout(WITHIN_S):
            told = await asyncio.gather(
                store.append("r", [Interjected("ann", "after")]), store.read("r"), return_exceptions=True
            )
    assert [type(error) for error in told] == [StoreFailed, StoreFailed], told


async def test_a_server_that_vanishes_is_noticed_by_a_library_with_tables_of_its_own(machine: Machine) -> None:
    engine = make_library_engine(machine.url)
    try:
        async with engine.connect() as conn:
            await conn.execute(text("SELECT 1"))
        machine.vanish()
        with pytest.raises(SQLAlchemyError):
            async with asyncio.timeout(WITHIN_S), engine.connect() as conn:
                await conn.execute(text("SELECT 1"))
    finally:
        await engine.dispose()


async def test_a_server_that_vanishes_is_noticed_by_who_hands_a_run_over(machine: Machine) -> None:
    async with open_hand_over(machine.url) as jobs:
        await jobs.offer("before", "")
        machine.vanish()
        with pytest.raises(StoreFailed):
            async with asyncio.timeout(WITHIN_S):
                await jobs.offer("after", "")
