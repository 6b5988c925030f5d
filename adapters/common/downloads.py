"""Downloads of files that people attach: read to their end, within bounds of bytes and time, from one site alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.network import find_proxy
from bot.ports.surface import SurfaceError

DOWNLOAD_S = 60.0  # for one file, whose bytes are bounded: whoever asks waits for it
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)


async def download(
    session: aiohttp.ClientSession,
    url: str,
    *,
    size: int,
    max_bytes: int,
    home: str = "",
    headers: Mapping[str, str] | None = None,
    check: Callable[[aiohttp.ClientResponse], None] = lambda answer: None,
) -> bytes:
    """Return a file, whole. Raises SurfaceError, which says what is wrong, for anything else.

    `size` is what the platform says of it; 0: it says nothing. `home`: an address at the site that redirects may lead
    to, the file's own by default. `check` may refuse an answer before it is read.
    """
    try:
        async with asyncio.timeout(DOWNLOAD_S):
            return await _follow(session, url, home or url, size, max_bytes, headers, check)
    except TimeoutError as error:
        raise SurfaceError(f"it did not come within {DOWNLOAD_S:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SurfaceError(f"the download failed: {type(error).__name__}") from error


async def _follow(
    session: aiohttp.ClientSession,
    url: str,
    home: str,
    size: int,
    max_bytes: int,
    headers: Mapping[str, str] | None,
    check: Callable[[aiohttp.ClientResponse], None],
) -> bytes:
    at = url
    for _ in range(MAX_REDIRECTS + 1):
        identity = {"Accept-Encoding": "identity", **(headers or {})}  # so that lengths count what is kept
        async with session.get(
            at, headers=identity, allow_redirects=False, auto_decompress=False, proxy=find_proxy(at)
        ) as answer:
            if answer.status not in REDIRECTS:
                if answer.status >= 400:
                    raise SurfaceError(f"its host answered {answer.status}", answer.status)
                check(answer)
                return await _read_all(answer, size, max_bytes)
            at = urljoin(at, answer.headers.get("Location", ""))
            if not is_same_site(at, home):
                raise SurfaceError("its host sends me elsewhere for it")
    raise SurfaceError("its host sends me round in circles")


async def _read_all(answer: aiohttp.ClientResponse, size: int, max_bytes: int) -> bytes:
    most = min(size or max_bytes, max_bytes)
    data = bytearray()
    try:
        async for piece in answer.content.iter_any():
            data += piece
            if len(data) > most:
                raise SurfaceError(f"it is longer than the {most:,} bytes that were announced or may be read")
    except aiohttp.ClientPayloadError as error:
        raise _too_short(len(data), size or answer.content_length or 0) from error
    if len(data) < size:
        raise _too_short(len(data), size)
    return bytes(data)


def _too_short(came: int, expected: int) -> SurfaceError:
    return SurfaceError(f"only {came:,}{f' of {expected:,}' if expected else ''} bytes of it came")


def is_same_site(url: str, home: str) -> bool:
    """Return whether an address lies at the host of `home` or below it, on the same port, and no less protected."""
    there, here = urlsplit(url), urlsplit(home)
    host, own = there.hostname or "", here.hostname or ""
    if here.scheme == "https" != there.scheme or there.scheme not in ("http", "https"):
        return False
    return _port(url) == _port(home) and bool(own) and (host == own or host.endswith(f".{own}"))


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
