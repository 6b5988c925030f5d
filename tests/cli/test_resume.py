"""`moot resume`: a run of the terminal that was cut off goes on there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.try_run import resume_once, try_once
from bot.domain.transcript import Transcript, fold_all
from bot.errors import Refused
from storage import open_store
from tests.servers.model_server import ModelServer, Reply, answer, chunk, sse
from tests.support.model_panel import tell_every_seat, write_settings
from tests.support.transcripts import make_start

DATABASE = Path("moot.db")


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        write_settings(server)
        yield server


async def read_only_run() -> tuple[str, Transcript]:
    async with open_store(DATABASE, clock=time.time, read_only=True) as store:
        [row] = await store.runs()
        return row.run, fold_all(Transcript(), await store.read(row.run))


async def cut_off_run(server: ModelServer) -> str:
    """Begin a comparison whose seats never end, and leave it as a second Ctrl-C does; return its id."""
    tell_every_seat(server, Reply(sse(chunk("half an ")), then="hang"))
    trying = asyncio.create_task(try_once("compare", {"question": "Tabs or spaces?"}))
    while len(server.log) < 3:
        await asyncio.sleep(0.05)
    trying.cancel()
    with suppress(asyncio.CancelledError):
        await trying
    run, t = await read_only_run()
    assert not t.is_over
    return run


async def test_a_run_that_was_cut_off_goes_on_to_its_end(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run = await cut_off_run(server)
    tell_every_seat(server, answer("a whole ", "answer"))
    capsys.readouterr()
    assert await resume_once(run) == 0
    assert "== Result ==" in capsys.readouterr().out
    same, t = await read_only_run()
    assert same == run
    assert t.finished is not None
    assert {turn.text for turn in t.turns.values()} >= {"a whole answer"}
    with pytest.raises(Refused, match=f"Run {run} is over"):
        await resume_once(run)


async def test_what_cannot_go_on_here_is_refused(server: ModelServer) -> None:
    async with open_store(DATABASE, clock=time.time) as store:
        await store.append("elsewhere", [replace(make_start("compare"), server="discord:1")])
        with pytest.raises(Refused, match=r"A bot runs on this database \(pid \d+\): stop it"):
            await resume_once("elsewhere")
    with pytest.raises(Refused, match="`moot run` goes on with it there"):
        await resume_once("elsewhere")
    with pytest.raises(Refused, match="There is no run “none”"):
        await resume_once("none")
