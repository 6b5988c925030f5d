"""How the product reads: one word for one thing, functions that do or tell something, tests that stand alone."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PRODUCT = [
    path
    for package in ("bot", "adapters", "commands", "storage")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
]
TREES = {path: ast.parse(path.read_text("utf-8")) for path in PRODUCT}
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Names that two modules define on purpose, and why.
PER_FORMAT = "each format's, by the protocol Format"
TWIN = "the same part of Discord and of Slack, built alike"
SHARED = {
    "plan": PER_FORMAT,
    "ask": PER_FORMAT,
    "seat_rules": PER_FORMAT,
    "Address": TWIN,
    "read_address": TWIN,
    "message_ref": TWIN,
    "read_ref": TWIN,
    "InteractionHandler": TWIN,
    "Listener": TWIN,
    "Places": TWIN,
    "Reply": TWIN,
}

# Participles that do not end in "ed".
IRREGULAR = re.compile(
    r"begun|chosen|cut|drawn|found|given|gone|heard|held|hidden|kept|known|left|lost|made|met|said|seen|sent|shown|"
    r"spoken|stood|taken|told|written"
)
NO_VERB = re.compile(
    r"(what|who|whose|whom|which|whether|of|where|when|how|by|for|in|as|until|those|that|none|nobody)\b", re.IGNORECASE
)


def functions() -> Iterator[tuple[Path, Function]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function) and not node.name.startswith("__"):
                yield path, node


def test_a_public_name_is_defined_in_one_module() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(str(path.relative_to(ROOT)))
    assert {name: files for name, files in homes.items() if len(files) > 1 and name not in SHARED} == {}
    assert [name for name in SHARED if len(homes[name]) < 2] == [], "a reason for what is no more"


def test_no_function_is_a_bare_participle() -> None:
    bare = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, node in functions()
        if not any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list)
        and (name := node.name.strip("_"))
        and (IRREGULAR.fullmatch(name) or re.fullmatch(r"(?!speed)[a-z]{3,}ed", name))
    ]
    assert bare == []


def test_a_functions_docstring_begins_with_a_verb() -> None:
    odd = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, node in functions()
        if NO_VERB.match(ast.get_docstring(node) or "")
    ]
    assert odd == []


def test_a_long_file_has_its_reason() -> None:
    house = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["house"]
    long = {str(path.relative_to(ROOT)) for path in PRODUCT if path.read_text("utf-8").count("\n") > house["lines"]}
    assert long == set(house["longer"])


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_borrows_from_a_test_module(path: Path) -> None:
    assert re.search(r"^(from|import) tests(\.\w+)*\.test_", path.read_text("utf-8"), re.MULTILINE) is None
