"""`moot` for pages that are followed word for word: a process that has imported everything, and forks for each command.

Importing litellm and the platforms takes seconds, once a command. `put_on_path` writes a `moot` that has its arguments,
folder, environment and files taken over by a fork, and ends as that does.
"""

from __future__ import annotations

import array
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tests.support.paths import ROOT

# what commands would import, each for itself
_LOADED = (
    "litellm",
    "adapters.discord.doctor",
    "adapters.slack.doctor",
    "adapters.terminal.options",
    *(f"bot.cli.{command}" for command in ("doctor", "init", "install", "replay", "serve", "show", "try_run")),
)
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
    sys.exit(int(answers.readline()))
"""


@contextmanager
def fork_commands(folder: Path) -> Iterator[Path]:
    """Yield the program `moot`, written into a folder, while the process that serves it lives."""
    address, program = str(folder / "socket"), folder / "moot"
    program.write_text(_CLIENT.format(python=sys.executable, address=address))
    program.chmod(0o755)
    serving = [sys.executable, "-m", "tests.support.forked_moot", address]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with subprocess.Popen(serving, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield program
        finally:
            process.kill()


def _serve(address: str) -> NoReturn:
    for module in _LOADED:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(address)
        here.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
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
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["moot", *arguments]
    from bot.__main__ import main

    try:
        main()
    except SystemExit as error:
        sys.stdout.flush()
        os._exit(int(error.code or 0))
    os._exit(1)


if __name__ == "__main__":
    _serve(sys.argv[1])
