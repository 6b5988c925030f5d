"""`moot` without the seconds that importing litellm and the platforms takes: one process imports all, and forks.

A fork takes over the arguments, folder, environment and files of whoever asks for it, and ends as that command does.
`find_moot` returns a program for shells; `fork_moot` returns a process to watch and to kill.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tests.support.paths import ROOT

# what commands would import, each for itself; behind litellm what it and its clients import with the first call, and
# what a store needs that is new or is on PostgreSQL
_LOADED = (
    "litellm",
    "litellm.llms.hosted_vllm.chat.transformation",
    "litellm.proxy.openai_files_endpoints.common_utils",
    "httpcore",
    "anyio._backends._asyncio",
    "alembic.command",
    "psycopg_pool",
    "procrastinate",
    "adapters.discord.doctor",
    "adapters.slack.doctor",
    "adapters.terminal.options",
    *(f"bot.cli.{command}" for command in ("doctor", "init", "install", "replay", "serve", "show", "try_run")),
)
_OURS = {"adapters", "bot", "commands", "storage"}
_PLANTED = "sitecustomize.py"  # what Python runs before anything else, where a folder of PYTHONPATH has it
_CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    files = array.array("i", [0, 1, 2])
    there.sendmsg([len(call).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    there.sendall(call)
    answers = there.makefile("r")
    pid = int(answers.readline())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: os.kill(pid, number))
    status = int(answers.readline())
    sys.exit(status if status >= 0 else 128 - status)  # as shells say that a signal ended it
"""


class _Forks:
    """The process that forks, for as long as this one lives; `program` is `moot` for shells."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.address, self.program = (str(Path(self._folder.name) / name) for name in ("socket", "moot"))
        Path(self.program).write_text(_CLIENT.format(python=sys.executable, address=self.address))
        Path(self.program).chmod(0o755)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_moot", self.address],
            cwd=ROOT,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            stdin=subprocess.PIPE,  # whose end tells it that nobody asks any more
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"


_make_forks = cache(_Forks)
_making = threading.Lock()  # `cache` lets several threads that ask at first each make one


def _find_forks() -> _Forks:
    with _making:
        return _make_forks()


def find_moot() -> str:
    """Return the path of a program `moot`."""
    return _find_forks().program


class Fork:
    """A `moot` that runs, used like a process of asyncio."""

    def __init__(self, there: socket.socket) -> None:
        self._answers = there.makefile("rb", buffering=0)
        there.close()  # once that file is closed
        self._status: int | None = None
        self.pid = int(self._answers.readline())

    @property
    def returncode(self) -> int | None:
        """Return the status with which it has ended, negative for a signal; None while it runs."""
        if self._status is None and select.select([self._answers], [], [], 0)[0]:
            self._status = int(self._answers.readline())
            self._answers.close()
        return self._status

    def poll(self) -> int | None:
        """Return the status, as `returncode` is."""
        return self.returncode

    async def wait(self) -> int:
        """Wait until it has ended, and return its status."""
        while (status := self.returncode) is None:
            await asyncio.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still runs."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def fork_moot(words: Sequence[str], cwd: Path, env: Mapping[str, str], output: int | None = None) -> Fork:
    """Start `moot` with these words; `output`: the file that takes what it prints, where it is not that of the tests.

    What is planted in a folder of PYTHONPATH as sitecustomize.py runs first, before any module of ours is imported.
    """
    there = socket.socket(socket.AF_UNIX)
    there.connect(_find_forks().address)
    call = json.dumps([list(words), str(cwd), dict(env)]).encode()
    files = [0, *((1, 2) if output is None else (output, output))]
    socket.send_fds(there, [len(call).to_bytes(8, "big")], files)
    there.sendall(call)
    return Fork(there)


def _serve(address: str) -> NoReturn:
    for module in _LOADED:
        importlib.import_module(module)
    importlib.import_module("bot.models.tokens").load_table("o200k_base")  # what all count by
    gc.freeze()  # so that no fork looks through it for garbage, or copies it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(address)
        here.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            if sys.stdin in select.select([here, sys.stdin], [], [])[0]:
                os._exit(0)
            there, _ = here.accept()
            if not os.fork():
                here.close()
                _answer(there)
            there.close()


def _answer(there: socket.socket) -> NoReturn:
    """Run one command in a fork, tell its pid and its status, and end it where nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    files = array.array("i")
    size, told, *_ = there.recvmsg(8, socket.CMSG_SPACE(3 * files.itemsize))
    files.frombytes(told[0][2])
    call = json.loads(there.makefile("rb").read(int.from_bytes(size, "big")))
    ended, ends = os.pipe()
    if not (pid := os.fork()):
        there.close()
        _become_moot(files, *call)
    os.close(ends)
    for descriptor in (*files, 1, 2):
        os.close(descriptor)  # whoever reads what the command prints waits for their end
    there.sendall(f"{pid}\n".encode())
    select.select([ended, there.fileno()], [], [])
    with contextlib.suppress(ProcessLookupError):
        if not select.select([ended], [], [], 0)[0]:
            os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):
        there.sendall(f"{status}\n".encode())
    os._exit(0)


def _become_moot(files: Any, arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    for descriptor, given in enumerate(files):
        os.dup2(given, descriptor)
        os.close(given)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.modules["__main__"].__package__ = "bot"  # by these two it knows how it was called, as by `python -m bot`
    sys.argv = [str(ROOT / "bot" / "__main__.py"), *arguments]
    _run_planted(environment.get("PYTHONPATH", "").split(os.pathsep))
    from bot.__main__ import main

    main()
    sys.exit()


def _run_planted(folders: Sequence[str]) -> None:
    """Run what is planted in one of these folders, if anything; what it imports of ours is imported anew."""
    planted = [file for folder in folders if folder and (file := Path(folder) / _PLANTED).is_file()]
    if planted:
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
    for file in planted:
        runpy.run_path(str(file))


if __name__ == "__main__":
    _serve(sys.argv[1])
