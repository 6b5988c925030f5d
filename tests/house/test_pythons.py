"""Every Python that the locks serve: `make` finds one, and Moot runs on each that this machine has."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.servers.model_server import ModelServer, answer
from tests.support.packages import copy_installed, find_installed, read_locked
from tests.support.paths import ROOT

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
SH, MAKE = shutil.which("sh") or "sh", shutil.which("make") or "make"

# The migrations are scripts that alembic runs, and a worker is a program: `moot try` and a PDF run them. What few runs
# need is imported by those alone.
PROGRAMS = ("storage.migrations.", "adapters.common.pdf_worker")
# modules that need an extra of pyproject
EXTRAS = (
    "bot.ratings.picture",
    "bot.ratings.leaderboard",
    "bot.ratings.length_free",
    "bot.ratings.ratings",
    "bot.ratings.sensitivity",
    "bot.records.card_picture",
    "bot.operations.otlp",
    "bot.operations.spans",
)
IMPORT_EVERYTHING = f"""
import importlib, pkgutil, sys
for root in ("bot", "adapters", "commands", "storage"):
    for module in pkgutil.walk_packages(importlib.import_module(root).__path__, root + "."):
        if not module.name.startswith({(*PROGRAMS, *EXTRAS)}):
            importlib.import_module(module.name)
import litellm
print("early:", *[name for name in ("mcp", "pypdf", "pypdfium2") if name in sys.modules])
"""


async def run(*command: str | Path, cwd: Path, **env: str) -> tuple[int, str]:
    """Run a command on the checkout's code within two minutes; return its status and what it printed."""
    settings = {"PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True", **env}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), 120)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()


def serves_every_python(package: Distribution) -> bool:
    """Return whether a package is the same on every Python, so that what is installed here need not come again."""
    tags = re.findall(r"^Tag: (\w+-\w+)-", package.read_text("WHEEL") or "", re.M)
    return all(re.fullmatch(r"py\d-none|cp\d+-abi3", tag) for tag in tags)


def find_python(*candidates: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [SH, ROOT / "find-python.sh", *candidates]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)


def write_python(path: Path, status: int) -> Path:
    """Write a program that notes its arguments and ends with this status, as a Python that serves (0) or does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!{SH}\necho "$*" >>"$0.calls"\nexit {status}\n')
    path.chmod(0o755)
    return path


def test_names_that_do_not_run_or_are_too_old_are_passed_over(tmp_path: Path) -> None:
    write_python(tmp_path / "python3.11", 127)  # as pyenv's name of a version that is switched off
    write_python(tmp_path / "python3.12", 1)
    write_python(tmp_path / "python3.13", 0)
    assert find_python(PATH=str(tmp_path)).stdout == "python3.13\n"


def test_a_version_that_pyenv_has_switched_off_is_found(tmp_path: Path) -> None:
    write_python(tmp_path / "bin" / "python3", 1)
    python = write_python(tmp_path / "versions" / "3.12.1" / "bin" / "python3", 0)
    assert find_python(PATH=str(tmp_path / "bin"), PYENV_ROOT=str(tmp_path)).stdout == f"{python}\n"


def test_the_running_python_serves() -> None:
    assert find_python(sys.executable).stdout == f"{sys.executable}\n"


def test_where_none_serves_one_line_says_which_to_install(tmp_path: Path) -> None:
    found = find_python(PATH=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert (found.returncode, found.stdout) == (1, "")
    [line] = found.stderr.splitlines()
    assert "install Python 3.13" in line


def test_make_takes_the_python_that_is_given_and_no_other(tmp_path: Path) -> None:
    for name in ("Makefile", "find-python.sh"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(SH)
    other, given = write_python(tmp_path / "bin" / "python3.11", 0), write_python(tmp_path / "mine", 0)
    for python in (given, tmp_path / "missing"):
        command = [MAKE, "--no-print-directory", ".venv/bin/python", f"PYTHON={python}"]
        made = subprocess.run(
            command, cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True
        )
        assert (made.returncode == 0) is (python is given), made.stderr
    assert str(tmp_path / "missing") in made.stderr
    assert given.with_suffix(".calls").read_text().splitlines()[-1] == "-m venv .venv"
    assert not other.with_suffix(".11.calls").exists()


async def test_a_start_imports_nothing_that_few_runs_need(tmp_path: Path) -> None:
    assert await run(sys.executable, "-c", IMPORT_EVERYTHING, cwd=tmp_path) == (0, "early:\n")


@pytest.fixture(params=VERSIONS)
async def other_python(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a Python of this version, other than the running one, with all that the demo needs."""
    version: str = request.param
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip(f"Python {version} runs all tests already")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = find_python(f"python{version}", *pyenv.glob(f"versions/{version}.*/bin/python3"))
    if found.returncode:
        pytest.skip(f"this machine has no Python {version}")
    python, lock = tmp_path / "venv" / "bin" / "python", tmp_path / "requirements.lock"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1")
    uv = shutil.which("uv")
    install = (
        (uv, "pip", "install", "--python", python) if uv else (*pip, "--python", python, "install", "--no-compile")
    )
    steps = (
        (found.stdout.strip(), "-m", "venv", "--without-pip", tmp_path / "venv"),
        (*install, "--no-deps", "--require-hashes", "-r", lock),
    )
    locked = read_locked("requirements-demo.lock")
    shared = {name: package for name, package in find_installed(locked).items() if serves_every_python(package)}
    lock.write_text("".join(entry for name, entry in locked.items() if name not in shared), "utf-8")
    for step in steps:
        status, printed = await run(*step, cwd=tmp_path)
        if status and (await run(*pip, "download", "--no-deps", "filelock", cwd=tmp_path))[0]:
            pytest.skip("no package index answers here")
        assert status == 0, printed
    [packages] = (tmp_path / "venv" / "lib").glob("python3.*/site-packages")
    await asyncio.to_thread(copy_installed, shared.values(), packages)
    return python


async def test_moot_runs_on_every_other_python_of_this_machine(other_python: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "run"
    cwd.mkdir()
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path / "byte code")}  # compiled once
    assert await run(other_python, "-c", IMPORT_EVERYTHING, cwd=cwd, **kept) == (0, "early:\n")

    status, printed = await run(other_python, "-m", "bot", "--help", cwd=cwd, **kept)
    assert status == 0, printed
    assert "try" in printed

    async with ModelServer() as server:
        for seat in ("ada", "bob"):
            server.tell(answer(f"{seat} ", "speaks."), path=f"/{seat}/chat/completions")
        models = "".join(
            f'[models.{seat}]\nlitellm = "hosted_vllm/{seat}"\napi_base = "{server.url}/{seat}"\n'
            for seat in ("ada", "bob")
        )
        (cwd / "moot.toml").write_text(f'{models}[panels.default]\nseats = ["ada", "bob"]\n')
        words = ("try", "Tea or coffee?", "--format", "compare")
        status, printed = await run(other_python, "-m", "bot", *words, cwd=cwd, **kept)
    assert status == 0, printed
    assert "ada speaks." in printed
    assert "bob speaks." in printed
