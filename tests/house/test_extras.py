"""Each extra of pyproject brings all that its modules need: they load where nothing else than it was installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# what an extra is for; `charts` draws what `leaderboard` has counted
MODULES = {
    "demo": ("bot.models.embedded", "xllamacpp"),
    "leaderboard": ("bot.ratings.leaderboard",),
    "cards": ("bot.records.card_picture",),
    "charts": ("matplotlib.pyplot",),
    "postgres": ("storage.postgres", "storage.handover", "storage.signals"),
    "otel": ("bot.operations.otlp", "bot.operations.spans"),
}
LOAD = """
import importlib, sys
sys.modules.update(dict.fromkeys({blocked}))  # a module that is None cannot be imported
for name in {modules}:
    importlib.import_module(name)
"""


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def list_needed(requirement: str, seen: set[str]) -> Iterator[str]:
    """Yield the distributions that a requirement brings, itself first; markers are taken to hold."""
    found = re.match(r"([\w.-]+)(?:\[([\w,.-]*)\])?", requirement)
    assert found is not None
    name, extras = normalise(found[1]), (found[2] or "").split(",")
    if (key := f"{name}[{found[2] or ''}]") in seen:
        return
    seen.add(key)
    yield name
    try:
        declared = requires(found[1]) or ()
    except PackageNotFoundError:  # of another platform
        return
    for further in declared:
        extra = re.search(r"extra\s*==\s*['\"]([\w.-]+)['\"]", further)
        if extra is None or extra[1] in extras:
            yield from list_needed(further, seen)


def list_blocked(extra: str) -> list[str]:
    """Return the modules that would be missing with this extra alone."""
    seen: set[str] = {"moot[]"}
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]
    needed = {name for requirement in wanted for name in list_needed(requirement, seen)}
    return [
        module
        for module, owners in packages_distributions().items()
        if not needed.intersection(map(normalise, owners)) and module not in ("bot", "adapters", "commands", "storage")
    ]


def load(extra: str, modules: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    code = LOAD.format(blocked=list_blocked(extra), modules=modules)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_every_extra_is_looked_at() -> None:
    assert set(MODULES) == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("extra", MODULES)
def test_an_extra_suffices_alone(extra: str) -> None:
    loaded = load(extra, MODULES[extra])
    assert loaded.returncode == 0, loaded.stderr


def test_what_another_extra_brings_is_missed() -> None:
    missed = load("cards", MODULES["leaderboard"])
    assert missed.returncode != 0
    assert "halted; None in sys.modules" in missed.stderr
