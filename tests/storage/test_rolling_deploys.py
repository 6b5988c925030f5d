"""A new version is deployed over the old one, process by process: both use the database meanwhile."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from bot.domain.facts import Interjected
from bot.errors import Misconfigured
from storage import migrate, open_store
from storage.schema import HEAD
from tests.support.paths import ROOT
from tests.support.postgres import make_database

VERSIONS = sorted((ROOT / "storage" / "migrations" / "versions").glob("0*.py"))
FIRST_SHARED = "0010"  # of several processes
ADDING = {"create_table", "create_index", "add_column"}


async def test_the_version_before_goes_on_beside_a_newer_one_and_starts_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = VERSIONS[-2].name[:4]
    with make_database() as url:
        monkeypatch.setattr(migrate, "HEAD", before)
        async with open_store(url, clock=time.time, shared=True) as old:
            epoch = await old.claim("r", "old")
            await old.append("r", [Interjected("ann", "before")], epoch=epoch)
            monkeypatch.setattr(migrate, "HEAD", HEAD)
            async with open_store(url, clock=time.time, shared=True) as new:
                await old.append("r", [Interjected("ann", "during")], epoch=epoch)
                await new.append("r", [Interjected("bob", "beside")])
                said = [entry.fact.text for entry in await old.read("r") if isinstance(entry.fact, Interjected)]
                assert said == ["before", "during", "beside"]
                assert await new.read("r") == await old.read("r")
            await old.append("r", [Interjected("ann", "after")], epoch=epoch)
            monkeypatch.setattr(migrate, "HEAD", before)
            with pytest.raises(Misconfigured, match=f"has version {HEAD}, written by a newer program"):
                async with open_store(url, clock=time.time, shared=True):
                    pass


@pytest.mark.parametrize("file", [f for f in VERSIONS if f.name[:4] >= FIRST_SHARED], ids=lambda f: f.stem)
def test_a_migration_adds_only_what_the_version_before_can_leave_out(file: Path) -> None:
    [upgrade] = [
        node
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    ]
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call)]
    names = [ast.unparse(call.func) for call in calls]
    assert {name.removeprefix("op.") for name in names if name.startswith("op.")} <= ADDING
    for call in calls:
        if ast.unparse(call.func) == "op.add_column":
            column = call.args[1]
            assert isinstance(column, ast.Call)
            given = {word.arg: ast.unparse(word.value) for word in column.keywords}
            assert given.get("nullable") != "False" or "server_default" in given
