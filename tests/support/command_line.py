"""The command line in a process of its own: in a pipe, or in a terminal with a keyboard."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.cli.first_settings import KNOWN, ROUTED, key_variables
from tests.support.forked_moot import find_moot
from tests.support.paths import ROOT

NO_KEYS = {name: "" for choice in (*KNOWN, *ROUTED) for name in key_variables(choice)} | {
    f"{choice.provider.upper()}_API_BASE": "http://127.0.0.1:9" for choice in (*KNOWN, *ROUTED)
}
"""An environment in which no key of the known providers is set, and whoever sets one reaches nobody."""


def run_moot(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a keyboard: in a new Python where `env` has what only that would read."""
    program = [sys.executable, "-m", "bot"] if "PYTHONIOENCODING" in env or "LC_ALL" in env else [find_moot()]
    return subprocess.run(
        [*program, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


class Terminal:
    """A command that runs in a pseudo-terminal."""

    def __init__(self, process: Process, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._output = b""

    def type(self, text: str) -> None:
        """Type the text on the keyboard."""
        os.write(self._descriptor, text.encode())

    async def type_unseen(self, text: str) -> None:
        """Type the text once nothing that is typed is shown; what is typed before is thrown away."""
        async with asyncio.timeout(60):
            while termios.tcgetattr(self._descriptor)[3] & termios.ECHO:
                await asyncio.sleep(0.01)
        self.type(text)

    async def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C until the text is printed: one just before Python waits for a line is heard at the next."""
        printed = asyncio.create_task(self.wait_for(text))
        while not printed.done():
            self._process.send_signal(signal.SIGINT)
            await asyncio.wait([printed], timeout=10)
        await printed

    @property
    def output(self) -> str:
        """Return what has been read so far."""
        return self._output.decode(errors="replace")

    def has_printed(self, text: str) -> bool:
        """Return whether the text is among what has been waited for."""
        return text in self.output

    async def wait_for(self, *texts: str) -> None:
        """Wait until each of the texts has been printed. Raises OSError where the process ends before."""
        async with asyncio.timeout(60):
            while not all(text.encode() in self._output for text in texts):
                self._output += await asyncio.to_thread(os.read, self._descriptor, 65536)

    async def wait_for_end(self) -> int:
        """Read the output to its end, and return the exit status of the process."""
        try:
            while read := await asyncio.to_thread(os.read, self._descriptor, 65536):
                self._output += read
        except OSError:  # the terminal is gone with the process
            pass
        return await self._process.wait()


@asynccontextmanager
async def open_terminal(*args: str, columns: int, **env: str) -> AsyncIterator[Terminal]:
    """Run a command of moot in a terminal of 40 lines."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *args),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # or a password would be read from the terminal of whoever runs the tests
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm", **env},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
