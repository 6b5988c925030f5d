"""Databases on PostgreSQL that cannot be used: what is said of them, and what of their addresses."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from bot.domain.facts import Interjected
from bot.errors import Misconfigured, StoreFailed
from bot.settings.settings import StorageSettings
from storage import open_store, postgres
from storage.errors import explain_error
from tests.servers.transaction_pooler import TransactionPooler
from tests.support.postgres import execute, make_database, make_user


@pytest.mark.parametrize("setting", ["ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", "ENCODING 'UTF8'"])
async def test_a_database_that_cannot_hold_a_store_is_refused(setting: str) -> None:
    with make_database(setting) as url:
        name = urlsplit(url).path[1:]
        if "UTF8" in setting:
            execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        with pytest.raises(Misconfigured, match="as SQL_ASCII" if "ASCII" in setting else "is read-only, a standby"):
            async with open_store(url, clock=time.time):
                pass


async def test_options_of_a_url_are_those_of_every_connection() -> None:
    with make_database() as url:
        execute(url, "CREATE SCHEMA elsewhere")
        async with open_store(
            f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Delsewhere", clock=time.time
        ) as store:
            await store.append("r", [Interjected("ann", "hello")])
            assert len(await store.read("r")) == 1


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER DATABASE {name} CONNECTION LIMIT 0", "raise max_connections"),
        ("ALTER DATABASE {name} SET search_path = nowhere", "make the one that search_path names"),
        ("ALTER ROLE {user} NOLOGIN", "refuses this user"),
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "its user lacks rights"),
    ],
)
async def test_a_database_that_does_not_let_its_user_work_says_why(statement: str, told: str) -> None:
    with make_database() as url, make_user(url) as plain:
        execute(url, statement.format(name=urlsplit(url).path[1:], user=urlsplit(plain).username))
        with pytest.raises(StoreFailed, match=told):
            async with open_store(plain, clock=time.time):
                pass


async def test_a_database_that_is_not_there_says_so(postgres: str) -> None:
    name = urlsplit(postgres).path
    with pytest.raises(StoreFailed, match="make it with createdb"):
        async with open_store(postgres.replace(name, "/moot_nowhere"), clock=time.time):
            pass


async def test_a_pooler_that_lends_by_the_transaction_is_refused(postgres: str) -> None:
    async with TransactionPooler(postgres) as pooler:
        with pytest.raises(Misconfigured, match="pool_mode = transaction"):
            async with open_store(pooler.url, clock=time.time):
                pass
    assert pooler.lent > 1


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://moot:secret@127.0.0.1:1/moot", "postgresql://127.0.0.1:1/moot failed .* cannot be reached"),
        ("postgresql://127.0.0.1:1/moot?what=ever", "storage.url cannot be read: .*what"),
        ("postgresql://moot:secret@[::1/moot", "storage.url cannot be read: .*matching"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
async def test_a_url_that_leads_nowhere_is_told_without_its_password(url: str, told: str, read_only: bool) -> None:
    with pytest.raises((Misconfigured, StoreFailed), match=told) as failed:
        async with open_store(url, clock=time.time, read_only=read_only) as store:
            await store.runs(limit=1)
    assert "secret" not in str(failed.value)


def test_the_state_of_the_server_is_told_and_a_statements_fault_is_not() -> None:
    told = {
        psycopg.errors.DiskFull: "disk is full",
        psycopg.errors.TransactionTimeout: "transaction_timeout",
        psycopg.errors.QueryCanceled: "statement_timeout",
        psycopg.errors.AdminShutdown: "stopped or started",
        psycopg.errors.InvalidPassword: "refuses this user",
        psycopg.errors.InvalidCatalogName: "createdb",
        psycopg.errors.TooManyConnections: "max_connections",
        psycopg.errors.ConnectionTimeout: "cannot be reached",
    }
    for error, words in told.items():
        assert words in (explain_error(error("as it says")) or "")
    assert explain_error(psycopg.errors.SyntaxError("at or near")) is None
    assert explain_error(ValueError("of another kind")) is None


async def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Misconfigured, match="install Moot with the extra postgres"):
        async with open_store("postgresql://127.0.0.1/moot", clock=time.time):
            pass
    async with open_store(tmp_path / "moot.db", clock=time.time) as store:
        assert await store.read("r") == []


def test_a_file_is_no_url() -> None:
    with pytest.raises(ValueError, match=r"storage\.path"):
        StorageSettings(url="sqlite:///moot.db")
    assert StorageSettings(url="postgresql://moot:secret@host/moot").location == "postgresql://moot:secret@host/moot"
    for password in ("secret", "#secret", "a?secret"):
        assert postgres.describe_url(f"postgresql://moot:{password}@host/moot?a=b@c") == "postgresql://host/moot"
    assert postgres.describe_url("postgresql://host/moot?user=a@b") == "postgresql://host/moot"


@pytest.mark.parametrize("password", ["zz/yy", "zz@yy", "zz%yy", "%"])
def test_a_password_that_is_not_written_as_in_a_url_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ValueError, match="%40 for @") as refused:
        StorageSettings(url=SecretStr(f"postgresql://moot:{password}@host/moot"))
    assert "yy" not in str(refused.value)
