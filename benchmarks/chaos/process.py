"""The bot: `moot run` as a process of its own, with a real moot.toml and a real SQLite file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import psutil

from tests.support.paths import ROOT

STARTS_WITHIN_S, STOPS_WITHIN_S = 120.0, 60.0


class Process(Protocol):
    """What is used here of a process of subprocess."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int, /) -> None: ...


def start_python(words: Sequence[str], cwd: Path, env: Mapping[str, str], output: int) -> Process:
    """Start `moot` with these words in a new Python, with what it prints in the file `output`."""
    return subprocess.Popen([sys.executable, "-m", "bot", *words], cwd=cwd, env=env, stdout=output, stderr=output)


class Bot:
    """The bot as a process; `connections()` counts its introductions to each platform, all of which grow at a start.

    `options` and `env` are those of `moot run`, and `name` is its log's, where it is one of several. `begin` starts it.
    """

    begin = staticmethod(start_python)

    def __init__(
        self,
        folder: Path,
        connections: Callable[[], tuple[int, ...]],
        *,
        name: str = "bot",
        options: Sequence[str] = (),
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.store = folder / "moot.db"
        self.kills: list[float] = []  # wall times
        self.ready_after_s: list[float] = []
        self._log = folder / f"{name}.log"
        self._folder = folder
        self._options = options
        self._env = env
        self._connections = connections
        self._process: Process | None = None

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Begin to start it, without waiting."""
        self._before = self._connections()
        self._spawned_at = time.monotonic()
        with self._log.open("ab") as log:
            env = {**os.environ, "PYTHONPATH": str(ROOT), **self._env}
            self._process = self.begin(["run", *self._options], self._folder, env, log.fileno())

    async def wait_until_ready(self) -> None:
        """Wait until every platform has heard from it. Raises RuntimeError when it ends instead."""
        async with asyncio.timeout(STARTS_WITHIN_S):
            while any(now <= then for now, then in zip(self._connections(), self._before, strict=True)):
                if not self.is_alive:
                    raise RuntimeError(f"the bot has ended by itself:\n{self.log[-2000:]}")
                await asyncio.sleep(0.01)
        self.ready_after_s.append(time.monotonic() - self._spawned_at)

    def kill(self) -> bool:
        """Send SIGKILL now; return whether it was alive."""
        if not self.is_alive:
            return False
        self.send(signal.SIGKILL)
        self.kills.append(time.time())
        return True

    async def wait_until_gone(self) -> None:
        """Wait until the process is gone."""
        while self.is_alive:
            await asyncio.sleep(0.002)

    async def stop(self) -> int:
        """Send SIGTERM; return its exit status. Raises TimeoutError where it stays."""
        self.send(signal.SIGTERM)
        return await self.wait_for_end()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None  # it was started
        self._process.send_signal(number)

    async def wait_for_end(self) -> int:
        """Return the exit status of a process that ends. Raises TimeoutError where it stays."""
        assert self._process is not None  # it was started
        async with asyncio.timeout(STOPS_WITHIN_S):
            await self.wait_until_gone()
        status = self._process.poll()
        assert isinstance(status, int)
        return status

    @property
    def pid(self) -> int:
        assert self._process is not None  # it was started
        return self._process.pid

    def rss_mb(self) -> float:
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20

    def end(self) -> None:
        """Kill it, in whatever state it is, and wait for it."""
        if self._process is not None:
            self.send(signal.SIGKILL)
            while self.is_alive:
                time.sleep(0.002)


def format_toml(settings: Mapping[str, Any]) -> str:
    """Return nested tables as TOML; it knows the few shapes that settings have."""
    lines: list[str] = []
    _add_table(lines, (), settings)
    return "\n".join(lines) + "\n"


def _add_table(lines: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    if path:
        lines.append(f"[{'.'.join(path)}]")
    lines += [f"{key} = {_format_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            _add_table(lines, (*path, key), value)


def _format_value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(map(_format_value, value))}]"
        case _:
            return str(value)
