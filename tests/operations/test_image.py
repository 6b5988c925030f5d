"""The image: how large the packages are that its build leaves, that the bot runs on them, and its health check."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.discord_bot import StartMoot
from tests.support.homes import Home
from tests.support.operators_port import find_free_port
from tests.support.packages import copy_installed, find_installed, read_locked
from tests.support.paths import ROOT
from tests.support.processes import open_town

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
IMAGE_BYTES = 400e6
BASE_BYTES = 125e6  # python:3.13-slim-trixie, unpacked


def build_packages(folder: Path) -> Path:
    """Follow the steps of the Dockerfile that make `/opt/moot` in a folder, and return what stands for it.

    The packages come from the environment of the tests, and strip from this machine.
    """
    opt = folder / "moot"
    commands = re.findall(r"^RUN (.+?[^\\])$", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M), re.M | re.S)
    make, _, prune, install = (c.replace("/opt/moot", str(opt)).replace("/wheel", str(folder)) for c in commands[:4])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def follow(command: str) -> None:
        ended = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    follow(make.split("&&")[0])
    [packages] = (opt / "lib").glob("python3.*/site-packages")
    copy_installed(find_installed(read_locked("requirements.lock")).values(), packages)
    follow(prune)
    follow(install)
    return opt


@pytest.mark.timeout(300)
async def test_the_bot_answers_from_an_image_of_less_than_400_mb(tmp_path: Path) -> None:
    if not shutil.which("strip"):
        pytest.skip("this machine has no strip (Debian's package binutils)")
    opt = await asyncio.to_thread(build_packages, tmp_path)
    size = sum(file.lstat().st_size for file in opt.rglob("*") if file.is_file())
    assert BASE_BYTES + size < IMAGE_BYTES
    async with open_town(tmp_path) as town:
        settings = {f"MOOT_{key}".upper(): json.dumps(table) for key, table in town.make_tables().items()}
        async with Home(tmp_path, settings).running(f"{opt}/bin/moot run", "· ready"):
            await town.ask()
            await town.wait_for_texts("Claude speaks.", "GPT speaks.")


async def test_it_is_healthy_while_the_bot_runs_and_not_without(start_moot: StartMoot, tmp_path: Path) -> None:
    [check] = re.findall(r"^HEALTHCHECK .*\\\n CMD (.+)$", DOCKERFILE, re.M)
    [variable] = re.findall(r"\b(MOOT_METRICS__PORT)=\d+", DOCKERFILE)
    port = find_free_port()

    async def is_healthy() -> bool:
        called = check.replace("python -c", f"{sys.executable} -c")
        environment = {**os.environ, variable: str(port), "HTTP_PROXY": "http://127.0.0.1:9"}
        process = await asyncio.create_subprocess_shell(called, env=environment, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    assert not await is_healthy()
    await start_moot(metrics={"port": port}, storage={"path": str(tmp_path / "moot.db")})
    assert await is_healthy()
