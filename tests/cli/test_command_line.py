"""The command line as a newcomer meets it, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_try import SEATS, configure, tell
from tests.servers.model_server import ModelServer, Reply, answer, chunk, sse
from tests.support.paths import ROOT


def moot(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bot.__main__ import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(*[m for m in ('litellm', 'pydantic', 'sqlalchemy', 'aiohttp', 'tiktoken', 'discord',"
        " 'slack_bolt', 'mcp', 'pypdf', 'pypdfium2', 'charset_normalizer', 'puremagic')"
        " if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_help_names_every_command(tmp_path: Path) -> None:
    told = moot("--help", cwd=tmp_path)
    assert told.returncode == 0
    for command in ("try", "models", "runs", "show", "run"):
        assert command in told.stdout


def test_run_without_a_platform_says_which_settings_make_one(tmp_path: Path) -> None:
    told = moot("run", cwd=tmp_path)
    assert told.returncode == 2
    assert "discord.token" in told.stderr
    assert "slack.bot_token" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_wrong_file_ends_with_2_and_tells_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text("a = 1\nb = 2\n")
    told = moot("models", cwd=tmp_path)
    assert told.returncode == 2
    assert told.stderr.splitlines() == [
        "moot.toml: a: there is no such setting.",
        "moot.toml: b: there is no such setting.",
    ]


def test_models_tells_keys_prices_and_windows(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text(
        '[models.claude]\nlitellm = "anthropic/claude-sonnet-4-5"\n'
        "input_usd_per_mtok = 1.5\noutput_usd_per_mtok = 2.5\n"
        '[models.odd]\nlitellm = "openai/nobody-knows-it"\napi_key = "k"\n'
    )
    told = moot("models", cwd=tmp_path, COLUMNS="160", ANTHROPIC_API_KEY="")
    assert told.returncode == 0
    for part in ("missing: set ANTHROPIC_API_KEY", "1.5 / 2.5 (settings)", "(litellm)", "set here", "unknown"):
        assert part in told.stdout


def test_runs_before_the_first_run(tmp_path: Path) -> None:
    told = moot("runs", cwd=tmp_path)
    assert told.returncode == 0
    assert "no runs yet" in told.stdout


def test_an_unknown_panel_names_the_near_ones(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text('[models.a]\nlitellm="x/y"\n[panels.fast]\nseats=["a", "a"]\n')
    told = moot("try", "?", "--panel", "fats", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (1, "There is no panel “fats”. Did you mean fast?\n")


@pytest.mark.parametrize("path", ["/nowhere/events.jsonl", "/"])
def test_an_events_file_that_cannot_be_written_is_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "moot.toml").write_text('[models.a]\nlitellm="x/y"\napi_key="k"\n[panels.p]\nseats=["a", "a"]\n')
    told = moot("try", "?", "--events", path, cwd=tmp_path)
    assert told.returncode == 2
    assert f"--events {path}: cannot be written" in told.stderr


async def test_keys_in_a_real_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with ModelServer() as server:
        configure(server)
        tell(server, "ada", Reply(sse(chunk("ada talks on")), then="hang"))
        tell(server, "bob", Reply(sse(chunk("bob talks on")), then="hang"))
        tell(server, "cyd", answer("cyd is done"))
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "try", "Why?", "--format", "compare"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "LINES": "40", "TERM": "xterm"},
        )
        os.close(theirs)
        seen = b""

        async def until(*texts: str) -> None:
            nonlocal seen
            async with asyncio.timeout(60):
                while not all(text.encode() in seen for text in texts):
                    seen += await asyncio.to_thread(os.read, ours, 65536)

        await until("ada talks on", "bob talks on", "cyd is done", "1–3 skip")
        os.write(ours, b"9\n")
        await until("The seats here are 1 to 3.")
        os.write(ours, b"v3\n")
        os.write(ours, b"1\n")
        await until("skipped")
        os.write(ours, b"s")
        try:
            await until("Votes: Cyd 1.", "stopped")
            while await asyncio.to_thread(os.read, ours, 65536):
                pass
        except OSError:  # the terminal is gone with the process
            pass
        assert await process.wait() == 0
        os.close(ours)
    assert sum(seen.path.endswith("completions") for seen in server.log) == len(SEATS)
