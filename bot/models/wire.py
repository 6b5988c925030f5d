"""Streams as providers send them, made regular before litellm reads them: which mender is for which request."""

from __future__ import annotations

import functools
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from bot.models.chat_mender import ChatMender
from bot.models.errors import ProviderError
from bot.models.mender import Mender
from bot.models.provider_menders import (
    AnthropicMender,
    CohereMender,
    GeminiMender,
    OllamaMender,
    ResponsesMender,
    WholeResponseMender,
)
from bot.models.wire_usage import Report

if TYPE_CHECKING:
    import httpx  # slow to import

Handler = Callable[[Any, "httpx.Request"], Awaitable["httpx.Response"]]  # of a transport and a request

_MENDERS: Mapping[str, Callable[[], Mender]] = {  # by the end of the path
    "/chat/completions": ChatMender,
    "/v1/messages": AnthropicMender,
    "/responses": ResponsesMender,
    "/v2/chat": CohereMender,
    "/api/chat": OllamaMender,
    "/api/generate": OllamaMender,
}
_READABLE = ("identity", "gzip", "x-gzip", "deflate")
_PACKED = (b"\x1f", b"\x78")  # with which bodies begin that are packed as is said
_MOST_UNPACKED = 2**20  # bytes at a time
_STREAMED = (b'"stream": true', b'"stream":true')
_BODIES: ContextVar[list[Any]] = ContextVar("_BODIES")


def collect_bodies() -> list[Any]:
    """Return a list that takes the bodies of the mended responses to whatever this task sends from now on."""
    bodies: list[Any] = []
    _BODIES.set(bodies)
    return bodies


def mend_responses(handle: Handler) -> Handler:
    """Return a transport's way to answer requests, with the bodies of streamed answers made regular."""

    @functools.wraps(handle)
    async def handle_mended(transport: Any, request: httpx.Request) -> httpx.Response:
        mender = _choose_mender(request)
        if mender is None:
            return await handle(transport, request)
        request.headers["Accept-Encoding"] = "identity"  # lines can only be read as they are
        response = await handle(transport, request)
        packing = response.headers.get("content-encoding", "identity").lower()
        if response.is_success and packing in _READABLE:
            response.headers.pop("content-encoding", None)
            response.status_code = 200  # litellm takes some other successes for errors, and reads their bodies twice
            is_packed = packing != "identity"
            response.stream = _make_stream(mender, cast("httpx.AsyncByteStream", response.stream), is_packed=is_packed)
            _BODIES.get([]).append(response.stream)
        return response

    return handle_mended


def _choose_mender(request: httpx.Request) -> Mender | None:
    """Return the mender of the answer to this request; None where it is no model that is asked."""
    path = request.url.path
    if request.method != "POST":
        return None
    if "streamGenerateContent" in path:
        return GeminiMender()
    if not any(said in request.content for said in _STREAMED):
        return WholeResponseMender() if path.endswith("/responses") else None
    return next((make for ending, make in _MENDERS.items() if path.endswith(ending)), Mender)()


def _make_stream(mender: Mender, source: httpx.AsyncByteStream, *, is_packed: bool) -> httpx.AsyncByteStream:
    import httpx

    class MendedStream(httpx.AsyncByteStream):
        @property
        def report(self) -> Report | None:
            return mender.report

        async def __aiter__(self) -> AsyncIterator[bytes]:
            body = cast(AsyncGenerator[bytes, None], aiter(source))
            async with aclosing(mender.mend(_unpack(body) if is_packed else body)) as mended:
                async for data in mended:
                    yield data

        async def aclose(self) -> None:
            await source.aclose()

    return MendedStream()


async def _unpack(source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield a body as it was before some server or proxy packed it, although it was asked not to."""
    unpacker = None
    has_begun = False
    async with aclosing(source):
        async for data in source:
            if data and not has_begun:
                has_begun = True
                unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32) if data.startswith(_PACKED) else None
            if unpacker is None:
                yield data
                continue
            while data:
                try:
                    unpacked = unpacker.decompress(data, _MOST_UNPACKED)
                except zlib.error:
                    raise ProviderError("other", "what the provider sent cannot be read") from None
                yield unpacked
                data = unpacker.unconsumed_tail
