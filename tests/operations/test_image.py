"""The image's health check, as the Dockerfile has it, at a bot that runs."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from tests.support.discord_bot import StartMoot
from tests.support.operators_port import find_free_port
from tests.support.paths import ROOT


async def test_it_is_healthy_while_the_bot_runs_and_not_without(start_moot: StartMoot, tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    [check] = re.findall(r"^HEALTHCHECK .*\\\n CMD (.+)$", text, re.M)
    [variable] = re.findall(r"\b(MOOT_METRICS__PORT)=\d+", text)
    port = find_free_port()

    async def is_healthy() -> bool:
        called = check.replace("python -c", f"{sys.executable} -c")
        environment = {**os.environ, variable: str(port), "HTTP_PROXY": "http://127.0.0.1:9"}
        process = await asyncio.create_subprocess_shell(called, env=environment, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    assert not await is_healthy()
    await start_moot(metrics={"port": port}, storage={"path": str(tmp_path / "moot.db")})
    assert await is_healthy()
