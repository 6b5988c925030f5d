"""The wire servers close every connection, even one that was opened a moment before."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings

import pytest

from tests.servers.model_server import ModelServer


@pytest.mark.parametrize("turns", range(4))
async def test_who_connects_while_a_server_closes_is_closed(turns: int) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        async with ModelServer() as server:
            late = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
            for _ in range(turns):
                await asyncio.sleep(0)
        gc.collect()
        late.close()
    assert [str(w.message) for w in warned] == []
