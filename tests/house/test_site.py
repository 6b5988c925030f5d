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
from tests.support.pictures.browser import ABSENT, CHROMIUM, open_browser

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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built without a warning from a copy of the docs."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "zensical.toml"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "docs", checkout / "docs")
    (checkout / ".venv").symlink_to(sys.prefix)
    ended = subprocess.run(
        ["make", "--old-file", ".venv/dev", "site"], cwd=checkout, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return checkout / "dist" / "site"


def test_the_site_has_every_page(site: Path) -> None:
    docs = ROOT / "docs"
    pages = {str(page.relative_to(docs).with_suffix(".html")) for page in docs.rglob("*.md")}
    built = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    assert {re.sub(r"README\.html$", "index.html", page) for page in pages} <= built


TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
CUT_NAMES = """[...document.querySelectorAll('td:first-child code')]
  .filter(code => code.getClientRects().length > 1).map(code => code.textContent)"""


@pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)
async def test_a_phone_shows_each_page_whole_and_asks_nobody_else(site: Path) -> None:
    """Nothing but tables and code is wider than the screen, and no name that is looked up in a table is cut in two."""
    wide, cut, asked = [], [], set[str]()
    async with open_browser() as browser:
        for page in site.glob("*.html"):
            await browser.open_page(page.as_uri(), width=390)
            if await browser.run(TOO_WIDE):
                wide.append(page.name)
            cut += await browser.run(CUT_NAMES)
            asked |= {url for url in browser.requests.values() if not url.startswith(("file:", "data:"))}
    assert (wide, cut, asked) == ([], [], set())
