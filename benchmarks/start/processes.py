"""Whole processes, Moot's beside bare ones: what each has used when it prints what people wait for.

Processor time, because what else the machine does lengthens every other; a first word comes from a server that answers
at once, so that nothing of a model is in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

from tests.servers.model_server import ModelServer, answer
from tests.support.paths import ROOT
from tests.support.processes import open_town
from tests.support.slack_app import make_settings, open_workspace

WORD = "Tabs."
IMPORTED = "imported"

FIRST_WORD = f"""
import asyncio, sys, litellm
async def main():
    asked = dict(model="hosted_vllm/m", api_base=sys.argv[1], api_key="none", stream=True)
    async for part in await litellm.acompletion(messages=[{{"role": "user", "content": "Tabs?"}}], **asked):
        if part.choices[0].delta.content == {WORD!r}:
            print({WORD!r}, flush=True)
            await asyncio.sleep(60)
asyncio.run(main())
"""
IMPORTS = f"import time, discord, slack_bolt, litellm; print({IMPORTED!r}, flush=True); time.sleep(60)"


class Use(NamedTuple):
    """Seconds of processor time and bytes of memory that a process had used."""

    cpu_s: float
    memory: int


class Pair(NamedTuple):
    ours: Use
    bare: Use


async def compare_first_words() -> Pair:
    """Compare `moot try` with litellm alone, each from its launch to the first word of a model."""
    async with ModelServer() as server:
        server.tell(answer(WORD))
        endpoint = {"litellm": "hosted_vllm/m", "api_base": f"{server.url}/v1", "api_key": "none"}
        tables = {"models": {"m": endpoint, "n": endpoint}, "panels": {"default": {"seats": ["m", "n"]}}}
        ours = await _run_until((WORD,), "-m", "bot", "try", "Tabs?", "--format", "compare", env=_make_env(tables))
        bare = await _run_until((WORD,), "-c", FIRST_WORD, f"{server.url}/v1")
    return Pair(ours, bare)


async def compare_readiness() -> Pair:
    """Compare `moot run` on both platforms without open runs, until it is ready, with importing what it stands on."""
    with TemporaryDirectory() as folder:
        async with open_workspace() as (slack, team), open_town(Path(folder)) as town:
            given = make_settings(slack, team)
            tokens = {"bot_token": given.bot_token, "app_token": given.app_token}
            slack_table = {name: key.get_secret_value() for name, key in tokens.items() if key}
            tables = {**town.make_tables(), "slack": {**slack_table, "api_base": given.api_base}}
            ours = await _run_until(("Discord: ", "Slack: ", "ready"), "-m", "bot", "run", env=_make_env(tables))
            bare = await _run_until((IMPORTED,), "-c", IMPORTS)
    return Pair(ours, bare)


def _make_env(tables: Mapping[str, object]) -> Mapping[str, str]:
    return {f"MOOT_{key}".upper(): json.dumps(table) for key, table in tables.items()}


async def _run_until(words: tuple[str, ...], *args: str, env: Mapping[str, str] | None = None) -> Use:
    """Return what Python has used with these arguments when it prints a line with all the words; it ends there."""
    async with _start(*args, env=env or {}) as process:
        assert process.stdout is not None
        printed: list[str] = []
        async with asyncio.timeout(120):
            while not printed or not all(word in printed[-1] for word in words):
                line = await process.stdout.readline()
                assert line, "".join(printed)
                printed.append(line.decode())
        seen = psutil.Process(process.pid)
        times = seen.cpu_times()
        return Use(times.user + times.system, seen.memory_info().rss)


@asynccontextmanager
async def _start(*args: str, env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start Python in an empty folder, and kill it at the end."""
    usual = {**os.environ, "PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *args),
            cwd=folder,
            env={**usual, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
