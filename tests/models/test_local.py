from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from bot.models import local
from bot.models.catalogue import LOCAL, OLLAMA_CTX, Model
from bot.models.errors import ProviderError
from bot.models.listing import fetch_available
from bot.models.local import discover_servers, is_loading
from tests.support.local_servers import LLAMA_CPP, LLAMA_CPP_STARTING, OLLAMA, VLLM, Handler, send_json, serve_paths


def root(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def test_ollama_is_found_with_windows_that_fit_and_what_is_loaded_first() -> None:
    async with serve_paths(OLLAMA) as port:
        (found,) = await discover_servers([port])
    assert (found.kind, found.base_url) == ("ollama", root(port))
    assert [(m.litellm, m.num_ctx, m.window) for m in found.models] == [
        ("ollama_chat/tiny:latest", 2048, 2048),
        ("ollama_chat/qwen3:8b", OLLAMA_CTX, OLLAMA_CTX),
        ("ollama_chat/gone:latest", OLLAMA_CTX, OLLAMA_CTX),
    ]
    assert [m.name for m in found.models] == ["tiny", "qwen3:8b", "gone"]
    assert {(m.price, m.api_base, m.window_source) for m in found.models} == {(LOCAL, root(port), "server")}


async def test_openai_compatible_servers_are_found_in_the_order_of_their_ports() -> None:
    async with serve_paths(VLLM) as vllm, serve_paths(LLAMA_CPP) as llama:
        first, second = await discover_servers([vllm, unused_port(), llama])
    assert [(m.litellm, m.name, m.window, m.api_base) for m in first.models] == [
        ("hosted_vllm/org/Big-7B", "Big-7B", 16384, f"{root(vllm)}/v1")
    ]
    assert [(m.litellm, m.name, m.window, m.num_ctx) for m in second.models] == [
        ("hosted_vllm/m.gguf", "m", 4096, None)
    ]
    assert not first.loading
    assert not second.loading


async def test_a_server_that_loads_is_said_to_load() -> None:
    async with serve_paths(LLAMA_CPP_STARTING) as port:
        (found,) = await discover_servers([port])
    assert (found.models, found.loading) == ((), True)


async def test_embedding_models_are_no_seats() -> None:
    listed = send_json({"data": [{"id": "text-embedding-nomic-embed-text-v1.5"}, {"id": "chatty"}]})
    async with serve_paths({"/v1/models": listed}) as port:
        (found,) = await discover_servers([port])
    assert [m.name for m in found.models] == ["chatty"]


@pytest.mark.parametrize(
    ("listed", "keys"),
    [
        (["m", "acme/Big-7B"], ["m", "acme-big-7b"]),
        (["qwen3:8b", "qwen3/8b"], ["qwen3:8b", "qwen3-8b"]),
        (["a b", "a/b", "a-b"], ["a-b-2", "a-b-3", "a-b"]),  # the one that is a key keeps it
        (["a/b", "a b", "a-b"], ["a-b-3", "a-b-2", "a-b"]),  # in whatever order they come
        (["🦙", "模型"], ["model-2", "model"]),
        (["m", "m", "m"], ["m"]),
        (["x" * 41, "y" * 200], ["x" * 36, "y" * 36]),
        (["", "bell\a", "line\nbreak", "m\u202e", "\ud800", "m"], ["m"]),  # what cannot be printed is left out
    ],
)
async def test_any_id_gets_a_key_of_its_own(listed: list[str], keys: list[str]) -> None:
    models = {"data": [{"id": name} for name in listed]}
    async with serve_paths({"/v1/models": send_json(models)}) as port:
        (found,) = await discover_servers([port])
    assert [m.key for m in found.models][: len(keys)] == keys
    assert {m.litellm.removeprefix("hosted_vllm/") for m in found.models} <= set(listed)


async def test_two_servers_that_list_the_same_model_are_two_models() -> None:
    async with serve_paths(VLLM) as one, serve_paths(VLLM) as other:
        servers = await discover_servers([one, other])
    assert {m.key for s in servers for m in s.models} == {"org-big-7b", "org-big-7b-2"}


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"data": [')
    assert request.transport is not None
    request.transport.close()
    return response


async def garbage(_: web.Request) -> web.StreamResponse:
    return web.Response(text="{", content_type="application/json")


async def page(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>a wiki</html>", content_type="text/html")


@pytest.mark.parametrize(
    "odd",
    [
        hangs,
        breaks_off,
        garbage,
        page,
        send_json([]),
        send_json({"data": "none"}),
        send_json({"data": [1, {"id": "embed"}]}),
        send_json({"error": "Unexpected endpoint"}),
        send_json({}, 401),
        send_json({}, 500),
        send_json({}, 503),
    ],
)
async def test_an_odd_server_is_passed_over(odd: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PROBE_TIMEOUT_S", 2.0)  # the sound one answers in time beside whatever else runs here
    async with serve_paths({"/{any:.*}": odd}) as port, serve_paths(VLLM) as sound:
        found = await discover_servers([port, sound])
    assert [s.base_url for s in found] == [f"{root(sound)}/v1"]


async def test_an_odd_ollama_is_an_empty_one() -> None:
    for tags in (send_json({"models": [{}, 3]}), send_json({}), hangs):
        async with serve_paths({"/api/version": send_json({"version": "1"}), "/api/tags": tags}) as port:
            (found,) = await discover_servers([port])
        assert (found.kind, found.models) == ("ollama", ())


async def test_an_ollama_that_describes_oddly_is_taken_at_its_default() -> None:
    odd: list[Any] = [{"model_info": 3, "capabilities": None}, {"model_info": {"general.architecture": 1}}, []]
    for about in odd:
        async with serve_paths({**OLLAMA, "/api/show": send_json(about)}) as port:
            (found,) = await discover_servers([port])
        assert {m.num_ctx for m in found.models} == {OLLAMA_CTX}


async def test_no_server_is_no_error() -> None:
    assert await discover_servers([unused_port()]) == []


def seat(litellm: str, base: str | None, **more: Any) -> Model:
    return Model("m", litellm, "M", litellm.partition("/")[0], api_base=base, **more)


async def test_loading_asks_ollama_what_is_in_memory() -> None:
    async with serve_paths(OLLAMA) as port:
        tiny = seat("ollama_chat/tiny", root(port), num_ctx=2048)
        assert not await is_loading(tiny)
        assert await is_loading(replace(tiny, litellm="ollama_chat/qwen3:8b"))
    assert not await is_loading(tiny)  # it is gone: nobody can tell


async def test_loading_looks_for_ollama_where_litellm_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve_paths(OLLAMA) as port:
        monkeypatch.setenv("OLLAMA_API_BASE", root(port))
        assert await is_loading(seat("ollama_chat/qwen3:8b", None, num_ctx=2048))


async def test_loading_asks_llama_cpp_for_its_health() -> None:
    async with serve_paths(LLAMA_CPP_STARTING) as starting, serve_paths(LLAMA_CPP) as ready:
        assert await is_loading(seat("hosted_vllm/m", f"{root(starting)}/v1"))
        assert not await is_loading(seat("hosted_vllm/m", f"{root(ready)}/v1"))
    assert not await is_loading(seat("anthropic/claude", None))


# What an endpoint offers


def guarded(header: str, value: str, body: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(body) if request.headers.get(header) == value else web.json_response({}, status=401)

    return handler


OPENAI_LIST = {"data": [{"id": "b"}, {"id": "a"}, {}, 5]}
GEMINI_LIST = {
    "models": [
        {"name": "models/gemini-x", "supportedGenerationMethods": ["generateContent"]},
        {"name": "models/embedding-1", "supportedGenerationMethods": ["embedContent"]},
    ]
}


@pytest.mark.parametrize(
    ("litellm", "path", "base", "handler", "offered"),
    [
        ("openai/x", "/v1/models", "/v1", guarded("Authorization", "Bearer k", OPENAI_LIST), ["openai/a", "openai/b"]),
        ("hosted_vllm/x", "/v1/models", "/v1/", send_json(OPENAI_LIST), ["hosted_vllm/a", "hosted_vllm/b"]),
        ("anthropic/x", "/v1/models", "", guarded("x-api-key", "k", {"data": [{"id": "c"}]}), ["anthropic/c"]),
        ("gemini/x", "/v1beta/models", "", guarded("x-goog-api-key", "k", GEMINI_LIST), ["gemini/gemini-x"]),
        ("ollama_chat/x", "/api/tags", "", send_json({"models": [{"name": "q:8b"}]}), ["ollama_chat/q:8b"]),
    ],
)
async def test_an_endpoint_tells_what_it_offers(
    litellm: str, path: str, base: str, handler: Handler, offered: list[str]
) -> None:
    async with serve_paths({path: handler}) as port:
        assert await fetch_available(seat(litellm, root(port) + base, api_key="k")) == offered


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (send_json({}, 401), "key"),
        (send_json({}, 429), "rate_limit"),
        (send_json({}, 404), "not_found"),
        (send_json({}, 500), "unreachable"),
        (send_json({}, 418), "other"),
        (send_json({"data": None}), "other"),
        (send_json([]), "other"),
        (garbage, "other"),
        (page, "other"),
        (breaks_off, "other"),
    ],
)
async def test_what_goes_wrong_with_a_list_has_a_name(handler: Handler, kind: str) -> None:
    async with serve_paths({"/models": handler}) as port:
        with pytest.raises(ProviderError) as caught:
            await fetch_available(seat("openai/x", root(port), api_key="secret"))
    assert caught.value.kind == kind
    assert "secret" not in caught.value.text


async def test_a_list_of_nobody() -> None:
    with pytest.raises(ProviderError) as caught:
        await fetch_available(seat("openai/x", f"http://127.0.0.1:{unused_port()}"))
    assert caught.value.kind == "unreachable"
    with pytest.raises(ProviderError, match="set api_base") as caught:
        await fetch_available(seat("bedrock/x", None))
    assert caught.value.kind == "not_found"
