"""What all tests share."""

from __future__ import annotations

import socket
from asyncio import AbstractServer
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests.support.planted import PLANTED, find_planted_files
from tests.support.shared import ABSENT, OWN, SHARED

# A deadline would be a timed assertion, and machines are noisy. The examples are the same every time, so that a
# change is judged by itself; `pytest --hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile("moot", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("moot")

# Tracebacks without the values of variables, as the bot's own logs have them; structlog's usual ones show these.
renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
LOGGING = structlog.get_config()

accept: Any = BaseSelectorEventLoop._accept_connection2  # type: ignore[attr-defined]  # private: there is no other way


async def accept_or_close(
    loop: Any, made: Any, conn: socket.socket, extra: Any, ssl: Any, server: AbstractServer, *more: Any
) -> None:
    """Close a connection that is accepted in the turn of the loop in which its server closes.

    CPython leaves it open: https://github.com/python/cpython/issues/109564
    """
    if server.is_serving():
        await accept(loop, made, conn, extra, ssl, server, *more)
    else:
        conn.close()


BaseSelectorEventLoop._accept_connection2 = accept_or_close  # type: ignore[attr-defined]  # likewise


@pytest.fixture(scope="session", autouse=True)
def _no_planted_key_is_stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the session where the key that every served bot has stands in a database, an export or events."""
    yield
    assert list(find_planted_files(tmp_path_factory.getbasetemp())) == []


@pytest.fixture(autouse=True)
def _logs_as_at_first() -> Iterator[None]:
    """Let no test leave its own settings of the log, such as a level, to those that come later."""
    yield
    structlog.configure(**LOGGING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that has logged or printed that key."""
    report = yield
    if any(PLANTED in text for _, text in report.sections):
        report.outcome, report.longrepr = "failed", "the planted key was logged or printed"
    return report


@pytest.fixture(
    params=[
        pytest.param(OWN, id="own", marks=pytest.mark.shared),
        pytest.param(SHARED, id="shared", marks=pytest.mark.shared),
    ]
)
def reference(request: pytest.FixtureRequest) -> Path:
    """Return a folder of reference data: once our own, once the shared one, where it is there."""
    folder: Path = request.param
    if not folder.is_dir():
        pytest.skip(ABSENT)
    return folder
