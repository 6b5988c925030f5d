from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import psutil
import pytest
from yarl import URL

from bot.models import embedded
from bot.models.embedded import NAME, SLOT_CTX, embedded_server, panel_models
from bot.models.errors import ProviderError
from bot.models.local import discover_servers, is_loading

pytestmark = pytest.mark.skipif(not embedded.is_installed(), reason="the embedded model is not installed (make demo)")


def children() -> list[psutil.Process]:
    """Return the processes that this one has begun, but that of which other tests fork."""
    alive = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    return [p for p in alive if "tests.support.forked_moot" not in p.cmdline()]


def listens(base_url: str) -> bool:
    return any(
        c.laddr.port == URL(base_url).port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN
    )


async def deltas(session: aiohttp.ClientSession, base_url: str, question: str) -> AsyncGenerator[str, None]:
    """The texts of one stream, straight from the wire."""
    body = {"messages": [{"role": "user", "content": question}], "stream": True, "max_tokens": 16}
    async with session.post(f"{base_url}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                choices = json.loads(line.removeprefix(b"data: "))["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield text


async def test_three_streams_run_together_and_nothing_is_left() -> None:
    threads = set(threading.enumerate())
    spoken: list[int] = []  # which stream spoke, in the order in which they did
    async with embedded_server(slots=3) as base_url, aiohttp.ClientSession() as session:

        async def listen(stream: int) -> None:
            async with contextlib.aclosing(deltas(session, base_url, f"Tell me about the number {stream}.")) as texts:
                async for _ in texts:
                    spoken.append(stream)  # noqa: PERF401  # one at a time: their order is what is looked at

        async with asyncio.TaskGroup() as group:
            for stream in range(3):
                group.create_task(listen(stream))

        (found,) = await discover_servers([URL(base_url).port or 0])
        assert [(m.litellm, m.window) for m in found.models] == [(f"hosted_vllm/{NAME}", SLOT_CTX)]
        assert not await is_loading(panel_models(base_url)[0])
        assert listens(base_url)

    first = {stream: spoken.index(stream) for stream in range(3)}
    last = {stream: len(spoken) - 1 - spoken[::-1].index(stream) for stream in range(3)}
    assert max(first.values()) < min(last.values())  # all had begun before any had ended
    assert not listens(base_url)
    assert children() == []
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        assert not thread.is_alive()


async def test_a_schema_is_kept_and_a_prompt_over_the_window_is_refused() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"best": {"type": "string", "enum": ["A", "B"]}},
        "required": ["best"],
        "additionalProperties": False,
    }
    ballot = {
        "messages": [{"role": "user", "content": "A: yes. B: no. Which is best?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "ballot", "schema": schema}},
        "max_tokens": 40,
    }
    endless = {"messages": [{"role": "user", "content": "word " * (SLOT_CTX + 1)}], "max_tokens": 1}
    async with embedded_server(slots=2) as base_url, aiohttp.ClientSession() as session:
        async with session.post(f"{base_url}/chat/completions", json=ballot) as response:
            answer = await response.json()
        async with session.post(f"{base_url}/chat/completions", json=endless) as response:
            assert response.status == 400
    assert json.loads(answer["choices"][0]["message"]["content"])["best"] in {"A", "B"}


async def use(ready: asyncio.Future[str]) -> None:
    async with embedded_server(slots=1) as base_url:
        ready.set_result(base_url)
        await asyncio.Event().wait()


async def test_it_is_gone_when_its_user_is_cancelled() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    user = asyncio.create_task(use(ready))
    base_url = await ready
    user.cancel()
    with pytest.raises(asyncio.CancelledError):
        await user
    assert not listens(base_url)
    assert children() == []


async def test_it_is_gone_when_its_start_is_cancelled() -> None:
    with pytest.raises(TimeoutError):  # a start takes longer; were it quicker, its user would be cancelled
        await asyncio.wait_for(use(asyncio.get_running_loop().create_future()), 0.2)
    assert children() == []


OWNER = """
import asyncio
from bot.models.embedded import embedded_server

async def main():
    async with embedded_server(slots=1) as base_url:
        print(base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_it_does_not_outlive_its_owner(blow: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        base_url = owner.stdout.readline().strip()
        (server,) = psutil.Process(owner.pid).children()
        assert os.getsid(server.pid) != os.getsid(owner.pid)  # Ctrl-C in the terminal does not reach it
        owner.send_signal(blow)
    server.wait(timeout=60)
    assert not listens(base_url)


async def test_a_server_that_does_not_start_says_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(64))
    monkeypatch.setattr(embedded, "find_weights", lambda: broken)
    with pytest.raises(ProviderError, match="ended with status") as caught:
        async with embedded_server():
            pass
    assert caught.value.kind == "unreachable"
    assert children() == []


async def test_without_weights_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_weights", lambda: None)
    assert not embedded.is_installed()
    with pytest.raises(ProviderError, match="not installed"):
        async with embedded_server():
            pass
