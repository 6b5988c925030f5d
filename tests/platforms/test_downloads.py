"""Downloads from a server that sends in pieces, slowly, too much, too little, and elsewhere."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from unittest.mock import patch

import aiohttp
import pytest
from aiohttp import web

from adapters.common import downloads
from adapters.common.downloads import download, is_same_site
from bot.ports.surface import SurfaceError

DATA = bytes(range(256)) * 400
PACKED = gzip.compress(b"0" * 10_000_000)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def base() -> AsyncIterator[str]:
    """Serve files in every bad manner; yield the server's address."""
    app = web.Application()
    for path, handler in MANNERS.items():
        app.router.add_get(f"/{path}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def stream(*pieces: bytes, length: int | None = None, tear: bool = False, hang: bool = False) -> Handler:
    """Return a handler that sends pieces, with a length that need not be true, and then ends, tears or hangs."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if length is not None:
            response.content_length = length
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        if hang:
            await asyncio.sleep(3_600)
        if tear and request.transport is not None:
            request.transport.abort()
        return response

    return handle


def redirect(to: str) -> Handler:
    """Return a handler that sends its client elsewhere."""

    async def handle(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(to)

    return handle


PIECES = [DATA[n : n + 1_000] for n in range(0, len(DATA), 1_000)]
MANNERS: dict[str, Handler] = {
    "whole": stream(DATA, length=len(DATA)),
    "in-pieces": stream(*PIECES),
    "torn": stream(DATA[:500], length=len(DATA), tear=True),
    "torn-pieces": stream(*PIECES[:5], tear=True),
    "short": stream(DATA[:500]),
    "long": stream(DATA, DATA),
    "endless": stream(*[DATA] * 50, hang=True),
    "slow": stream(DATA[:500], length=len(DATA), hang=True),
    "silent": stream(hang=True),
    "nothing": stream(),
    "packed": stream(PACKED),
    "moved": redirect("/whole"),
    "circle": redirect("/circle"),
    "elsewhere": redirect("http://127.0.0.2:1/whole"),
    "other-port": redirect("http://127.0.0.1:1/whole"),
    "file": redirect("file:///etc/passwd"),
}


async def fetch(base: str, path: str, size: int = len(DATA)) -> bytes:
    """Download a file that the platform says to have `size` bytes."""
    async with aiohttp.ClientSession() as session:
        return await download(session, f"{base}/{path}", size=size, max_bytes=2 * len(DATA))


@pytest.mark.parametrize("path", ["whole", "in-pieces", "moved"])
@pytest.mark.parametrize("size", [len(DATA), 0])
async def test_a_file_is_read_to_its_end(base: str, path: str, size: int) -> None:
    assert await fetch(base, path, size) == DATA


REFUSED = {
    "torn": "only 500 of 102,400 bytes of it came",
    "torn-pieces": "only 5,000 of 102,400 bytes of it came",
    "short": "only 500 of 102,400 bytes of it came",
    "long": "it is longer than the 102,400 bytes that were announced or may be read",
    "endless": "it is longer than the 102,400 bytes that were announced or may be read",
    "nothing": "only 0 of 102,400 bytes of it came",
    "packed": f"only {len(PACKED):,} of 102,400 bytes of it came",
    "circle": "its host sends me round in circles",
    "elsewhere": "its host sends me elsewhere for it",
    "other-port": "its host sends me elsewhere for it",
    "file": "its host sends me elsewhere for it",
    "absent": "its host answered 404",
}


@pytest.mark.parametrize(("path", "told"), REFUSED.items(), ids=REFUSED)
async def test_anything_else_says_what_is_wrong(base: str, path: str, told: str) -> None:
    with pytest.raises(SurfaceError) as caught:
        await fetch(base, path)
    assert str(caught.value) == told


@pytest.mark.parametrize("path", ["slow", "silent"])
async def test_a_slow_file_is_given_up(base: str, path: str) -> None:
    with patch.object(downloads, "DOWNLOAD_S", 0.05), pytest.raises(SurfaceError) as caught:
        await fetch(base, path)
    assert str(caught.value) == "it did not come within 0.05 s"


async def test_a_host_that_is_not_there_says_so() -> None:
    with pytest.raises(SurfaceError, match="the download failed: "):
        await fetch("http://127.0.0.1:1", "whole")


@pytest.mark.parametrize(
    ("url", "home", "same"),
    [
        ("https://files.slack.com/a", "https://slack.com/api/", True),
        ("https://slack.com/a", "https://slack.com/api/", True),
        ("https://slack.com.evil.example/a", "https://slack.com/api/", False),
        ("https://evilslack.com/a", "https://slack.com/api/", False),
        ("http://files.slack.com/a", "https://slack.com/api/", False),
        ("https://files.slack.com:8443/a", "https://slack.com/api/", False),
        ("https://slack.com@evil.example/a", "https://slack.com/api/", False),
        ("ftp://slack.com/a", "https://slack.com/api/", False),
        ("not an address", "https://slack.com/api/", False),
    ],
)
def test_a_site_is_a_host_and_what_lies_below_it(url: str, home: str, same: bool) -> None:
    assert is_same_site(url, home) is same
