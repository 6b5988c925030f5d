"""The import contracts of pyproject.toml hold, cover every room, and refuse what they are there to refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
REFUSED = {
    "the conductor knows nobody": ("bot/engine/conductor.py", "from bot.actions.permissions import Person"),
    "a format reads no setting": ("bot/formats/compare.py", "from bot.settings.settings import Settings"),
    "a platform knows no other": ("adapters/slack/client.py", "from adapters.discord.api import DiscordApi"),
    "storage knows no platform": ("storage/store.py", "import adapters.common.retry"),
    "a fact waits for nothing": ("bot/domain/facts.py", "from bot.concurrency import TaskGroup"),
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the product that a test may spoil."""
    for package in ("bot", "adapters", "commands", "storage"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check_imports(house: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", command, "--no-cache"], cwd=house, capture_output=True, text=True)


@pytest.mark.parametrize(("file", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_an_import_that_goes_up_or_across_is_refused(house: Path, file: str, line: str) -> None:
    module = house / file
    module.write_text(f"{module.read_text('utf-8')}\n{line}\n", "utf-8")
    checked = check_imports(house)
    assert checked.returncode == 1
    assert file.removesuffix(".py").replace("/", ".") in checked.stdout


def test_the_house_as_it_stands_is_allowed(house: Path) -> None:
    checked = check_imports(house)
    assert checked.returncode == 0, checked.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in checked.stdout


def test_every_room_of_bot_has_its_layer() -> None:
    [layers] = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]
    layered = {name.strip() for layer in layers for name in layer.split("|")}
    rooms = list_rooms(ROOT / "bot", "bot")
    inside = list_rooms(ROOT / "bot/settings", "bot.settings")  # whose parts lie above and below the domain
    assert rooms - {"bot.settings"} | inside | {"adapters", "storage", "commands"} == layered


def list_rooms(folder: Path, package: str) -> set[str]:
    return {f"{package}.{path.stem}" for path in folder.iterdir() if not path.name.startswith(("__init__", "__pyc"))}
