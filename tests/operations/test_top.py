"""`moot top`: what a bot does fits the terminal, on a wide one and a narrow one, and without a bot it says so."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

from bot.cli.console import CleanConsole
from bot.operations.metrics import Metrics
from bot.operations.overview import render_overview
from bot.operations.reading import Reading
from tests.servers.model_server import answer
from tests.support.command_line import run_moot
from tests.support.operators_port import find_free_port, wait_until_ready
from tests.support.processes import open_town

MODELS = [f"a-model-with-a-long-name-{n:02}" for n in range(20)]


def make_reading(posts: int, at: float) -> Reading:
    """Return the reading of a busy bot that has posted so often."""
    metrics = Metrics("1.0")
    for name in ("discord", "slack"):
        metrics.connected.labels(name).set(name == "discord")
        metrics.requests.labels(name, "post", "200").inc(posts)
        metrics.requests.labels(name, "edit", "429").inc(2)
        metrics.budgets.labels(name, "free").set(3)
        metrics.budgets.labels(name, "spent").set(1)
        metrics.shown.labels(name).inc(100)
        metrics.waited.labels(name).inc(150)
    for n, model in enumerate(MODELS):
        metrics.turns.labels(model, "done").inc(n)
        metrics.turns.labels(model, "failed").inc(1)
        metrics.first_token.labels(model, "discord").observe(0.5)
        metrics.cost.labels(model).inc(0.25)
    metrics.speaking.labels(MODELS[3]).set(2)
    metrics.runs.labels("council", "going on").set(4)
    metrics.runs_started.labels("council").inc(9)
    metrics.queues.labels("provider calls").set(7)
    metrics.cap_used.labels("month").set(0.93)
    metrics.cap_room.labels("month").set(3.5)
    metrics.database_writable.set(1)
    return Reading(generate_latest(metrics.registry).decode(), at)


def draw(columns: int, rows: int) -> list[str]:
    """Return the lines of the overview on a terminal of that size."""
    console = CleanConsole(file=io.StringIO(), width=columns, height=rows, color_system=None)
    console.print(render_overview(make_reading(70, 60.0), make_reading(10, 0.0), columns=columns, rows=rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 20)])
def test_the_overview_fits_the_terminal(columns: int, rows: int) -> None:
    lines = draw(columns, rows)
    assert len(lines) <= rows, "\n".join(lines)
    assert max(map(len, lines)) <= columns
    told = " ".join(" ".join(lines).split())
    for part in ("discord up", "slack away", "4 going on", "7 provider calls", "month 93% used, $3.50 left", "1.5 s"):
        assert part in told, "\n".join(lines)
    [discord] = [line.split() for line in lines if line.startswith("discord ") and "/" in line]
    assert discord[1:5] == ["60", "2", "1/4", "1.5"]
    assert [line for line in lines if line.startswith("and ")] == [f"and {20 - max(3, rows - 16)} more"]


def test_who_speaks_comes_first() -> None:
    lines = draw(80, 24)
    [header] = [n for n, line in enumerate(lines) if line.startswith("model ")]
    assert lines[header + 1].split()[1] == "2"


async def test_it_reads_a_running_bot_once_without_a_terminal(tmp_path: Path) -> None:
    port = find_free_port()
    async with open_town(tmp_path, metrics={"port": port}) as town:
        await town.start()
        town.script_model("gpt", answer("GPT ", "speaks."))
        await town.ask()
        await town.wait_for_texts("GPT speaks.", "Claude speaks.")
        await wait_until_ready(port)
        status, said = await town.run_command("top")
        assert status == 0, said
        assert "discord up · store up" in said
        assert "1 began" in said


def test_without_a_port_or_a_bot_it_says_what_to_do(tmp_path: Path) -> None:
    ended = run_moot("top", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("metrics.port is not set")
    ended = run_moot("top", cwd=tmp_path, MOOT_METRICS__PORT=str(find_free_port()), LANG="C", COLUMNS="40")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("No bot answers at http://127.0.0.1:")
