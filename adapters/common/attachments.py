"""Files that come with a question: texts become part of it, images go beside it, all others are refused.

What a file is, its bytes decide: names and types are given by whoever sends it, and a platform calls a file of
TypeScript a video.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from bot.domain.run import Image
from bot.errors import Refused
from bot.settings import LimitSettings

NAME_CHARS = 100  # of a file's name
_CODE_POINT_BYTES = 4  # at most, in UTF-8 and in UTF-16


@dataclass(frozen=True, slots=True)
class Text:
    """A file that can be read as text, its lines ended by line feeds."""

    name: str
    text: str


def admit(sizes: Sequence[int], limits: LimitSettings) -> None:
    """Whether so many files of so many bytes are worth fetching. Raises Refused."""
    if len(sizes) > limits.attachments:
        raise Refused(f"A question may come with {limits.attachments} files, not {len(sizes)}: leave some out.")
    most = max(limits.image_bytes, limits.question_chars * _CODE_POINT_BYTES)
    if max(sizes, default=0) > most:
        raise Refused(f"A file may have {_megabytes(most)}, not {_megabytes(max(sizes))}: attach a smaller one.")


def read(name: str, mime: str, data: bytes, limits: LimitSettings) -> Text | Image:
    """A file as part of a question. `mime` helps to name what is refused. Raises Refused."""
    name = _plain(name)
    if not data:
        raise Refused(f"“{name}” is empty: attach it again, or leave it out.")
    if image := _image_type(data):
        if len(data) > limits.image_bytes:
            sizes = f"{_megabytes(len(data))} and an image may have {_megabytes(limits.image_bytes)}"
            raise Refused(f"“{name}” has {sizes}: scale it down or crop it.")
        return Image(name, image, base64.b64encode(data).decode("ascii"))
    text = None if data.startswith(_MARKED_UP) else _decoded(data)
    if text is None:
        kind = _kind(mime, data)
        raise Refused(
            f"“{name}” is {kind}, which cannot be read here: attach the text that matters, or an image of it."
        )
    if len(text) > limits.question_chars:
        lengths = f"{len(text):,} characters and may have {limits.question_chars:,}"
        raise Refused(f"“{name}” has {lengths}: attach the part that matters.")
    return Text(name, text)


def joined(question: str, texts: Iterable[Text]) -> str:
    """The question with the files behind it, each in a fence that nothing inside it closes."""
    return "\n\n".join([question, *map(_framed, texts)])


def _framed(file: Text) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", file.text)), default=0))
    language = PurePath(file.name).suffix.removeprefix(".")
    language = language if language.isalnum() else ""
    return f"File “{file.name}”:\n\n{fence}{language}\n{file.text.rstrip(chr(10))}\n{fence}"


def _plain(name: str) -> str:
    """A name without what could break the line it stands in."""
    shown = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(shown.split())[:NAME_CHARS] or "file"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _image_type(data: bytes) -> str | None:
    """The four that all providers' vision takes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


_MARKED_UP = (b"%PDF-", b"{\\rtf")  # they may well be ASCII, and yet nobody reads them so


def _decoded(data: bytes) -> str | None:
    """UTF-16 where a byte order mark says so, else UTF-8; None where it is neither, or holds what no text does."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


_KINDS = (
    (b"%PDF-", "a PDF"),
    (b"{\\rtf", "an RTF document"),
    (b"PK\x03\x04", "an Office document or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_TYPES = {"audio": "a sound", "video": "a video", "image": "an image other than PNG, JPEG, GIF or WebP"}


def _kind(mime: str, data: bytes) -> str:
    known = (kind for magic, kind in _KINDS if data.startswith(magic))
    return next(known, None) or _TYPES.get(mime.partition("/")[0], "neither an image nor text in UTF-8")
