"""Commands where a newcomer may be: another's files, a locale without letters, a disk that fills, half a configuration.

Other such places: `tests/operations/test_metrics.py` (a port in use, no IPv4), `test_output.py` (encodings),
`test_demo.py` (a pipe, 40 columns), `tests/platforms/test_proxies.py`, `test_doctor.py` (the clock, the disk) and
`tests/platforms/test_failed_starts.py` (no network).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.exit import FAILED, NOT_SHOWN, OK, UNUSABLE
from bot.cli.replay import DEMO
from tests.support.command_line import open_terminal, run_moot
from tests.support.paths import ROOT
from tests.support.pictures.scripts import SYNTHESIS

RIGHTS = "-dac_override,-dac_read_search"  # those by which root reads and writes everything
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run_with_rights(*args: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command for which the rights of files hold, whoever runs the tests."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        pytest.skip("root may read and write everything here: setpriv is missing")
    prefix = [setpriv, f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}"] if setpriv and os.geteuid() == 0 else []
    command = [*prefix, sys.executable, "-m", "bot", *args]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def test_in_the_locale_c_the_demo_is_printed_whole(tmp_path: Path) -> None:
    ended = run_moot("demo", "--speed", "1000", cwd=tmp_path, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (ended.returncode, ended.stderr) == (OK, "")
    assert SYNTHESIS.split("\n")[0] in ended.stdout


def test_a_disk_that_fills_while_the_demo_is_printed_is_told(tmp_path: Path) -> None:
    limited = ["sh", "-c", f"ulimit -f 1; {sys.executable} -m bot demo --speed 1000 >out"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(limited, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (NOT_SHOWN, "The output cannot be written: File too large.\n")


async def test_without_colour_a_terminal_gets_none() -> None:
    async with open_terminal("demo", "--speed", "1000", columns=40, NO_COLOR="1") as terminal:
        await terminal.wait_for("Scripted", "Chair")
        assert await terminal.wait_for_end() == OK
        codes = {code for found in COLOUR.findall(terminal.output) for code in re.findall(r"\d+", found)}
    assert all(int(code) < 30 for code in codes), codes


def test_half_a_configuration_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text('[models.ada]\nlitellm = "hosted')
    ended = run_moot("run", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (UNUSABLE, "")
    assert ended.stderr == "moot.toml is not valid TOML: Unterminated string (at end of document).\n"


def test_files_of_somebody_else_are_named_with_what_to_do(tmp_path: Path) -> None:
    store = tmp_path / "moot.db"
    store.touch(0o000)
    ended = run_with_rights("runs", cwd=tmp_path)
    told = "The store moot.db may not be read: change the file's rights, or name another file.\n"
    assert (ended.returncode, ended.stderr) == (UNUSABLE, told)


def test_a_home_that_cannot_be_written_is_told_without_numbers_of_errors(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        ended = run_with_rights("try", "Tabs?", cwd=tmp_path)
    finally:
        tmp_path.chmod(0o755)
    told = (
        "The store moot.db cannot be made: Permission denied. Name a file in a directory that is writable and has room."
    )
    assert (ended.returncode, ended.stderr) == (UNUSABLE, f"{told}\n")


@pytest.mark.parametrize(
    "command", ["runs", "show r", "db check", "import run.json", "reload", "doctor --no-spend", "run"]
)
def test_a_directory_that_nobody_may_enter_is_told_as_the_place_of_the_store(command: str, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(0o000)
    shutil.copy(DEMO, tmp_path / "run.json")
    (tmp_path / "moot.toml").write_text('[storage]\npath = "locked/moot.db"\n[discord]\ntoken = "t"\n')
    ended = run_with_rights(*command.split(), cwd=tmp_path, COLUMNS="200")
    assert ended.returncode == (FAILED if "doctor" in command else UNUSABLE)
    assert "The store locked/moot.db cannot be looked for: Permission denied." in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("replay locked/events.jsonl", "locked/events.jsonl cannot be used: Permission denied."),
        ("db backup locked/copy.db", "The store locked/copy.db.part failed (unable to open database file): "),
    ],
)
def test_a_file_that_cannot_be_reached_is_named(command: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(0o000)
    assert run_moot("import", str(DEMO), cwd=tmp_path).returncode == OK
    ended = run_with_rights(*command.split(), cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (FAILED, 1)
    assert ended.stderr.startswith(told)


def test_a_folder_of_prompts_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(0o000)
    (tmp_path / "moot.toml").write_text('prompts = "locked"\n')
    ended = run_with_rights("doctor", "--no-spend", cwd=tmp_path, COLUMNS="200")
    assert "the folder locked cannot be read: Permission denied." in ended.stdout
