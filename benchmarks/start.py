"""How fast Moot starts: its help against a typer app with the same commands and empty bodies, as whole processes in
turn; and the core ready to take commands before litellm has been imported.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.report import Bar, Report, Scene

ROOT = Path(__file__).parents[1]
PAIRS = 15

EMPTY = """
from enum import StrEnum
from pathlib import Path
from typing import Annotated
import typer
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
class FormatName(StrEnum):
    council = "council"
    debate = "debate"
    compare = "compare"
@app.callback()
def moot(): "Several language models at one table: councils, debates and comparisons, live."
@app.command(name="try")
def try_(question: Annotated[str, typer.Argument(help="what")],
         format: Annotated[FormatName, typer.Option()] = "council",
         panel: Annotated[str | None, typer.Option()] = None,
         rounds: Annotated[int | None, typer.Option()] = None,
         events: Annotated[Path | None, typer.Option()] = None): "Run one here."
@app.command()
def models(available: Annotated[bool, typer.Option("--available")] = False): "The models."
@app.command()
def runs(): "The runs."
@app.command()
def show(run: Annotated[str, typer.Argument()]): "One run."
@app.command()
def run(): "The bot."
app()
"""

READY = """
import asyncio, sys, time
from random import Random
from pathlib import Path
began = time.perf_counter()
from bot import wiring
from bot.models.catalogue import Model
from bot.provision import Provision
from bot.settings import PanelSettings, SeatSettings, Settings
from bot.trace import NoTrace
from storage import open_store

async def main():
    supply = Provision(
        {"a": Model("a", "openai/a", "A", "openai", api_key="none")},
        {"p": PanelSettings(seats=[SeatSettings(model="a")] * 2)}, "p",
    )
    async with open_store(Path(sys.argv[1]), clock=time.time) as store:
        async with wiring.table(Settings(), supply, store, NoTrace()):
            ready = time.perf_counter() - began
            loaded = hasattr(sys.modules.get("litellm"), "acompletion")
    print(ready, int(loaded), time.perf_counter() - began)

asyncio.run(main())
"""


def measure() -> Report:
    ours, theirs = [], []
    for _ in range(PAIRS):
        ours.append(_seconds(["-m", "bot", "--help"]))
        theirs.append(_seconds(["-c", EMPTY, "--help"]))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    ready_s, loaded, warm_s = _readiness()
    scenes: list[Scene] = [
        {"scene": "help", "ours_s": statistics.median(ours), "empty_app_s": statistics.median(theirs), "pairs": PAIRS},
        {"scene": "core", "ready_s": ready_s, "litellm_loaded_and_left_s": warm_s},
    ]
    bars = [
        Bar("moot --help over an empty typer app's, median of pairs", ratio, 1.3, "ratio"),
        Bar("litellm imported when the core is ready", loaded, 0, "times"),
    ]
    return Report(scenes, bars)


def _seconds(args: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *args], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _readiness() -> tuple[float, int, float]:
    """Seconds until the core is ready, whether litellm was there by then, and seconds until it is and all is left."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", READY, str(Path(folder) / "moot.db")]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), int(told[1]), float(told[2])


if __name__ == "__main__":
    sys.exit(report.run("start", measure, as_json=report.arguments(__doc__).parse_args().json))
