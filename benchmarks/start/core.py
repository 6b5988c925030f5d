"""The core of Moot, made ready once: `python -m benchmarks.start.core DATABASE` prints how long that took as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Readiness(NamedTuple):
    """Seconds until the core takes commands, whether litellm had been imported by then, seconds until all was left."""

    ready_s: float
    litellm_loaded: bool
    left_s: float


async def make_core_ready(database: Path) -> Readiness:
    """Make the core ready on a new database and leave it, which waits for litellm."""
    began = time.perf_counter()
    from adapters.terminal.surface import terminal_budget  # importing is measured as well, here and below
    from bot.cli import core
    from bot.cli.provision import Provision
    from bot.models.catalogue import Model
    from bot.settings.settings import PanelSettings, SeatSettings, Settings
    from storage import open_store

    supply = Provision(
        {"a": Model("a", "openai/a", "A", "openai", api_key="none")},
        {"p": PanelSettings(seats=[SeatSettings(model="a")] * 2)},
        "p",
    )
    async with (
        open_store(database, clock=time.time) as store,
        core.build_core(Settings(), supply, store, core.Observers(), terminal_budget),
    ):
        ready_s = time.perf_counter() - began
        litellm_loaded = hasattr(sys.modules.get("litellm"), "acompletion")
    return Readiness(ready_s, litellm_loaded, time.perf_counter() - began)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(make_core_ready(Path(sys.argv[1])))._asdict()))
