"""The guides of docs/extending.md work as they stand: their code is put into a copy of the project and run there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "extending.md"
BLOCKS = re.findall(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', PAGE.read_text("utf-8"), re.M | re.S)
FILES = [path for language, path, _ in BLOCKS if language != "diff"]
PYTHON = [path for path in FILES if path.endswith(".py")]
HEAVY = ("tests/slack/", "tests/support/surface_stages/")  # mypy reads both platforms' SDKs for these: half a minute
SUITES = {  # as the page names them, where a suite takes long the tests that a new part can fail
    "command": [
        "tests/slack/test_quote.py",
        "tests/platforms/test_same_offer.py",
        "tests/discord/test_commands.py::test_every_declared_command_is_defined_and_no_other",
        "tests/discord/test_commands.py::test_definitions_keep_discords_bounds",
        "tests/slack/test_forms_and_blocks.py::test_the_manifest_says_what_is_declared_and_why",
    ],
    "format": [
        "tests/fundamentals/test_poll.py",
        "tests/formats/test_formats.py",
        "tests/formats/test_any_history.py",
        "tests/test_prompts.py::test_every_format_finds_its_prompts_and_none_lies_unused",
        "tests/test_prompts.py::test_what_comes_with_moot_passes_its_own_check",
    ],
    "platform": ["tests/platforms/test_surface_contract.py", "-k", "lines"],
}
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project in which every step of the guides has been taken."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("bot", "adapters", "commands", "storage", "tests", "docs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for language, path, content in BLOCKS:
        if language == "diff":
            change_file(copy / path, content)
        else:
            assert not (copy / path).exists(), f"{path} is no new file"
            (copy / path).parent.mkdir(exist_ok=True)
            (copy / path).write_text(content, "utf-8")
    (copy / "docs" / "platforms.md").write_text(run(copy, "-m", "commands.features"), "utf-8")
    return copy


def change_file(path: Path, diff: str) -> None:
    """Apply a diff whose hunks are parted by `@@`; each must fit one place of the file."""
    text = path.read_text("utf-8")
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        old = "\n".join(line[1:] for line in lines if line[0] in " -") + "\n"
        new = "\n".join(line[1:] for line in lines if line[0] in " +") + "\n"
        assert text.count(old) == 1, f"{path.name} has not, or more than once:\n{old}"
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def run(project: Path, *arguments: str) -> str:
    """Run Python in the copy; return what it prints. Fails with all of it."""
    ended = subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(arguments)}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.mark.parametrize("guide", SUITES)
def test_what_a_guide_builds_passes_its_suites(project: Path, guide: str) -> None:
    run(project, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *SUITES[guide])


def test_the_code_is_in_the_style_of_the_house(project: Path) -> None:
    run(project, "-m", "ruff", "check", "--no-cache", *PYTHON)
    run(project, "-m", "ruff", "format", "--no-cache", "--check", *PYTHON)


def test_the_code_is_typed(project: Path) -> None:
    cache = project / ".mypy_cache"
    if (ROOT / cache.name).exists():  # from `make types`: what the guides leave as it is need not be read again
        shutil.copytree(ROOT / cache.name, cache)
    run(project, "-m", "mypy", "--cache-dir", str(cache), *(path for path in PYTHON if not path.startswith(HEAVY)))


def test_the_import_contracts_hold(project: Path) -> None:
    run(project, "-c", LINT_IMPORTS, "--no-cache")


def test_every_suite_that_runs_here_is_named_on_the_page() -> None:
    suites = {argument.partition("::")[0] for suites in SUITES.values() for argument in suites if "/" in argument}
    assert [suite for suite in sorted(suites) if suite not in PAGE.read_text("utf-8")] == []
