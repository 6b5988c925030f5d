"""The pages on installing, word for word: from a wheel into an empty home, and what Docker and systemd are given."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from bot.cli.exit import UNUSABLE
from bot.cli.first_settings import KNOWN
from bot.cli.replay import DEMO, DEMO_NOTE
from tests.servers.model_server import ModelServer, model_list
from tests.support.command_line import run_moot
from tests.support.homes import Home, read_sections
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
BLOCKS = {
    title: [block.text for block in blocks if block.kind == "console"]
    for title, blocks in read_sections("docs/install.md").items()
}
[WHEEL] = set(re.findall(r"moot-[\d.]+-py3-none-any\.whl", PAGE))
# as the page finds it: no tool installed, no key; packages that were fetched before serve again
INSTALLERS = {
    "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
    "UV_PYTHON": sys.executable,
    "PIPX_DEFAULT_PYTHON": sys.executable,
}


def build_wheel(folder: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(params=("uv", "pipx"))
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    """Return a home where the page's steps for this installer have been followed, in its folder `moot`."""
    tool: str = request.param
    if not shutil.which(tool):
        pytest.skip(f"this machine has no {tool}")
    await asyncio.to_thread(build_wheel, tmp_path)
    [steps] = BLOCKS[f"With {tool}"]
    async with ModelServer() as models:
        models.tell(model_list(*(choice.litellm.partition("/")[2] for choice in KNOWN)), path="/v1/models")
        home = Home(tmp_path, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{models.url}/v1", **INSTALLERS})
        ended = await home.follow(steps)
        if ended.returncode and (await home.follow("python3 -m pip download --no-deps filelock")).returncode:
            pytest.skip("no package index answers here")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert DEMO_NOTE in ended.stdout
        assert (tmp_path / "moot" / "moot.toml").exists()
        yield home


@pytest.mark.timeout(900)
async def test_an_installation_is_upgraded_backed_up_restored_and_moved(home: Home, tmp_path: Path) -> None:
    folder, other = tmp_path / "moot", tmp_path / "other"
    shutil.copy(tmp_path / WHEEL, folder)
    (folder / ".env").touch()
    imported = await home.succeed(f"moot import {DEMO}", cwd="moot")
    run = imported.split()[2].rstrip(":")
    shown = await home.succeed(f"moot show {run}", cwd="moot")

    [upgrade] = BLOCKS["Upgrading"]
    if shutil.which("uv"):
        assert run in await home.succeed(upgrade, cwd="moot")

    back_up, restore = BLOCKS["Backup and restore"]
    await home.succeed(back_up, cwd="moot")
    (folder / "moot.db").write_bytes(b"damaged")
    await home.succeed(restore, cwd="moot")
    assert await home.succeed(f"moot show {run}", cwd="moot") == shown

    here, there = BLOCKS["Moving to another machine"]
    await home.succeed(here, cwd="moot")
    other.mkdir()
    shutil.copy(folder / "moot.tar", other)
    await home.succeed(there, cwd="other")
    assert await home.succeed(f"moot show {run}", cwd="other") == shown


def test_a_newer_database_is_refused_as_the_page_says(tmp_path: Path) -> None:
    [said] = re.findall(r"^> (.*)\n> (.*)$", PAGE, re.M)
    assert run_moot("import", str(DEMO), cwd=tmp_path).returncode == 0
    with closing(sqlite3.connect(tmp_path / "moot.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    before = read_facts(tmp_path / "moot.db")
    for command in ("import", str(DEMO)), ("runs",):
        ended = run_moot(*command, cwd=tmp_path)
        assert (ended.returncode, ended.stderr.strip()) == (UNUSABLE, " ".join(said))
    assert read_facts(tmp_path / "moot.db") == before


def read_facts(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        return [*database.execute("SELECT * FROM facts"), *database.execute("SELECT * FROM alembic_version")]


def list_commands(title: str) -> list[list[str]]:
    """Return the words of each command of a section."""
    return [shlex.split(line, comments=True) for block in BLOCKS[title] for line in block.splitlines()]


def test_the_wheel_has_the_name_of_this_version() -> None:
    assert WHEEL in (ROOT / "README.md").read_text("utf-8")
    assert f"moot-{tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']['version']}-" in WHEEL


@pytest.mark.parametrize("title", ["With Docker", "With Docker Compose"])
def test_what_docker_is_told_is_what_it_takes(title: str) -> None:
    """Options are those of its help, where this machine has it; what is run in the image is a command of moot."""
    for words in list_commands(title):
        assert words[0] == "docker"
        inside = words[words.index("moot", words.index("moot") + 1) :] if words.count("moot") > 1 else []
        if inside:
            assert run_moot(*inside[1:], "--help", cwd=ROOT).returncode == 0, words
        if shutil.which("docker") and "compose" not in words:
            told = subprocess.run(["docker", words[1], "--help"], capture_output=True, text=True, check=True).stdout
            options = [w for w in words[2 : len(words) - len(inside)] if w.startswith("--")]
            assert [option for option in options if option not in told.split()] == [], words


def test_the_image_is_its_own_user_and_keeps_its_data_in_the_volume() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    [user] = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user != "root"
    assert any(f"useradd --create-home --uid 10001 {user}" in line and f"-o {user}" in line for line in lines)
    compose = pytest.importorskip("yaml").safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
    service = compose["services"]["moot"]
    assert (ROOT / "deploy" / service["build"]["context"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts == {"../moot.toml": "/data/moot.toml", "moot-data": "/data"}
    assert set(compose["volumes"]) == {"moot-data", "postgres-data"}
    assert service["read_only"] is True
    [run] = [words for words in list_commands("With Docker") if "--detach" in words]
    given = [words for option, words in pairwise(run) if option == "--volume"]
    assert given == ["$PWD/moot.toml:/data/moot.toml:ro", "moot-data:/data"]


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        ("demo", "xllamacpp"),
        ("leaderboard", "bot.ratings.leaderboard"),
        ("cards", "bot.records.card_picture"),
        ("leaderboard,charts", "bot.ratings.picture"),
        ("otel", "bot.operations.otlp, bot.operations.spans"),
    ],
)
def test_an_extra_brings_what_its_modules_need(extra: str, modules: str, tmp_path: Path) -> None:
    if not shutil.which("uv"):
        pytest.skip("this machine has no uv")
    build_wheel(tmp_path)
    for step in (["venv", "--python", sys.executable], ["pip", "install", f"./{WHEEL}[{extra}]"]):
        ended = subprocess.run(
            ["uv", "--quiet", *step],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "VIRTUAL_ENV": ""},
        )
        if ended.returncode and "fetch" in ended.stderr:
            pytest.skip("no package index answers here")
        assert ended.returncode == 0, ended.stderr
    command = [str(tmp_path / ".venv" / "bin" / "python"), "-c", f"import {modules}"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_the_bill_of_materials_has_every_package_of_the_lock(tmp_path: Path) -> None:
    if not shutil.which("uv"):
        pytest.skip("this machine has no uv")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    ended = subprocess.run(["make", "sbom"], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    if ended.returncode and "cyclonedx-bom" in ended.stderr:
        pytest.skip("no package index answers here")
    assert ended.returncode == 0, ended.stderr
    bill = json.loads((tmp_path / "dist" / "moot.cdx.json").read_text("utf-8"))
    assert bill["metadata"]["component"]["name"] == "moot"
    locked = re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    assert sorted((part["name"], part["version"]) for part in bill["components"]) == sorted(locked)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "moot.service").read_text("utf-8")
    folder = re.findall(r"^WorkingDirectory=(.+)$", unit, re.M)
    assert folder == re.findall(r"^ReadWritePaths=(.+)$", unit, re.M) == ["/var/lib/moot"]
    commands = list_commands("As a systemd unit")
    assert any(words[0] == "UV_TOOL_DIR=/opt" and "UV_TOOL_BIN_DIR=/usr/local/bin" in words for words in commands)
    assert f"ExecStart=/usr/local/bin/{shlex.join(['moot', 'run'])}" in unit
    if not shutil.which("systemd-analyze"):
        pytest.skip("this machine has no systemd")
    copy = tmp_path / "moot.service"
    copy.write_text(unit.replace("/usr/local/bin/moot run", "/bin/true"))
    ended = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    assert (ended.returncode, [line for line in ended.stderr.splitlines() if "moot.service" in line]) == (0, [])
