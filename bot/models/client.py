"""litellm, loaded late and kept quiet: the only place that opens and closes its streams."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import inspect
import logging
import os
import sys
import warnings
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol

from bot.models import pictures, wire
from bot.models.tokens import load_table
from bot.network import is_nearby

Request = Mapping[str, Any]  # the arguments of litellm.acompletion

_CLOSING_S = 5.0


class ModelStream(Protocol):
    """A stream of chunks: the part of litellm's CustomStreamWrapper that is used."""

    chunks: list[Any]  # all that the wire carried, a usage included; what litellm adds itself is not in it
    received_finish_reason: str | None  # the provider's; the last chunk's may be litellm's invention
    intermittent_finish_reason: str | None
    custom_llm_provider: str | None
    sent_last_chunk: bool
    bodies: Sequence[Any]  # of its responses, as `wire` has mended them; set here
    logging_obj: Any
    _hidden_params: dict[str, Any]

    async def _finalize_completed_stream(self, cache_hit: bool) -> Any: ...

    def __aiter__(self) -> AsyncIterator[Any]: ...

    async def aclose(self) -> None: ...


def _litellm() -> Any:
    """Import the package when it is needed, as that takes 1.5 s. It declares few of its names."""
    return importlib.import_module("litellm")


def load_litellm(proxied: Collection[str] = ()) -> None:
    """Import litellm (1.5 s) and make a first call without a network (0.4 s). It blocks: call it in a thread.

    `proxied`: the hosts nearby that are reached by the environment's proxy all the same.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before the import, or that downloads the price map
    warnings.filterwarnings("ignore", message=".*using the `ReadOnly` qualifier", category=UserWarning)  # pydantic's
    with _leave_uncollected():
        _load_quietly(proxied)


@contextmanager
def _leave_uncollected() -> Iterator[None]:
    """Look for no garbage while litellm is imported, and never in what it leaves in memory.

    The looks would take a quarter of the import's time, and the first one after it would hold the loop.
    """
    if "litellm" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _load_quietly(proxied: Collection[str]) -> None:
    litellm = _litellm()
    litellm.suppress_debug_info = True  # it prints to standard output
    litellm.telemetry = False
    litellm.disable_hf_tokenizer_download = True  # it would fetch one for "llama-3" and the like, and block the loop
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # our own guard tells loops from tables
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # its log lines quote prompts
    _reach_nearby_directly(proxied)
    _mend_streams()
    _share_table()
    asyncio.run(_first_call())


def _share_table() -> None:
    """Give litellm the table that we count by in place of its own, cl100k_base, which takes 40 MB.

    It only estimates by it what streams do not report that we cannot read ourselves (decision 22).
    """
    table = load_table("o200k_base")
    shared = object.__new__(type(table))
    vars(shared).update(vars(table), name="cl100k_base")  # by any other name litellm would load its own all the same
    module: Any = ModuleType("litellm.litellm_core_utils.default_encoding")
    module.encoding = shared
    sys.modules[module.__name__] = module


def _reach_nearby_directly(proxied: Collection[str]) -> None:
    """Let the environment's proxy take only what leaves the private network, whatever NO_PROXY says.

    All calls then go through the one transport that asks for a proxy call by call. The clients of httpx beside it would
    be made for each proxy that the environment names, and fail on one that httpx does not know, such as socks://.
    """
    http_handler: Any = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    transport = importlib.import_module("litellm.llms.custom_httpx.aiohttp_transport").LiteLLMAiohttpTransport
    find_proxy = inspect.unwrap(transport._proxy_from_env)

    @functools.wraps(find_proxy)
    def find_unless_nearby(self: Any, url: Any) -> Any:
        return None if is_nearby(url.host) and url.host not in proxied else find_proxy(self, url)

    http_handler.get_environment_proxies = dict
    transport._proxy_from_env = find_unless_nearby
    httpx = importlib.import_module("httpx")  # slow to import, and loaded by litellm
    direct = http_handler.HTTPHandler(client=httpx.Client(trust_env=False))
    _litellm().module_level_client = direct  # it asks Ollama alone, what a model can do


def _mend_streams() -> None:
    """Have litellm send pictures out of the store, and read streams that `wire` has made regular.

    Every asynchronous call goes through this transport.
    """
    transport = importlib.import_module("litellm.llms.custom_httpx.aiohttp_transport").LiteLLMAiohttpTransport
    transport.handle_async_request = wire.mend_responses(
        pictures.fill_requests(inspect.unwrap(transport.handle_async_request))
    )


async def _first_call() -> None:
    stream = await open_stream(
        {
            "model": "hosted_vllm/warm-up",
            "messages": [{"role": "user", "content": "hello"}],
            "mock_response": "hello",
            "api_key": "none",
            "api_base": "http://127.0.0.1",
        }
    )
    async for _ in stream:
        pass


async def open_stream(request: Request) -> ModelStream:
    """Start a streamed answer. Raises what litellm raises."""
    bodies = wire.collect_bodies()
    stream: ModelStream = await _litellm().acompletion(
        **request,
        stream=True,
        max_retries=0,  # providers differ in what they retry: the loop is ours
        drop_params=True,  # a temperature that a model does not take is no reason to fail
    )
    stream.bodies = bodies
    _leave_out_record(stream)
    return stream


async def search_web(request: Request) -> Sequence[Any]:
    """Return what litellm.asearch finds: objects with `title`, `url` and `snippet`. Raises what litellm raises.

    litellm's wrapper is left out: it retries by itself, and records each call in a task that nobody owns.
    """
    response = await inspect.unwrap(_litellm().asearch)(**request)
    found: Sequence[Any] = response.results
    return found


def _leave_out_record(stream: ModelStream) -> None:
    """Have litellm make no record of an answer, as nobody reads it here.

    For one that is complete it puts the whole text together again in a thread, which takes the event loop's time all
    the same. It records in a task without an owner, and for Ollama it asks the server about the model by a call that
    blocks the loop.
    """
    finish = stream._finalize_completed_stream

    async def finish_unrecorded(cache_hit: bool) -> Any:
        if stream.sent_last_chunk:
            raise StopAsyncIteration
        return await finish(cache_hit=cache_hit)

    async def skip(*_: object, **__: object) -> None:
        pass

    stream._finalize_completed_stream = finish_unrecorded  # type: ignore[method-assign]  # litellm has no switch for it
    stream.logging_obj.dispatch_failure_handlers = skip


async def close_stream(stream: ModelStream) -> None:
    """Close the connection at once; an abandoned stream would keep it until it is collected.

    litellm closes none of Anthropic's.
    """
    try:
        async with asyncio.timeout(_CLOSING_S):
            await stream.aclose()
            for body in stream.bodies:
                await body.aclose()
    except TimeoutError:
        pass


def read_fields(part: Any) -> Mapping[str, Any]:
    """Return the fields of a chunk or its delta, models of pydantic's: asking one for what it lacks takes 5 µs."""
    return {**(part.model_extra or {}), **vars(part)}


def response_headers(stream: ModelStream) -> Mapping[str, str]:
    """Return the response's headers, with litellm's prefix before the names it does not know."""
    found: Mapping[str, str] = stream._hidden_params.get("additional_headers") or {}
    return found


def supports_schema(model: str) -> bool:
    return bool(_litellm().supports_response_schema(model))


async def close_pool() -> None:
    """Close the connections that litellm keeps for later calls, and forget them, or it would use them closed."""
    litellm = _litellm()
    kept_apart = vars(litellm).pop("module_level_aclient", None)  # Anthropic's and Gemini's; made again when missed
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()
    if kept_apart is not None:
        await kept_apart.close()
    for _ in range(2):  # turns of the loop, in which it closes the iterators that were left before their end
        await asyncio.sleep(0)
