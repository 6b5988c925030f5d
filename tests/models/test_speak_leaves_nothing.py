"""After an answer, however it ended, no task, thread, socket or session is left."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import aclosing
from dataclasses import replace

import psutil
import pytest
from aiohttp import ClientSession

from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.settings.settings import RetrySettings
from tests.servers.model_server import CHAT, ModelServer, Reply, answer, chunk, error, sse
from tests.support.answers import ASK, SEAT, collect_deltas, make_model, open_speaker, wait_until_left


async def done(made: Speaker) -> None:
    await collect_deltas(made)


async def failed(made: Speaker) -> None:
    with pytest.raises(ProviderError):
        await collect_deltas(made)


async def cancelled(made: Speaker) -> None:
    """After its first words."""
    async with asyncio.timeout(None) as until_it_speaks:
        async for delta in made.speak(SEAT, ASK):
            if delta.text:
                until_it_speaks.reschedule(0)
    assert until_it_speaks.expired()


ENDINGS = [
    (done, answer("fine")),
    (failed, error(401)),
    (failed, Reply(sse(chunk("half ")), then="reset")),
    (cancelled, Reply(sse(chunk("half ")), then="hang")),
]

TWICE = [(failed, error(500)), (failed, error(401))]  # their streams have other shapes; the connections are litellm's


@pytest.mark.parametrize("prefix", ["hosted_vllm", "openai", "groq", "anthropic", "gemini"])
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_left_of_an_answer(prefix: str) -> None:
    async def main() -> None:
        async with ModelServer() as server:
            for act, reply in ENDINGS if prefix in ("hosted_vllm", "openai", "groq") else TWICE:
                server.tell(reply)
                for path in ("/v1/messages", "/v1/v1/messages", "/v1/models/test:streamGenerateContent"):
                    server.tell(reply, path=path)
                called = replace(make_model(server.url, prefix), api_key="k-1")
                async with open_speaker(called, retries=RetrySettings(tries=1)) as made:
                    try:
                        await act(made)
                    except TimeoutError:
                        assert act is cancelled
                    await asyncio.sleep(0)
                assert server.log
                server.log.clear()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
    asyncio.run(main())
    gc.collect()  # an unclosed session warns when it is collected; one that litellm still holds is not
    assert not [o for o in gc.get_objects() if type(o) is ClientSession and not o.closed]
    assert set(threading.enumerate()) <= threads  # one of before may have ended
    assert len(psutil.Process().net_connections()) <= sockets


TALKING = {
    "hosted_vllm": sse(chunk("on and on ")),
    "anthropic": sse(
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "on and on "}},
    ),
}


@pytest.mark.parametrize("prefix", TALKING)
async def test_giving_up_closes_the_connection_at_once(prefix: str) -> None:
    async with ModelServer() as server:
        for path in (CHAT, "/v1/v1/messages"):
            server.tell(Reply(TALKING[prefix], gap_s=0.001, then="repeat"), path=path)
        async with open_speaker(replace(make_model(server.url, prefix), api_key="k-1")) as made:
            async with aclosing(made.speak(SEAT, ASK)) as deltas:
                await anext(deltas)
            await wait_until_left(server)
