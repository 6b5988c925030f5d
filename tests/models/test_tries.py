"""What is tried again and what is not, and providers that are left alone for a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, answer, error
from tests.support.answers import ASK, SEAT, answered, collect_deltas, hear, make_model, open_speaker


async def test_what_passes_is_tried_again_and_people_are_told_why() -> None:
    async with ModelServer() as server:
        server.tell(error(500, "Oops"), error(429, "Slow down", {"Retry-After": "0"}), answer("fine"))
        async with open_speaker(make_model(server.url)) as made:
            deltas = await collect_deltas(made)
    notices = [delta.notice for delta in deltas if delta.notice]
    assert notices == ["trying again: the provider's server had an error: Oops", "thinking"]
    assert "".join(delta.text for delta in deltas) == "fine"


async def test_it_gives_up_after_its_tries() -> None:
    heard, server = await answered(error(500, "Oops"))
    assert heard.error is not None
    assert len(server.log) == 3


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 529])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    heard, server = await answered(error(status), answer("fine"))
    assert heard.text == "fine"
    assert len(server.log) == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413])
async def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    _, server = await answered(error(status))
    assert len(server.log) == 1


@pytest.mark.parametrize("header", [{"Retry-After": "3600"}, {"retry-after-ms": "3600000"}])
async def test_a_wait_that_outlasts_the_deadline_is_not_begun(header: dict[str, str]) -> None:
    heard, server = await answered(error(429, headers=header))
    assert heard.error is not None
    assert heard.error.retry_after_s == 3600
    assert len(server.log) == 1


async def test_a_provider_that_is_down_is_left_alone_and_tried_again_later() -> None:
    async with ModelServer() as server:
        server.tell(*[error(500)] * 5, answer("back"))
        async with open_speaker(make_model(server.url), retries=RetrySettings(tries=1)) as made:
            for _ in range(5):
                assert not made.open_circuits()
                await hear(made.speak(SEAT, ASK))
            assert 29 < made.open_circuits()["p"] <= 30
            heard = await hear(made.speak(SEAT, ASK))
            assert heard.error is not None
            assert heard.error.kind == "unreachable"
            assert "p is down and is not tried again for 30 s" in heard.error.text
            assert len(server.log) == 5


async def test_nobody_reads_the_address_of_a_provider_that_is_down() -> None:
    async with ModelServer() as server:
        server.tell(error(500))
        model = replace(make_model(server.url), provider="hosted_vllm@127.0.0.1:18234")
        async with open_speaker(model, retries=RetrySettings(tries=1)) as made:
            for _ in range(5):
                await hear(made.speak(SEAT, ASK))
            heard = await hear(made.speak(SEAT, ASK))
            assert list(made.open_circuits()) == ["hosted_vllm"]
    assert heard.error is not None
    assert heard.error.text.startswith("hosted_vllm is down")


async def test_one_refusal_does_not_open_a_circuit() -> None:
    async with ModelServer() as server:
        server.tell(error(401))
        async with open_speaker(make_model(server.url)) as made:
            for _ in range(7):
                await hear(made.speak(SEAT, ASK))
            assert made.open_circuits() == {}
        assert len(server.log) == 7


async def test_no_model_is_asked_before_the_process_surely_holds_its_runs() -> None:
    came, holds = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        came.set()
        await holds.wait()

    async with ModelServer() as server:
        server.tell(answer("fine"))
        async with open_speaker(make_model(server.url), hold=hold) as made:
            asking = asyncio.create_task(hear(made.speak(SEAT, ASK)))
            await asyncio.wait_for(came.wait(), 60)
            assert server.log == []
            holds.set()
            assert (await asking).text == "fine"
