"""Pages of HTML as pictures, by headless Chromium over its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/tot/Page/#method-captureScreenshot
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.support.pictures.palette import shrink_png

CHROMIUM = shutil.which("chromium")
ABSENT = "chromium is not installed (Debian's package of that name)"
START_S = 60.0
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--remote-debugging-port=0")


class Browser:
    """One tab that takes pictures."""

    def __init__(self, tab: aiohttp.ClientWebSocketResponse) -> None:
        self._tab = tab
        self._numbers = itertools.count(1)

    async def take_picture(self, html: str, *, width: int) -> bytes:
        """Return a PNG of the whole page, `width` pixels wide and as high as the page is."""
        frame = (await self._call("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        await self._call("Emulation.setDeviceMetricsOverride", **screen)
        await self._call("Page.setDocumentContent", frameId=frame, html=html)
        height = (await self._call("Page.getLayoutMetrics"))["cssContentSize"]["height"]
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = await self._call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return shrink_png(base64.b64decode(shot["data"]))

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; events in between are of no interest."""
        number = next(self._numbers)
        await self._tab.send_json({"id": number, "method": method, "params": params})
        while (answer := await self._tab.receive_json()).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start Chromium with one tab, without any traffic but to itself. Raises RuntimeError where it is absent."""
    if CHROMIUM is None:
        raise RuntimeError(ABSENT)
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank", stdout=quiet, stderr=quiet
        )
        try:
            port = await _find_port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as tabs:
                    url = next(t["webSocketDebuggerUrl"] for t in await tabs.json() if t["type"] == "page")
                async with session.ws_connect(url, max_msg_size=0) as tab:
                    yield Browser(tab)
        finally:
            process.terminate()
            await process.wait()


async def _find_port(note: Path) -> int:
    """Return the port that Chromium writes down once it listens."""
    async with asyncio.timeout(START_S):
        while not (note.exists() and (lines := note.read_text().splitlines())):
            await asyncio.sleep(0.02)
    return int(lines[0])
