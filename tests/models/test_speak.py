"""One seat speaking over the wire: the real litellm against a server that does what providers do, and worse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.domain.asks import Ask, Part
from bot.domain.run import Seat, Usage
from bot.domain.spending import Payer
from bot.models import client
from bot.models.catalogue import LOCAL, Model
from bot.models.errors import Kind, ProviderError
from bot.models.speak import Speaker
from bot.models.tokens import make_counter
from bot.settings.settings import DeadlineSettings, LimitSettings, RetrySettings
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse
from tests.support.answers import (
    ASK,
    AT_ONCE,
    SEAT,
    Heard,
    answered,
    assert_for_people,
    collect_deltas,
    hear,
    make_model,
    open_speaker,
    wait_until_left,
)
from tests.support.certificates import EXPIRED, TO_COME, VALID, serve_tls

SCHEMA = {"type": "object", "properties": {"ranking": {"type": "string"}}, "required": ["ranking"]}
PREFIXES = ("hosted_vllm", "openai")  # litellm's two ways to an OpenAI-compatible endpoint


async def test_an_answer_comes_as_it_was_written() -> None:
    heard, server = await answered(answer("Tabs", ", ", "surely.", usage=(11, 4)))
    assert heard == Heard("Tabs, surely.", "", "done", Usage(11, 4, 0, "reported"), None)
    [seen] = server.log
    assert seen.body["stream_options"] == {"include_usage": True}
    assert seen.body["messages"] == [{"role": "user", "content": "Tabs or spaces?"}]


async def test_an_answer_cut_by_its_token_limit_says_so() -> None:
    heard, _ = await answered(answer("Tabs", finish="length"))
    assert (heard.text, heard.ending) == ("Tabs", "length")


async def test_thinking_comes_apart() -> None:
    heard, _ = await answered(Reply(sse(chunk(reasoning_content="hm"), chunk("Yes"), chunk(finish="stop"), "[DONE]")))
    assert (heard.text, heard.thinking, heard.ending) == ("Yes", "hm", "done")


async def test_a_seats_own_temperature_and_limit_win() -> None:
    async with ModelServer() as server:
        server.tell(answer("ok"))
        given = replace(make_model(server.url), temperature=0.1, max_tokens=10, api_key="k-1")
        async with open_speaker(given) as made:
            await collect_deltas(made)
            await collect_deltas(made, replace(SEAT, temperature=0.9, max_tokens=20))
        said = [(seen.body["temperature"], seen.body["max_tokens"]) for seen in server.log]
        assert said == [(0.1, 10), (0.9, 20)]
        assert {seen.headers["Authorization"] for seen in server.log} == {"Bearer k-1"}


async def test_a_prompt_over_the_window_is_not_even_sent() -> None:
    async with ModelServer() as server, open_speaker(replace(make_model(server.url), window=10)) as made:
        with pytest.raises(ProviderError) as raised:
            await collect_deltas(made, ask=Ask((Part("user", "word " * 50),)))
        assert raised.value.kind == "window"
        assert server.log == []


PAGE = Reply((b"<html><body>Service Unavailable</body></html>",), 503, {"Content-Type": "text/html"})
FAULTS: list[tuple[Reply, Kind, str]] = [
    (error(401, "Incorrect API key: sk-12345. See https://x"), "key", "refused: Incorrect API key: [key removed]"),
    (error(402, "Insufficient credits"), "billing", "Insufficient credits"),
    (error(404, "The model does not exist"), "not_found", "The model does not exist"),
    (error(429, "Slow down"), "rate_limit", "too many requests: Slow down"),
    (error(429, "You exceeded your quota", code="insufficient_quota"), "billing", "You exceeded your quota"),
    (error(400, "maximum context length is 8", code="context_length_exceeded"), "window", "context length is 8"),
    (error(400, "Unknown field"), "other", "Unknown field"),
    (error(403, "Not for you"), "key", "refused: Not for you"),
    (error(408, "Too slow"), "unreachable", "the provider's server had an error: Too slow"),
    (error(413, "Too large"), "window", "does not fit the model's window: Too large"),
    (error(500, "Out of memory"), "unreachable", "the provider's server had an error: Out of memory"),
    (PAGE, "unreachable", "the provider's server had an error"),
    (Reply(then="reset"), "unreachable", "the provider cannot be reached: the connection was lost"),
    (answer("no", finish="content_filter"), "refused", "content filter"),
    (answer(""), "no_text", "the answer was empty"),
    (Reply((b"<html>log in</html>",)), "not_found", "a web page came instead of an answer: look at its api_base"),
    (Reply(), "broken_off", "the connection closed before its end"),
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("reply", "kind", "told"), FAULTS, ids=str)
async def test_each_fault_has_its_kind_and_a_sentence(prefix: str, reply: Reply, kind: Kind, told: str) -> None:
    heard, _ = await answered(reply, prefix=prefix, retries=RetrySettings(tries=1))
    assert heard.error is not None
    assert heard.error.kind == kind
    assert told in heard.error.text
    assert_for_people(heard.error.text)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (EXPIRED, "certificate is refused, certificate has expired: is this machine's clock right?"),
        (TO_COME, "certificate is refused, certificate is not yet valid: is this machine's clock right?"),
        (VALID, "does a proxy stand in between?"),
    ],
)
async def test_a_refused_certificate_says_what_to_look_at(
    days: tuple[int, int], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if days is not VALID:  # which is trusted but for its days
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    async with (
        serve_tls(tmp_path / "own.pem", days) as address,
        open_speaker(make_model(address), retries=RetrySettings(tries=1)) as made,
    ):
        heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert (heard.error.kind, told in heard.error.text) == ("unreachable", True)
    assert_for_people(heard.error.text)


async def test_a_refused_connection() -> None:
    async with open_speaker(make_model(f"http://127.0.0.1:{unused_port()}"), retries=RetrySettings(tries=1)) as made:
        heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("unreachable", "the provider cannot be reached")


BROKEN = {
    "a reset": Reply(sse(chunk("half an ")), then="reset"),
    "an end without an end": Reply(sse(chunk("half an "))),
    "an error": Reply(sse(chunk("half an "), {"error": {"message": "The server had an error", "code": 500}})),
    "garbage": Reply((*sse(chunk("half an ")), b"data: {not json\n\n", b"!!\n\n")),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_in_mid_stream_keeps_what_came_and_is_not_asked_again(prefix: str, name: str) -> None:
    heard, server = await answered(BROKEN[name], prefix=prefix)
    assert heard.text == "half an "
    assert heard.usage is not None
    assert heard.usage.source == "estimated"
    assert heard.error is not None
    assert heard.error.kind == "broken_off"
    assert heard.error.text.startswith("the answer broke off: ")
    assert_for_people(heard.error.text)
    assert len(server.log) == 1


async def test_a_wrong_encoding_costs_a_character_and_not_the_answer() -> None:
    [first] = sse(chunk("café"))
    heard, _ = await answered(Reply((first.replace(b"\\u00e9", b"\xe9"), *sse(chunk(finish="stop"), "[DONE]"))))
    assert heard.text == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_of_ten_megabytes_in_one_chunk_the_beginning_is_kept(prefix: str) -> None:
    text = "".join(f"{n} " for n in range(1_500_000))
    heard, _ = await answered(answer(text), prefix=prefix)
    assert heard.text == text[: LimitSettings().answer_chars]
    assert heard.ending == "length"
    assert heard.usage is not None
    assert heard.usage.source == "estimated"  # what was reported came after the cut


async def test_endless_repetition_is_stopped_and_the_connection_closed() -> None:
    async with ModelServer() as server:
        server.tell(Reply(sse(chunk("Well. "), chunk("And so on, and so on. ")), then="repeat"))
        async with open_speaker(make_model(server.url)) as made:
            heard = await hear(made.speak(SEAT, ASK))
            await wait_until_left(server)
    assert heard.ending == "repeated"
    assert heard.text.startswith("Well. And so on")
    assert heard.usage is not None
    assert heard.usage.source == "estimated"


@pytest.mark.parametrize(
    ("reply", "deadlines", "text", "told"),
    [
        (Reply(then="hang"), DeadlineSettings(first_token_timeout_s=0.05), "", "no answer began within 0.05 s"),
        (Reply(sse(chunk("a")), then="hang"), DeadlineSettings(idle_timeout_s=0.05), "a", "nothing more came for 0.05"),
        (
            Reply(tuple(sse(*(chunk(f"{n} ") for n in range(10_000)))), gap_s=0.001, then="repeat"),
            DeadlineSettings(total_timeout_s=0.1),
            "0 1",
            "not finished after 0.1 s",
        ),
    ],
)
async def test_a_stall_is_told_and_the_connection_closed(
    reply: Reply, deadlines: DeadlineSettings, text: str, told: str
) -> None:
    async with ModelServer() as server:
        server.tell(reply)
        async with open_speaker(make_model(server.url), deadlines=deadlines) as made:
            heard = await hear(made.speak(SEAT, ASK))
            await wait_until_left(server)
    assert heard.text.startswith(text)
    assert heard.error is not None
    assert heard.error.kind == "stalled"
    assert told in heard.error.text
    assert len(server.log) == 1, "a stall is not asked again"


async def test_at_the_start_one_seat_of_each_run_is_asked_before_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, open_stream = [], client.open_stream

    async def noted(request: client.Request) -> client.ModelStream:
        opened.append(request["model"][-1])
        return await open_stream(request)

    monkeypatch.setattr(client, "open_stream", noted)
    async with ModelServer() as server:
        server.tell(answer("Yes."))
        seats = {key: replace(make_model(server.url), key=key, litellm=f"hosted_vllm/{key}") for key in "abcd"}
        made = Speaker(seats, DeadlineSettings(), AT_ONCE)  # nothing is loaded yet
        said = [collect_deltas(made, Seat(k, k, k), payer=Payer(r)) for k, r in zip(seats, "1122", strict=True)]
        heard = await asyncio.gather(*said)
        again = await collect_deltas(made, Seat("a", "a", "a"))
        await made.aclose()
    assert opened[-5:-1] == [*"acbd"]  # after the client's own first call
    assert [[delta.loaded for delta in deltas].count(True) for deltas in (*heard, again)] == [1, 1, 1, 1, 0]
    assert all(deltas[0].loaded for deltas in heard), "a turn is timed from there"


async def test_a_schema_goes_with_the_ask_and_an_endpoint_that_refuses_it_is_asked_without() -> None:
    ask = Ask(ASK.parts, SCHEMA)
    async with ModelServer() as server:
        server.tell(answer("{}"), error(400, "response_format is not supported"), answer("A > B"))
        async with open_speaker(make_model(server.url)) as made:
            said = ["".join(delta.text for delta in await collect_deltas(made, ask=ask)) for _ in range(3)]
        asked = [seen.body.get("response_format", {}).get("json_schema", {}).get("schema") for seen in server.log]
    assert said == ["{}", "A > B", "A > B"]
    assert asked == [SCHEMA, SCHEMA, None, None], "once refused, it is not offered again"


@pytest.mark.parametrize("left", ["2", "90"])
async def test_the_operator_is_warned_when_few_requests_are_left(left: str) -> None:
    headers = {"Content-Type": "text/event-stream", "x-ratelimit-remaining-requests": left}
    reply = replace(answer("ok"), headers={**headers, "x-ratelimit-limit-requests": "100"})
    with structlog.testing.capture_logs() as logs:
        await answered(reply, prefix="openai")
    assert [(entry["left"], entry["of"]) for entry in logs] == ([(2, 100)] if left == "2" else [])


@asynccontextmanager
async def ollama(*, loaded: bool, slow_s: float = 0.0) -> AsyncIterator[str]:
    """A server that speaks Ollama's protocol (docs.ollama.com/api), with one model."""

    async def running(_: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": "tiny:latest"}] if loaded else []})

    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        await asyncio.sleep(slow_s)
        said: dict[str, Any] = {"model": "tiny", "created_at": "2026-01-01T00:00:00Z", "done": False}
        last = {**said, "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2}
        for text, line in (("Spaces", said), (".", said), ("", last)):
            body = {**line, "message": {"role": "assistant", "content": text}}
            await response.write(json.dumps(body).encode() + b"\n")
        return response

    app = web.Application()
    app.router.add_get("/api/ps", running)
    app.router.add_post("/api/chat", chat)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_local_model_that_loads_says_so_and_is_not_stalled(loaded: bool) -> None:
    deadlines = DeadlineSettings(first_token_timeout_s=0.01, total_timeout_s=30)
    async with ollama(loaded=loaded, slow_s=0.05) as url:
        local = Model("m", "ollama_chat/tiny", "M", "p", api_base=url, price=LOCAL, num_ctx=2048)
        async with open_speaker(local, deadlines=deadlines) as made:
            deltas = await collect_deltas(made)
    assert [delta.notice for delta in deltas if delta.notice] == ([] if loaded else ["loading the model"])
    assert "".join(delta.text for delta in deltas) == "Spaces."
    assert [delta.usage for delta in deltas if delta.usage][-1] == Usage(9, 2, 0, "reported")


async def test_what_was_used_so_far_is_known_at_any_moment() -> None:
    """A turn that is skipped, stopped or cut off is paid for as well."""
    async with ModelServer() as server:
        words = [f"{number} tabs, " for number in range(200)]
        server.tell(replace(answer(*words), then="hang"))
        used, heard = [], 0
        async with open_speaker(make_model(server.url)) as made, aclosing(made.speak(SEAT, ASK)) as deltas:
            async for delta in deltas:
                used += [delta.usage] if delta.usage else []
                heard += bool(delta.text)
                if heard == 150:
                    break
    assert all(usage.source == "estimated" and usage.input > 0 for usage in used)
    outputs = [usage.output for usage in used]
    assert outputs == sorted(outputs)
    whole = make_counter("hosted_vllm/test")("".join(words[:150]))
    assert outputs[-1] == pytest.approx(whole, rel=0.05)
