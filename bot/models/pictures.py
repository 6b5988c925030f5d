"""Pictures on their way to a provider, sent piece by piece out of the store.

litellm holds a request several times: as messages, as JSON, as bytes, and each seat of a panel has its own. So it is
handed a short mark in place of each picture, and its transport puts the picture there while the body is sent. One piece
is in memory at a time for each request.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from bot.domain.asks import Ask, Part
from bot.domain.run import Image
from bot.models.catalogue import Model
from bot.models.images import GONE, MARK, describe_images
from bot.ports.store import PictureStore

if TYPE_CHECKING:  # it comes with litellm, which is imported late
    import httpx

Handler = Callable[[Any, "httpx.Request"], Awaitable["httpx.Response"]]

DIGEST_CHARS = 64
_MARK = MARK.encode()
_SIGNED = ("bedrock/", "sagemaker/", "sagemaker_chat/")  # they sign the body that litellm sees

_SENT: ContextVar[tuple[PictureStore, frozenset[str]] | None] = ContextVar("pictures", default=None)


async def find_pictures(ask: Ask, model: Model, store: PictureStore | None) -> Ask:
    """Return the ask with pictures as the model's provider can be sent them; those no longer kept are told in words."""
    if not model.sees or not any(part.images for part in ask.parts):
        return ask
    return replace(ask, parts=tuple([await _find_pictures_of(part, model, store) for part in ask.parts]))


async def _find_pictures_of(part: Part, model: Model, store: PictureStore | None) -> Part:
    found, gone = list[Image](), list[Image]()
    for image in part.images:
        if image.data:
            found.append(image)
        elif store is None or await store.picture_size(image.digest) is None:
            gone.append(image)
        elif model.litellm.startswith(_SIGNED):
            found.append(replace(image, data=await _read_whole(image.digest, store)))
        else:
            found.append(image)
    return replace(describe_images(replace(part, images=tuple(gone)), GONE), images=tuple(found))


async def _read_whole(digest: str, store: PictureStore) -> str:
    return b"".join([piece async for piece in _encode(digest, store)]).decode()


def set_pictures(store: PictureStore | None, messages: Sequence[Mapping[str, Any]]) -> None:
    """Let what this task sends from now on have pictures of the store in the place of their marks.

    Only of pictures that these messages show: a mark may also be what somebody wrote. It holds until the next call, as
    litellm sends some requests only when their answer is read.
    """
    pieces = [piece for m in messages if isinstance(m["content"], list) for piece in m["content"]]
    urls = [piece["image_url"]["url"] for piece in pieces if piece["type"] == "image_url"]
    digests = frozenset(url.rpartition(MARK)[2] for url in urls if url.startswith("data:") and MARK in url)
    _SENT.set((store, digests) if store is not None and digests else None)


def fill_requests(handle: Handler) -> Handler:
    """Return a transport's way to answer requests, with pictures in the place of their marks."""

    @functools.wraps(handle)
    async def handle_filled(transport: Any, request: httpx.Request) -> httpx.Response:
        if (sent := _SENT.get()) is None or _MARK not in request.content:
            return await handle(transport, request)
        filled = await _fill(request, *sent)
        response = await handle(transport, filled)
        response.request = request
        return response

    return handle_filled


async def _fill(request: httpx.Request, store: PictureStore, known: Collection[str]) -> httpx.Request:
    import httpx

    texts, digests = _split(request.content, known)
    sizes = {digest: await store.picture_size(digest) for digest in set(digests)}
    length = sum(map(len, texts)) + sum(4 * -(-(sizes[digest] or 0) // 3) for digest in digests)

    class FilledBody(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for text, digest in zip_longest(texts, digests):
                yield text
                if digest is not None:
                    async for piece in _encode(digest, store):
                        yield piece

    headers = httpx.Headers(request.headers)
    headers["Content-Length"] = str(length)
    return httpx.Request(
        request.method, request.url, headers=headers, stream=FilledBody(), extensions=request.extensions
    )


def _split(body: bytes, known: Collection[str]) -> tuple[list[bytes], list[str]]:
    """Return the texts between the marks of known pictures, one more than there are marks, and the digests."""
    texts, digests, begun, at = list[bytes](), list[str](), 0, 0
    while (at := body.find(_MARK, at)) >= 0:
        end = at + len(_MARK) + DIGEST_CHARS
        digest = body[at + len(_MARK) : end].decode("ascii", "replace")
        if digest in known:
            texts.append(body[begun:at])
            digests.append(digest)
            begun = end
        at = end
    return [*texts, body[begun:]], digests


async def _encode(digest: str, store: PictureStore) -> AsyncIterator[bytes]:
    """Yield a picture in base64. Pieces are whole multiples of three bytes long, so that their codes join."""
    number = 0
    while piece := await store.picture_piece(digest, number):
        yield base64.b64encode(piece)
        number += 1
