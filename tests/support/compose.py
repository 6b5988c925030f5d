"""The services of deploy/compose.yaml as processes of this machine, where there is no Docker."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked_moot import find_moot
from tests.support.paths import ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"


def read_compose() -> dict[str, Any]:
    """Return the file as Compose reads it, with its variables at what they are by default."""
    text = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", COMPOSE.read_text("utf-8"))
    assert "${" not in text
    return dict(pytest.importorskip("yaml").safe_load(text))


def list_services(profile: str) -> dict[str, dict[str, Any]]:
    """Return the services that a profile starts."""
    return {name: s for name, s in read_compose()["services"].items() if profile in s["profiles"]}


class ComposedServices:
    """Services that run as processes in a folder. `moved`: what of their commands and environment is elsewhere here."""

    def __init__(self, folder: Path, moved: Mapping[str, str]) -> None:
        self._folder = folder
        self._moved = moved
        self.processes: dict[str, Process] = {}

    async def start(self, name: str, service: Mapping[str, Any], **more: str) -> Process:
        """Start a service by its command, in its environment. `more`: variables of the image."""
        programs = [Path(program).parent for program in (await asyncio.to_thread(find_moot), sys.executable)]
        path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
        environment = {"PATH": path, "PYTHONPATH": f"{ROOT}", **more}
        given = {key: self._move(value) for key, value in service.get("environment", {}).items()}
        (self._folder / name).mkdir()
        process = await asyncio.create_subprocess_exec(
            *(self._move(word) for word in service["command"]),
            cwd=self._folder / name,
            env=environment | given,
            stdout=PIPE,
        )
        self.processes[name] = process
        return process

    def _move(self, text: str) -> str:
        for here, there in self._moved.items():
            text = text.replace(here, there)
        return text


@asynccontextmanager
async def open_services(folder: Path, moved: Mapping[str, str]) -> AsyncIterator[ComposedServices]:
    """Start services in a folder, and end at the end what still runs."""
    services = ComposedServices(folder, moved)
    try:
        yield services
    finally:
        for process in reversed(services.processes.values()):
            if process.returncode is None:
                process.terminate()
            await process.communicate()
