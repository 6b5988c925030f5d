"""PDFs as part of a question: their text page by page, and pages with hardly any text as pictures."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bot.domain.run import Image
from bot.errors import Refused
from bot.text import clean_text, quote_typed

READ_S = 30.0  # for one PDF; a usual page takes 10 ms
MAX_PICTURES = 6  # drawn pages of one PDF: each costs as much as a picture for every seat
WORKER = "adapters.common.pdf_worker"

AT_ONCE = 2  # processes
_running: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Pdf:
    """The text of a PDF with a line before each page, its drawn pages, and a `note` on what was read of it."""

    text: str
    pictures: tuple[Image, ...]
    note: str


async def read_pdf(name: str, data: bytes, pages: int, picture_bytes: int) -> Pdf:
    """Read a PDF, at most so many pages of it. Raises Refused where it is locked, broken or empty."""
    try:
        async with _running.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
            found = json.loads(await _run_worker(data, pages, picture_bytes))
    except (TimeoutError, ValueError) as error:
        raise Refused(
            f"{quote_typed(name)} could not be read within {READ_S:g} s: attach the pages that matter."
        ) from error
    match found.get("error"):
        case "locked":
            raise Refused(f"{quote_typed(name)} is locked by a password: attach it without one.")
        case "broken":
            raise Refused(f"{quote_typed(name)} is a PDF that is damaged or not whole: attach it again.")
    texts = [clean_text(text) for text in found["texts"]]
    drawn = [Image(f"{name}, page {int(n) + 1}.png", "image/png", data) for n, data in found["pictures"].items()]
    if not drawn and not any(texts):
        raise Refused(f"{quote_typed(name)} has neither text nor a page that I can draw: attach the text that matters.")
    text = "\n\n".join(f"[page {n}]\n{text}" for n, text in enumerate(texts, 1) if text)
    return Pdf(text, tuple(drawn), _describe(found["count"], len(texts), len(drawn), found["undrawn"]))


async def _run_worker(data: bytes, pages: int, picture_bytes: int) -> bytes:
    arguments = (str(pages), str(MAX_PICTURES), str(picture_bytes))
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        WORKER,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(READ_S):
            return (await worker.communicate(data))[0]
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()


def _describe(count: int, read: int, drawn: int, undrawn: int) -> str:
    pages = f"{count} page{'' if count == 1 else 's'}"
    notes = [f"a PDF of {pages}" if read == count else f"the first {read} pages of a PDF of {pages}"]
    if drawn:
        notes.append(f"{drawn} of them as pictures, having hardly any text")
    if undrawn:
        notes.append(f"{undrawn} without text and not drawn")
    return ", ".join(notes)
