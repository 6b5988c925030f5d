"""Seats that wait before they are asked: for their provider, for their minute, and for what a refusal has told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.domain.run import Seat
from bot.settings.settings import DeadlineSettings
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse
from tests.support.answers import ASK, SEAT, collect_deltas, hear, make_model, open_speaker

HANGS = Reply(sse(chunk("on ")), then="hang")
FOR_PROVIDER = "M waits for its provider, about 5 s"


async def collect_notices(*given: object) -> list[str]:
    return [delta.notice for delta in await collect_deltas(*given) if delta.notice]  # type: ignore[arg-type]


async def test_seats_of_one_provider_wait_in_order_and_see_their_place() -> None:
    async with ModelServer() as server:
        server.tell(answer("x", gap_s=0.02))
        models = [replace(make_model(server.url), key=key, concurrency=1) for key in "abcd"]
        async with open_speaker(*models) as made:
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(collect_deltas(made, Seat(m.key, m.key, m.key))) for m in models]
            notices = [[delta.notice for delta in task.result() if delta.notice] for task in asked]
        spans = [(seen.at, seen.ended_at) for seen in server.log]
    places = ["M: 3rd in line", "M: 2nd in line", "M: next in line", "thinking"]
    assert notices == [[], places[2:], places[1:], places]
    assert all(end is not None and end <= start for (_, end), (start, _) in pairwise(spans))


async def test_whoever_gives_up_waiting_makes_room() -> None:
    async with ModelServer() as server:
        server.tell(Reply(sse(chunk("on ")), then="hang"))
        async with open_speaker(replace(make_model(server.url), concurrency=1)) as made:
            async with aclosing(made.speak(SEAT, ASK)) as first:
                await anext(first)
                async with aclosing(made.speak(SEAT, ASK)) as second:
                    assert (await anext(second)).notice == "M: next in line"
            server.tell(answer("next"))
            assert (await hear(made.speak(SEAT, ASK))).text == "next"


async def test_a_refusal_holds_up_all_seats_of_its_model_and_no_other() -> None:
    async with ModelServer() as server:
        server.tell(error(429, "Slow down", {"retry-after-ms": "300"}), answer("fine"))
        model = replace(make_model(server.url), concurrency=1)
        other = replace(model, key="other", name="O", litellm="hosted_vllm/other")
        async with open_speaker(model, other) as made, asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(collect_notices(made, Seat(k, k, k))) for k in ("m", "m", "m", "other")]
        models = [seen.body["model"] for seen in server.log]
    first, second, third, others = (task.result() for task in asked)
    assert models == ["test", "other", "test", "test", "test"], "nobody else ran into it"
    assert first == [FOR_PROVIDER, "thinking"], "it is waited for, and no failure"
    assert FOR_PROVIDER not in second + third + others
    assert second[-2:] == ["M: next in line", "thinking"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"},
        {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "0.3s"},
    ],
)
@pytest.mark.parametrize("prefix", ["hosted_vllm", "openai"])
async def test_a_provider_with_nothing_left_is_not_asked_before_its_reset(headers: dict[str, str], prefix: str) -> None:
    async with ModelServer() as server:
        last = replace(answer("ok"), headers={"Content-Type": "text/event-stream", **headers})
        refusal = error(429, "Slow down", headers)
        server.tell(last, refusal, answer("fine"))
        async with open_speaker(make_model(server.url, prefix)) as made:
            notices = [await collect_notices(made) for _ in range(2)]
        assert len(server.log) == 3
    assert notices == [[], [FOR_PROVIDER, "thinking"] * 2]


async def test_a_pause_longer_than_a_seat_may_take_is_told_at_once_and_nobody_is_asked() -> None:
    async with ModelServer() as server:
        server.tell(error(429, "Slow down", {"Retry-After": "400"}), answer("too early"))
        async with open_speaker(make_model(server.url), deadlines=DeadlineSettings()) as made:
            heard = [await hear(made.speak(SEAT, ASK)) for _ in range(2)]
        assert len(server.log) == 1
    errors = [h.error for h in heard if h.error]
    assert [e.kind for e in errors] == ["rate_limit", "rate_limit"]
    assert [e.text for e in errors] == ["too many requests: Slow down", "too many requests: no more for 400 s"]


async def test_requests_above_the_minute_wait_and_are_not_asked() -> None:
    async with ModelServer() as server:
        server.tell(answer("fine"))
        async with open_speaker(replace(make_model(server.url), requests_per_minute=1)) as made:
            assert (await hear(made.speak(SEAT, ASK))).text == "fine"
            async with aclosing(made.speak(SEAT, ASK)) as second:
                assert (await anext(second)).notice == "M waits for its minute, about 60 s"
            assert len(server.log) == 1


async def test_tokens_of_the_minute_are_held_while_it_answers_and_what_was_not_used_is_free_then() -> None:
    async with ModelServer() as server:
        server.tell(answer("fine", usage=(7, 5)))
        async with open_speaker(replace(make_model(server.url), max_tokens=900, tokens_per_minute=1_000)) as made:
            for _ in range(3):
                assert await collect_notices(made) == []
            server.tell(HANGS)
            async with aclosing(made.speak(SEAT, ASK)) as first, aclosing(made.speak(SEAT, ASK)) as second:
                assert (await anext(first)).text == "on "
                assert (await anext(second)).notice.startswith("M waits for its minute")
            assert len(server.log) == 4


async def test_a_large_minute_is_used_up_by_what_is_reported() -> None:
    async with ModelServer() as server:
        server.tell(answer("fine", usage=(600, 300)))
        async with open_speaker(replace(make_model(server.url), max_tokens=200, tokens_per_minute=1_000)) as made:
            assert await collect_notices(made) == []
            async with aclosing(made.speak(SEAT, ASK)) as second:
                assert (await anext(second)).notice.startswith("M waits for its minute")
