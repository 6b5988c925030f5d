"""The pages that are made from the code, the settings that pages show, and the docs as a site."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.cli.first_settings import KNOWN
from bot.cli.pages import list_settings, make_commands_page, make_settings_page
from bot.cli.settings_file import load_settings
from bot.models.catalogue import resolve_models
from tests.support.homes import read_sections
from tests.support.paths import ROOT

EXAMPLE = (ROOT / "moot.example.toml").read_text("utf-8")
RECIPES = {title: block.text for title, [block] in read_sections("docs/recipes.md").items()}


@pytest.mark.parametrize(("page", "make"), [("settings", make_settings_page), ("commands", make_commands_page)])
def test_a_page_is_as_the_code_makes_it(page: str, make: Any) -> None:
    written = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    assert written == make(), f"write it again: python -m bot.cli.pages {page} > docs/{page}.md"


def test_each_setting_says_what_it_is() -> None:
    assert [line for line in make_settings_page().splitlines() if re.search(r"^\| `\w+` \|  \|", line)] == []


def test_each_setting_stands_in_the_example() -> None:
    """As a key, or in the words beside one: `# with signing_secret, host, port and public_url`."""
    assert [path for path in list_settings() if not re.search(rf"\b{path.rpartition('.')[2]}\b", EXAMPLE)] == []


def test_the_example_is_taken_and_names_current_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moot.toml").write_text(EXAMPLE, "utf-8")
    named = [model.litellm for model in load_settings().models.values()]
    assert set(named) <= {choice.litellm for choice in KNOWN}, "the models of `moot init`, each of litellm's map"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_taken_and_names_models_that_there_are(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moot.toml").write_text(RECIPES[recipe], "utf-8")
    assert tomllib.loads(RECIPES[recipe])["panels"]
    models = resolve_models(load_settings().models)
    assert [m.litellm for m in models.values() if m.api_base is None and m.price is None] == []


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    for name in ("Makefile", "zensical.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    ended = subprocess.run(
        ["make", "--old-file", ".venv/dev", "site"], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pages = {str(p.relative_to(tmp_path / "docs").with_suffix(".html")) for p in (tmp_path / "docs").rglob("*.md")}
    built = {str(p.relative_to(tmp_path / "dist" / "site")) for p in (tmp_path / "dist" / "site").rglob("*.html")}
    assert {re.sub(r"README\.html$", "index.html", page) for page in pages} <= built
