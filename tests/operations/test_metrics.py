"""The operators' port of a real bot: what it counts, what it never names, and what makes it not ready."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from bot.cli.watch import Watcher
from bot.errors import Misconfigured
from bot.operations import metrics as names
from bot.operations.reading import Reading
from bot.operations.server import explain_port
from bot.settings.operations import MetricsSettings
from bot.settings.settings import Settings
from storage.sqlite import Database
from tests.servers.model_server import answer, error
from tests.support.discord_bot import SEATS, THINKING, StartMoot
from tests.support.operators_port import find_free_port, read_page, scrape, wait_until_ready


async def wait_for(port: int, name: str, value: float, **labels: str) -> Reading:
    """Read the metrics until one has this value."""
    async with asyncio.timeout(30):
        while (read := await scrape(port)).sum(name, **labels) != value:
            await asyncio.sleep(0.02)
    return read


async def test_a_run_is_counted_as_people_saw_it(start_moot: StartMoot, tmp_path: Path) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port}, storage={"path": str(tmp_path / "moot.db")})
    moot.script_model("gpt", error(400, "no"))
    await moot.find_end_card(await moot.find_thread(await moot.ask(question="Tea or coffee?")))
    await moot.wait_until_over()
    read = await wait_for(port, names.RUNS, 1, state="closing")

    assert read.sum(names.RUNS_STARTED, format="compare") == 1
    assert read.sum(names.RUNS_ENDED, format="compare", outcome="compared") == 1
    assert read.sum(names.TURNS, finish="done") == 2
    assert read.sum(names.TURNS, model="gpt", finish="failed") == 1
    assert read.sum(names.TURN_FAILURES, model="gpt") == 1
    assert read.sum(f"{names.FIRST_TOKEN}_count", platform="discord") == 2
    assert read.sum(f"{names.FIRST_LINE}_count", platform="discord") == 2
    assert read.sum(f"{names.FIRST_LINE}_sum") >= read.sum(f"{names.FIRST_TOKEN}_sum") > 0
    assert read.sum(names.SHOWN, platform="discord") == len("Claude speaks.") + len("Gemini speaks.")
    assert read.sum(names.WAITED, platform="discord") > 0
    assert read.sum(names.CALLS, provider="hosted_vllm", outcome="answered") == 2
    assert read.sum(names.CALLS) == 3
    assert read.sum(names.TOKENS, model="claude", kind="output") > 0
    assert read.sum(names.UNPRICED) == 0  # models on this machine are free
    assert read.sum(names.REQUESTS, platform="discord", method="post", status="200") >= 3
    assert read.sum(names.BUDGETS, platform="discord") > 0
    assert read.sum(names.CONNECTED, platform="discord") == read.sum(names.DATABASE_WRITABLE) == 1
    assert read.sum(names.DATABASE) > 10_000
    assert read.sum(names.MEMORY) > 10_000_000
    async with asyncio.timeout(60):  # it is measured every quarter of a second
        while not (await scrape(port)).sum(f"{names.LOOP_LAG}_count"):
            await asyncio.sleep(0.02)


async def test_seats_speak_and_limits_are_used_while_a_run_goes_on(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port}, money={"month_usd": 50.0})
    for seat in SEATS:
        moot.script_model(seat, THINKING)
    await moot.ask()
    read = await wait_for(port, names.SPEAKING, 3)
    assert set(read.sum_by("model", names.SPEAKING)) == set(SEATS)
    assert read.sum(names.RUNS, format="compare", state="going on") == 1
    assert set(read.sum_by("cap", names.CAP_ROOM)) == {"person_day", "server_day", "month"}
    assert 0 < read.sum(names.CAP_ROOM, cap="month") <= 50
    assert set(read.sum_by("queue", names.QUEUES)) == {"provider calls", "lanes", "notices"}


async def test_a_retry_is_counted_by_provider_and_kind(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port}, retries={"tries": 2, "base_s": 0.01, "cap_s": 0.05})
    moot.script_model("gpt", error(503, "later"), answer("GPT ", "speaks."))
    await moot.find_end_card(await moot.find_thread(await moot.ask()))
    read = await wait_for(port, names.RETRIES, 1)
    assert read.sum(names.RETRIES, provider="hosted_vllm", kind="unreachable") == 1
    assert read.sum(names.CALLS, outcome="unreachable") == 1
    assert read.sum(names.TURNS, finish="failed") == 0


async def test_what_an_earlier_process_has_counted_is_not_counted_again(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port})
    moot.script_model("gpt", THINKING)
    thread = await moot.find_thread(await moot.ask())
    await moot.find_by(thread, "Claude")
    await wait_for(port, names.TURNS, 2, finish="done")
    await moot.restart()
    read = await wait_for(port, names.SPEAKING, 1, model="gpt")
    assert read.sum(names.TURNS) == read.sum(names.RUNS_STARTED) == 0


async def test_no_label_names_a_run_a_person_or_a_place(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port})
    board = await moot.ask(question="A question that nobody else asks?")
    await moot.find_end_card(await moot.find_thread(board))
    status, text = await read_page(port, "/metrics")
    [row] = await moot.store.runs()
    assert status == 200
    for private in (row.run, "nobody else", "ada", moot.ada.id, moot.guild.id, moot.channel.id, board.id):
        assert f'"{private}' not in text
        assert len(str(private)) < 5 or str(private) not in text


async def test_ready_once_the_gateway_is_and_no_more_when_it_is_gone(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port})
    assert await read_page(port, "/healthz") == (200, "ok\n")
    await wait_until_ready(port)
    assert moot.client is not None
    await moot.client.ws.socket.close()
    status, told = await read_page(port, "/readyz")
    assert status == 503
    assert json.loads(told) == {"ready": False, "platforms": {"discord": False}, "database": True}


async def test_not_ready_while_the_database_takes_nothing(start_moot: StartMoot) -> None:
    port = find_free_port()
    moot = await start_moot(metrics={"port": port})
    database = moot.store._writer.database
    assert isinstance(database, Database)
    await database.driver.execute("PRAGMA query_only = 1")
    status, told = await read_page(port, "/readyz")
    assert (status, json.loads(told)["database"]) == (503, False)
    assert (await scrape(port)).sum(names.DATABASE_WRITABLE) == 0
    await database.driver.execute("PRAGMA query_only = 0")
    assert json.loads((await read_page(port, "/readyz"))[1])["database"] is True


async def test_a_port_in_use_ends_the_start_with_a_sentence(start_moot: StartMoot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        moot = await start_moot(started=False, metrics={"port": port})
        with pytest.raises(Misconfigured, match=f"metrics.port: 127.0.0.1:{port} cannot be listened on"):
            await moot.start()


async def test_a_port_in_use_is_told_before_anything_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(metrics=MetricsSettings(port=taken.getsockname()[1]))
        with pytest.raises(Misconfigured, match=r"another process does already\. Name another metrics\.port"):
            await Watcher(settings).__aenter__()


async def test_an_address_that_this_machine_has_not_is_told_with_those_that_it_may_have() -> None:
    told = r'this machine has no such address\. .* "::1" where there is no IPv4'
    with pytest.raises(Misconfigured, match=told):
        await Watcher(Settings(metrics=MetricsSettings(port=1, host="192.0.2.1"))).__aenter__()
    why, _ = explain_port(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert why == "this machine has no such address"


async def test_without_ipv4_it_listens_on_ipv6(start_moot: StartMoot) -> None:
    port = find_free_port("::1")
    await start_moot(metrics={"port": port, "host": "::1"})
    assert await read_page(port, "/healthz", host="[::1]") == (200, "ok\n")


async def test_without_a_port_nothing_listens_or_counts(start_moot: StartMoot, tmp_path: Path) -> None:
    moot = await start_moot()
    assert moot.settings.metrics.port is None
    assert await moot.store.documents("operations/probe") == {}
