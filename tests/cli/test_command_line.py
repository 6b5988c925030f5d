"""The command line as a newcomer meets it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers.model_server import ModelServer, Reply, answer, chunk, sse
from tests.support.command_line import open_terminal, run_moot
from tests.support.model_panel import SEATS, tell_seat, write_settings
from tests.support.paths import ROOT


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bot.__main__ import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(*[m for m in ('litellm', 'pydantic', 'sqlalchemy', 'aiohttp', 'tiktoken', 'discord',"
        " 'slack_bolt', 'mcp', 'pypdf', 'pypdfium2', 'charset_normalizer', 'puremagic')"
        " if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_help_names_every_command(tmp_path: Path) -> None:
    ended = run_moot("--help", cwd=tmp_path)
    assert ended.returncode == 0
    for command in ("try", "models", "runs", "show", "run", "reload", "top"):
        assert command in ended.stdout


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    ended = run_moot("--version", cwd=tmp_path)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"moot {known}\n", "")


def test_run_without_a_platform_says_which_settings_make_one(tmp_path: Path) -> None:
    ended = run_moot("run", cwd=tmp_path)
    assert ended.returncode == 2
    assert "discord.token" in ended.stderr
    assert "slack.bot_token" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_wrong_file_ends_with_2_and_names_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text("a = 1\nb = 2\n")
    ended = run_moot("models", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "moot.toml: a: there is no such setting.",
        "moot.toml: b: there is no such setting.",
    ]


def test_models_prints_keys_prices_and_windows(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text(
        '[models.claude]\nlitellm = "anthropic/claude-sonnet-4-5"\n'
        "input_usd_per_mtok = 1.5\noutput_usd_per_mtok = 2.5\n"
        '[models.odd]\nlitellm = "openai/nobody-knows-it"\napi_key = "k"\n'
    )
    ended = run_moot("models", cwd=tmp_path, COLUMNS="160", ANTHROPIC_API_KEY="")
    assert ended.returncode == 0
    for part in ("missing: set ANTHROPIC_API_KEY", "1.5 / 2.5 (settings)", "(litellm)", "set here", "unknown"):
        assert part in ended.stdout


def test_runs_before_the_first_run(tmp_path: Path) -> None:
    ended = run_moot("runs", cwd=tmp_path)
    assert ended.returncode == 0
    assert "no runs yet" in ended.stdout


def test_an_unknown_panel_names_the_near_ones(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text('[models.a]\nlitellm="x/y"\n[panels.fast]\nseats=["a", "a"]\n')
    ended = run_moot("try", "?", "--panel", "fats", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "There is no panel “fats”. Did you mean fast?\n")


@pytest.mark.parametrize("path", ["/nowhere/events.jsonl", "/"])
def test_an_events_file_that_cannot_be_written_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "moot.toml").write_text('[models.a]\nlitellm="x/y"\napi_key="k"\n[panels.p]\nseats=["a", "a"]\n')
    ended = run_moot("try", "?", "--events", path, cwd=tmp_path)
    assert ended.returncode == 2
    assert f"--events {path}: cannot be written" in ended.stderr


@pytest.mark.usefixtures("folder")
async def test_keys_in_a_real_terminal() -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_seat(server, "ada", Reply(sse(chunk("ada talks on")), then="hang"))
        tell_seat(server, "bob", Reply(sse(chunk("bob talks on")), then="hang"))
        tell_seat(server, "cyd", answer("cyd is done"))
        async with open_terminal("try", "Why?", "--format", "compare", columns=80) as terminal:
            await terminal.wait_for("ada talks on", "bob talks on", "cyd is done", "1–3 skip", "/drop")
            terminal.type("9\n")
            await terminal.wait_for("The seats here are 1 to 3.")
            terminal.type("1\n")
            await terminal.wait_for("Ada is skipped.")
            terminal.type("q")
            await terminal.wait_for("It still goes on")
            terminal.type("s")
            await terminal.wait_for("what was said is kept.", "q leave")
            terminal.type("v4\n")
            await terminal.wait_for("Your vote is")
            terminal.type("v3\n")
            await terminal.wait_for("Your vote is now Cyd's.")
            assert not terminal.has_printed("Votes:")  # as long as one can vote
            terminal.type("q")
            await terminal.wait_for("Votes: Cyd 1.")
            assert await terminal.wait_for_end() == 0
    assert sum(request.path.endswith("completions") for request in server.log) == len(SEATS)
