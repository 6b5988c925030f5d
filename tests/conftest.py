"""What all tests share."""

from __future__ import annotations

import socket
from asyncio import AbstractServer
from asyncio.selector_events import BaseSelectorEventLoop
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support.shared import ABSENT, OWN, SHARED

# A deadline would be a timed assertion, and machines are noisy. The examples are the same every time, so that a
# change is judged by itself; `pytest --hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile("moot", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("moot")

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
