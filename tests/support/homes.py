"""An empty home in which somebody follows a page of the docs, word for word."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import textwrap
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.command_line import NO_KEYS
from tests.support.paths import ROOT


class Block(NamedTuple):
    """A block of a page: what kind it is, its title, and what it holds."""

    kind: str
    title: str
    text: str


def read_sections(page: str) -> dict[str, list[Block]]:
    """Return the blocks of a page, whose path is one from the root, by the titles of its sections."""
    text = (ROOT / page).read_text("utf-8")
    return {
        title: [
            Block(kind, name, textwrap.dedent(body))
            for kind, name, body in re.findall(
                r'^ *```(\w+)(?: title="([^"]+)")?\n(.*?)^ *```$', section, re.MULTILINE | re.DOTALL
            )
        ]
        for title, section in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    }


class Home:
    """A home where programs are in `.local/bin`. `env` is its environment, in which no key is set but those given."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.path = path
        programs = os.pathsep.join((str(path / ".local" / "bin"), *os.environ["PATH"].split(os.pathsep)))
        self.env = {**os.environ, **NO_KEYS, **env, "HOME": str(path), "PATH": programs}

    async def follow(self, commands: str, *, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        """Run commands one after the other until one fails, in a folder of the home."""
        return await asyncio.to_thread(
            subprocess.run,
            ["sh", "-e", "-c", commands],
            cwd=self.path / cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
        )

    async def succeed(self, commands: str, *, cwd: str = ".") -> str:
        """Run commands of which none fails, and return what they printed."""
        ended = await self.follow(commands, cwd=cwd)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @asynccontextmanager
    async def running(self, command: str, until: str) -> AsyncIterator[None]:
        """Have a command run once it has printed a line that ends so; it is terminated at the end.

        What it prints is printed on, so that a test that fails shows it.
        """
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f"exec {command}"), cwd=self.path, env=self.env, stdout=PIPE, stderr=STDOUT
        )
        assert process.stdout is not None
        ready = asyncio.Event()
        showing = asyncio.create_task(_show(process.stdout, f"{until}\n", ready))
        try:
            await ready.wait()
            assert not showing.done(), "it has ended"
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.gather(process.wait(), showing)


async def _show(lines: asyncio.StreamReader, until: str, seen: asyncio.Event) -> None:
    """Print lines, and tell when the first came that ends so, or the last of all."""
    async for line in lines:
        sys.stdout.write(line.decode())
        if line.decode().endswith(until):
            seen.set()
    seen.set()
