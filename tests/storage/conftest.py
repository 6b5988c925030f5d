"""The two kinds of databases that a store stands on: what is so of one is so of the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.locations import Location
from tests.support.postgres import empty_store, make_database, make_store


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[str]:
    with make_database() as url:
        make_store(url)
        yield url


@pytest.fixture
def postgres(shared_postgres: str) -> Iterator[str]:
    """Yield the URL of a database that holds an empty store."""
    yield shared_postgres
    empty_store(shared_postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "sqlite":
        return tmp_path / "moot.db"
    url: str = request.getfixturevalue("postgres")
    return url
