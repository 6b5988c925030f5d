"""Model servers on this machine, small ones of our own: Ollama, vLLM and llama.cpp as far as they are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def send_json(body: Any, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return handler


@asynccontextmanager
async def serve_paths(paths: dict[str, Handler]) -> AsyncIterator[int]:
    """Yield the port of a server on 127.0.0.1; other paths than these are 404."""
    app = web.Application()
    for path, handler in paths.items():
        app.router.add_route("*", path, handler)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    assert server.port is not None
    try:
        yield server.port
    finally:
        await server.close()


async def ollama_show(request: web.Request) -> web.StreamResponse:
    """As Ollama describes a model: its window under the name of its architecture."""
    shown: dict[str, Any] = {
        "qwen3:8b": {"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960}},
        "tiny:latest": {"model_info": {"general.architecture": "llama", "llama.context_length": 2048}},
        "nomic:latest": {"capabilities": ["embedding"]},
    }
    name = (await request.json())["model"]
    return web.json_response(shown[name]) if name in shown else web.json_response({"error": "not found"}, status=404)


OLLAMA: dict[str, Handler] = {
    "/api/version": send_json({"version": "0.12.6"}),
    "/api/tags": send_json(
        {
            "models": [
                {"name": "qwen3:8b"},
                {"name": "nomic:latest"},
                {"name": "huge:cloud", "remote_host": "https://ollama.com:443"},
                {"name": "gone:latest"},
                {"name": "tiny:latest"},
            ]
        }
    ),
    "/api/show": ollama_show,
    "/api/ps": send_json({"models": [{"name": "tiny:latest"}]}),
    "/v1/models": send_json({"data": [{"id": "qwen3:8b"}]}),
}
VLLM: dict[str, Handler] = {"/v1/models": send_json({"data": [{"id": "org/Big-7B", "max_model_len": 16384}]})}
LLAMA_CPP: dict[str, Handler] = {
    "/v1/models": send_json(
        {"models": [{"name": "m.gguf"}], "data": [{"id": "m.gguf", "meta": {"n_ctx_train": 8192}}]}
    ),
    "/props": send_json({"default_generation_settings": {"n_ctx": 4096}}),
    "/health": send_json({"status": "ok"}),
}
LLAMA_CPP_STARTING: dict[str, Handler] = {
    path: send_json({"error": {"message": "Loading model"}}, 503) for path in ("/v1/models", "/props", "/health")
}
