"""PNG pictures of a page in at most 256 colours, which is a third of the size that a browser gives them.

https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_STEP = 0xF0  # colours that differ by less than 16 in each part count as one; each is shown as its most frequent


def shrink_png(picture: bytes) -> bytes:
    """Return a PNG of 8 bits a part, RGB or RGBA and not interlaced, with a palette instead."""
    chunks = list(_read_chunks(picture))
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in (2, 6) or interlaced:
        raise ValueError("not a picture as browsers take it")
    parts = 3 if kind == 2 else 4
    rows = list(_read_rows(zlib.decompress(b"".join(d for name, d in chunks if name == b"IDAT")), width * parts, parts))
    counted = Counter(pixel for row in rows for pixel in zip(row[::parts], row[1::parts], row[2::parts], strict=True))
    shown: dict[tuple[int, ...], tuple[int, ...]] = {}  # a coarse colour → its most frequent exact one
    for pixel, _ in counted.most_common():
        shown.setdefault(tuple(p & _STEP for p in pixel), pixel)
        if len(shown) == 256:
            break
    palette = list(shown.values())
    index = {pixel: _find_nearest(pixel, shown, palette) for pixel in counted}
    body = b"".join(
        b"\0" + bytes(index[p] for p in zip(row[::parts], row[1::parts], row[2::parts], strict=True)) for row in rows
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(part for pixel in palette for part in pixel)
    made = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_write_chunk(name, data) for name, data in made)


def _find_nearest(
    pixel: tuple[int, ...], shown: dict[tuple[int, ...], tuple[int, ...]], palette: list[tuple[int, ...]]
) -> int:
    """Return the number in the palette of the colour that stands for a pixel's."""
    if own := shown.get(tuple(p & _STEP for p in pixel)):
        return palette.index(own)
    return min(range(len(palette)), key=lambda i: sum((a - b) ** 2 for a, b in zip(pixel, palette[i], strict=True)))


def _read_chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(picture):
        length, name = struct.unpack(">I4s", picture[at : at + 8])
        yield name, picture[at + 8 : at + 8 + length]
        at += length + 12


def _read_rows(data: bytes, length: int, parts: int) -> Iterator[bytes]:
    """Yield rows of pixels with their filters undone; `parts`: bytes of a pixel."""
    above = bytes(length)
    for at in range(0, len(data), length + 1):
        row = bytearray(data[at + 1 : at + 1 + length])
        _undo_filter(data[at], row, above, parts)
        yield (above := bytes(row))


def _undo_filter(kind: int, row: bytearray, above: bytes, parts: int) -> None:
    for i in range(len(row)) if kind else ():
        left, up, corner = (row[i - parts], above[i], above[i - parts]) if i >= parts else (0, above[i], 0)
        guess = (0, left, up, (left + up) // 2, _predict(left, up, corner))[kind]
        row[i] = (row[i] + guess) & 0xFF


def _predict(left: int, up: int, corner: int) -> int:
    """Return what the filter of Paeth expects: the neighbour that is nearest to left + up - corner."""
    near = left + up - corner
    return min((left, up, corner), key=lambda part: abs(near - part))


def _write_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
