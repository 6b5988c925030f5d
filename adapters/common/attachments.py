"""Files that come with a question: texts become part of it, images go beside it, all others are refused.

A file's bytes decide what it is. Its name and type come from whoever sends it, and a platform calls a file of
TypeScript a video.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from bot.domain.run import Image
from bot.errors import Refused
from bot.settings import LimitSettings

NAME_CHARS = 100  # a longer name is cut
_MAX_BYTES_PER_CODE_POINT = 4  # in UTF-8 and in UTF-16


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a platform, not fetched yet. `mime` and `size` (bytes) are as the platform gives them.

    `fetch` returns the bytes; what it raises goes through to whoever reads the file.
    """

    name: str
    mime: str
    size: int
    fetch: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that can be read as text, its lines ended by line feeds."""

    name: str
    text: str


async def attach_files(question: str, files: Sequence[RemoteFile], limits: LimitSettings) -> tuple[str, list[Image]]:
    """Fetch files; return the question followed by those that are texts, and the images. Raises Refused."""
    check_sizes([file.size for file in files], limits)
    texts: list[TextFile] = []
    images: list[Image] = []
    for file in files:
        match read_file(file.name, file.mime, await file.fetch(), limits):
            case TextFile() as text:
                texts.append(text)
            case Image() as image:
                images.append(image)
    return join_texts(question, texts), images


def check_sizes(sizes: Sequence[int], limits: LimitSettings) -> None:
    """Raise Refused for files that are too many, or too large to be worth fetching. `sizes` in bytes."""
    if len(sizes) > limits.attachments:
        raise Refused(f"A question may come with {limits.attachments} files, not {len(sizes)}: leave some out.")
    most = max(limits.image_bytes, limits.question_chars * _MAX_BYTES_PER_CODE_POINT)
    if max(sizes, default=0) > most:
        raise Refused(
            f"A file may have {_format_megabytes(most)}, not {_format_megabytes(max(sizes))}: attach a smaller one."
        )


def read_file(name: str, mime: str, data: bytes, limits: LimitSettings) -> TextFile | Image:
    """Read a file as part of a question. `mime` helps to name what is refused. Raises Refused."""
    name = _clean_name(name)
    if not data:
        raise Refused(f"“{name}” is empty: attach it again, or leave it out.")
    if image_type := _find_image_type(data):
        if len(data) > limits.image_bytes:
            sizes = f"{_format_megabytes(len(data))} and an image may have {_format_megabytes(limits.image_bytes)}"
            raise Refused(f"“{name}” has {sizes}: scale it down or crop it.")
        return Image(name, image_type, base64.b64encode(data).decode("ascii"))
    text = None if data.startswith(_UNREADABLE) else _decode(data)
    if text is None:
        kind = _describe_kind(mime, data)
        raise Refused(
            f"“{name}” is {kind}, which cannot be read here: attach the text that matters, or an image of it."
        )
    if len(text) > limits.question_chars:
        lengths = f"{len(text):,} characters and may have {limits.question_chars:,}"
        raise Refused(f"“{name}” has {lengths}: attach the part that matters.")
    return TextFile(name, text)


def join_texts(question: str, texts: Iterable[TextFile]) -> str:
    """Return the question with the files behind it, each in a fence that nothing inside it closes."""
    return "\n\n".join([*filter(None, [question]), *map(_fence, texts)])


def _fence(file: TextFile) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", file.text)), default=0))
    language = PurePath(file.name).suffix.removeprefix(".")
    language = language if language.isalnum() else ""
    return f"File “{file.name}”:\n\n{fence}{language}\n{file.text.rstrip(chr(10))}\n{fence}"


def _clean_name(name: str) -> str:
    """Return a name without characters that could break the line it stands in."""
    shown = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(shown.split())[:NAME_CHARS] or "file"


def _format_megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _find_image_type(data: bytes) -> str | None:
    """Return the type of an image that every provider's vision takes; None for all other files."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


_UNREADABLE = (b"%PDF-", b"{\\rtf")  # these may be ASCII, but their source is nothing to read


def _decode(data: bytes) -> str | None:
    """Decode UTF-16 after its byte order mark, else UTF-8; return None for what is neither, or holds NUL."""
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig")
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


def _describe_kind(mime: str, data: bytes) -> str:
    """Return what to call a file that cannot be read, with its article."""
    known = (kind for magic, kind in _KINDS if data.startswith(magic))
    return next(known, None) or _TYPES.get(mime.partition("/")[0], "neither an image nor text in UTF-8")
