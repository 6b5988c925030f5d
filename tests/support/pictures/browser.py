"""Pages of HTML as people see them, by headless Chromium over its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
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
    """One tab. `requests`: what its page has asked for and was not refused, itself among them, by number."""

    def __init__(self, tab: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: dict[str, str] = {}
        self._tab = tab
        self._numbers = itertools.count(1)
        self._is_loaded = False

    async def open_page(self, url: str, *, width: int, scripts: bool = True, **media: str) -> None:
        """Open a page and wait until it is loaded. `media`: a type (`media="print"`) and features, "-" as "_"."""
        features = [{"name": k.replace("_", "-"), "value": v} for k, v in media.items() if k != "media"]
        await self._call("Network.enable")
        await self._call("Page.enable")
        await self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        await self._call("Emulation.setEmulatedMedia", media=media.get("media", ""), features=features)
        await self._set_width(width, mobile=True)
        self.requests, self._is_loaded = {}, False
        await self._call("Page.navigate", url=url)
        while not self._is_loaded:
            self._note(await self._tab.receive_json())

    async def run(self, script: str) -> Any:
        """Return what an expression gives, as if a person had pressed something; a promise is waited for."""
        answer = await self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def print_pdf(self) -> bytes:
        """Return the page as it is printed."""
        return base64.b64decode((await self._call("Page.printToPDF", printBackground=True))["data"])

    async def allow_clipboard(self) -> None:
        await self._call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self._call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])

    async def take_picture(self, html: str, *, width: int) -> bytes:
        """Return a PNG of the whole page, `width` pixels wide and as high as the page is."""
        frame = (await self._call("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await self._set_width(width, mobile=False)
        await self._call("Page.setDocumentContent", frameId=frame, html=html)
        height = (await self._call("Page.getLayoutMetrics"))["cssContentSize"]["height"]
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = await self._call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return shrink_png(base64.b64decode(shot["data"]))

    async def _set_width(self, width: int, *, mobile: bool) -> None:
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile}
        await self._call("Emulation.setDeviceMetricsOverride", **screen)

    def _note(self, event: dict[str, Any]) -> None:
        match event:
            case {"method": "Network.requestWillBeSent", "params": {"requestId": number, "request": {"url": url}}}:
                self.requests[number] = url
            case {"method": "Network.loadingFailed", "params": {"requestId": number, "blockedReason": _}}:
                self.requests.pop(number, None)
            case {"method": "Page.loadEventFired"}:
                self._is_loaded = True

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; events in between are noted."""
        number = next(self._numbers)
        await self._tab.send_json({"id": number, "method": method, "params": params})
        while (answer := await self._tab.receive_json()).get("id") != number:
            self._note(answer)
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
