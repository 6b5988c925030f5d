"""Docs that cannot rot unseen: links lead somewhere, commands exist, rooms are the tree's."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from tests.support.paths import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").glob("*.md")]
PACKAGES = ("bot", "adapters", "commands", "storage", "tests", "benchmarks")


@pytest.fixture(scope="module")
def files() -> Sequence[Path]:
    """Every file of the code."""
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


@pytest.fixture(scope="module")
def names(files: Sequence[Path]) -> frozenset[str]:
    """Every name that a page may call a file of the code by: with all its folders, some or none."""
    return list_names(path.relative_to(ROOT) for path in files)


@pytest.fixture(scope="module")
def words(files: Sequence[Path]) -> frozenset[str]:
    """Every word of the code."""
    return frozenset(word for path in files for word in re.findall(r"\w+", path.read_text("utf-8")))


def list_names(paths: Iterable[Path]) -> frozenset[str]:
    return frozenset("/".join(path.parts[first:]) for path in paths for first in range(len(path.parts)))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path, names: frozenset[str]) -> None:
    """A path is one from the root; a bare `budget.py` may stand in any folder."""
    text = page.read_text("utf-8").replace("\\_", "_")
    own = list_names(map(Path, re.findall(r'^```python title="(.+)"$', text, re.M)))  # the page has them whole
    named = set(re.findall(r"(?<![\w./-])\w[\w./-]*\.py\b", text))
    assert named - names - own == set()
    folders = set(re.findall(rf"`((?:{'|'.join(PACKAGES)})/(?:[\w/]*\w)?)/?`", text))
    assert [name for name in folders if not (ROOT / name).is_dir()] == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.is_relative_to(ROOT / "docs")], ids=lambda p: p.stem)
def test_names_of_code_that_are_named_exist(page: Path, words: frozenset[str]) -> None:
    """`Classes`, `Class.attributes` and `functions_of_two_words`, in the product, its settings or files on the page."""
    text = page.read_text("utf-8")
    own = re.findall(r"\w+", " ".join(re.findall(r"^```python title=.*?^```", text, re.M | re.S)))
    known = words.union(own)
    names = re.findall(r"`([A-Z]\w*[a-z]\w*(?:\.\w+)?|_*[a-z]+(?:_[a-z]+)+)`", text)
    assert [name for name in names if not known.issuperset(name.split("."))] == []


def test_modules_that_are_named_exist() -> None:
    modules = {m for page in PAGES for m in re.findall(r"python -m (benchmarks[\w.]*\w)", page.read_text("utf-8"))}
    assert modules
    assert [module for module in modules if find_spec(module) is None] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        target
        for page in PAGES
        for line in re.findall(r"(?:^|`)make ([a-z -]+)", page.read_text("utf-8"), re.M)
        for target in line.split()
    }
    assert named
    assert named - {"a"} <= targets


def test_every_option_that_is_named_exists() -> None:
    for page in [*PAGES, ROOT / "Makefile"]:
        commands = r"\bmoot (demo|init|try|models|replay|runs|show|run|reload|top)\b([^\n`]*)"
        for command, rest in re.findall(commands, page.read_text("utf-8")):
            told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
            assert [option for option in re.findall(r"--[a-z]+", rest) if option not in told] == [], (page, command)


def test_the_architecture_names_the_rooms_that_there_are() -> None:
    told = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    rooms = [p for p in (ROOT / "bot").iterdir() if p.name not in ("__init__.py", "__pycache__")]
    missing = [p.name for p in rooms if p.name not in told.replace("\\_", "_")]
    assert missing == []
    for package in ("adapters", "commands", "storage"):
        assert f"`{package}/`" in told


def test_each_walk_names_a_file_once() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    walks = dict(re.findall(r"^## The walk of a (\w+)\n(.*?)(?=^## )", text, re.M | re.S))
    assert walks.keys() == {"question", "vote", "delta"}
    for title, walk in walks.items():
        linked = re.findall(r"\]\(\.\./([\w/]+\.py)\)", walk)
        assert len(linked) > 10
        assert [file for file, times in Counter(linked).items() if times > 1] == [], title
        assert walk.count(".py") == 2 * len(linked), f"{title}: a file is named without a link"


def test_the_index_of_decisions_has_each_with_its_title() -> None:
    folder = ROOT / "docs" / "adr"
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \| \w.* \|$", (folder / "README.md").read_text("utf-8"), re.M)
    pages = sorted(folder.glob("0*.md"))
    assert [name for _, _, name in rows] == [page.name for page in pages]
    for number, title, name in rows:
        assert (folder / name).read_text("utf-8").startswith(f"# {number}. {title}\n")
        assert int(name[:4]) == int(number)


def test_each_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for dependency in tomllib.loads(text)["project"]["dependencies"]:
        [at] = [n for n, line in enumerate(text.splitlines()) if f'"{dependency}"' in line]
        assert "#" in text.splitlines()[at] or text.splitlines()[at - 1].strip().startswith("#"), dependency


def test_locks_carry_hashes_and_no_host() -> None:
    locks = list(ROOT.glob("requirements*.lock"))
    assert len(locks) == 5
    for lock in locks:
        text = lock.read_text("utf-8")
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_locks_serve_every_python_and_system() -> None:
    """What only some of them need carries its condition, so that pip installs the same list everywhere."""
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-demo.lock", ROOT / "requirements-dev.lock"):
        text = lock.read_text("utf-8")
        assert re.search(r"^audioop-lts==\S+ ; python_full_version >= '3\.13'", text, re.M), lock.name
        assert re.search(r"^colorama==\S+ ; .*sys_platform == 'win32'", text, re.M), lock.name


def test_each_version_that_is_excluded_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    comments = "\n".join(re.findall(r"#.*", text))
    excluded = re.findall(r"!=([\w.]+)", text)
    assert excluded
    assert [version for version in excluded if version not in comments] == []


def test_the_image_is_built_by_hash_alone() -> None:
    """Its bases are named by digest; pip installs hash-locked lists, and Moot itself without asking any index."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.M)  # also within a command
    lines = text.replace("\\\n", "").splitlines()
    stages: set[str] = set()
    for base, _, name in (line.removeprefix("FROM ").partition(" AS ") for line in lines if line.startswith("FROM")):
        assert base in stages or re.fullmatch(r"[\w.:-]+@sha256:[0-9a-f]{64}", base), base
        stages.add(name)
    commands = [c for line in lines if line.startswith("RUN") for c in line.removeprefix("RUN ").split("&&")]
    installs = [command.split() for command in commands if re.search(r"(?<!-)\b(pip|uv|hatch|build)\b", command)]
    assert len(installs) == 6
    for words in installs:
        assert "--no-deps" in words, words
        if "-r" in words:
            assert "--require-hashes" in words, words
        else:
            assert "--no-index" in words, words
            assert "wheel" not in words or "--no-build-isolation" in words, words
            assert words[-1] in (".", "/wheel/*.whl")
