"""A process that reads one PDF: its text by pypdf, pages with hardly any as pictures by pypdfium2.

Both libraries meet whatever people send. In a process of its own, one that never ends or breaks takes nothing with it.
`python -m adapters.common.pdf_worker PAGES PICTURES PICTURE_BYTES` reads the PDF from its input and writes JSON.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import struct
import sys
import zlib
from typing import Any

import pypdf
import pypdfium2

THIN_CHARS = 50  # a page with less text than that is drawn
WIDTH_PX = 1_100  # of a drawn page; text of usual size can be read then
MEMORY_BYTES, CPU_S = 2 * 2**30, 30  # of this process


def read_pages(data: bytes, pages: int, pictures: int, picture_bytes: int) -> dict[str, Any]:
    """Return `error` ("locked", "broken"), or the `count` of pages, their `texts`, and `pictures` by page in base64."""
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "locked"}
        count = len(reader.pages)
        texts = [_extract_text(reader, n) for n in range(min(count, pages))]
    except Exception:  # whatever a damaged file makes it raise
        return {"error": "broken"}
    thin = [n for n, text in enumerate(texts) if len("".join(text.split())) < THIN_CHARS]
    drawn = _draw_pages(data, thin[:pictures], picture_bytes)
    return {"count": count, "texts": texts, "pictures": drawn, "undrawn": len(thin) - len(drawn)}


def _extract_text(reader: pypdf.PdfReader, number: int) -> str:
    try:
        return reader.pages[number].extract_text().strip()
    except Exception:  # one broken page leaves the others
        return ""


def _draw_pages(data: bytes, numbers: list[int], most: int) -> dict[str, str]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return {}
    drawn: dict[str, str] = {}
    for number in numbers:
        try:
            picture = _draw_page(document[number], most)
        except (pypdfium2.PdfiumError, ValueError):
            continue
        if picture:
            drawn[str(number)] = base64.b64encode(picture).decode("ascii")
    return drawn


def _draw_page(page: Any, most: int) -> bytes:
    """Return a page as PNG of at most that many bytes: in colours, else in grey, else smaller; b"" if it never fits."""
    scale = WIDTH_PX / max(page.get_width(), page.get_height() / 3, 1.0)
    for grey, factor in ((False, 1.0), (True, 1.0), (True, 0.6)):
        bitmap = page.render(scale=scale * factor, grayscale=grey, rev_byteorder=True, prefer_bgrx=False)
        picture = _write_png(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels)
        if len(picture) <= most:
            return picture
    return b""


def _write_png(pixels: bytes, width: int, height: int, stride: int, channels: int) -> bytes:
    """Return pixels as PNG (https://www.w3.org/TR/png-3/): one compressed block of rows without any filter."""
    rows = b"".join(b"\0" + pixels[y * stride : y * stride + width * channels] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)) for kind, part in parts
    )


def _limit_process() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the caller's time limit holds there as well
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        resource.setrlimit(what, (most, most))


def _main() -> None:
    """Read one PDF as the arguments say."""
    _limit_process()
    logging.disable(logging.CRITICAL)  # pypdf tells of each oddity
    json.dump(read_pages(sys.stdin.buffer.read(), *map(int, sys.argv[1:4])), sys.stdout)


if __name__ == "__main__":
    _main()
