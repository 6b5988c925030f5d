"""Files that come with a question: texts and PDFs become part of it, images go beside it, others are refused.

A file's bytes decide what it is. Its name and type come from whoever sends it, and a platform calls a file of
TypeScript a video.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

import charset_normalizer
import puremagic

from adapters.common.pdf import read_pdf
from bot.domain.run import Image
from bot.errors import Refused
from bot.settings.settings import LimitSettings
from bot.text import clean_text, has_signs, join_names, quote_typed

EMPTY = "{} is empty: attach it again, or leave it out."
NAME_CHARS = 100  # a longer name is cut
_MAX_BYTES_PER_CODE_POINT = 4  # in UTF-8 and in UTF-16


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a platform, not fetched yet. `mime` and `size` (bytes) are as the platform gives them.

    `fetch(max_bytes)` returns all its bytes; what it raises goes through to whoever reads the file.
    """

    name: str
    mime: str
    size: int
    fetch: Callable[[int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that can be read as text, its lines ended by line feeds. `note` says how it was read, if not as UTF-8."""

    name: str
    text: str
    note: str = ""


async def attach_files(question: str, files: Sequence[RemoteFile], limits: LimitSettings) -> tuple[str, list[Image]]:
    """Fetch files; return the question followed by those that are texts, and the images. Raises Refused."""
    check_sizes([file.size for file in files], limits)
    texts: list[TextFile] = []
    images: list[Image] = []
    for file in files:
        for read in await _fetch_and_read(file, limits):
            match read:
                case TextFile() as text:
                    texts.append(text)
                case Image() as image:
                    images.append(image)
    return join_texts(question, texts), images


async def _fetch_and_read(file: RemoteFile, limits: LimitSettings) -> Sequence[TextFile | Image]:
    """Return what a file adds to a question. Its bytes are let go before the next file is fetched."""
    data = await file.fetch(_most_bytes(limits))
    if data.startswith(PDF):
        text, pictures = await _read_pdf(_clean_name(file.name), data, limits)
        return [*([text] if text.text else []), *pictures]
    return [await asyncio.to_thread(read_file, file.name, file.mime, data, limits)]  # guessing takes its time


async def _read_pdf(name: str, data: bytes, limits: LimitSettings) -> tuple[TextFile, Sequence[Image]]:
    if len(data) > limits.pdf_bytes:
        sizes = f"{_format_megabytes(len(data))} and a PDF may have {_format_megabytes(limits.pdf_bytes)}"
        raise Refused(f"{quote_typed(name)} has {sizes}: attach the pages that matter.")
    pdf = await read_pdf(name, data, limits.pdf_pages, limits.image_bytes)
    _check_length(name, pdf.text, limits)
    return TextFile(name, pdf.text, pdf.note), pdf.pictures


def _most_bytes(limits: LimitSettings) -> int:
    return max(limits.image_bytes, limits.pdf_bytes, limits.question_chars * _MAX_BYTES_PER_CODE_POINT)


def _check_length(name: str, text: str, limits: LimitSettings) -> None:
    if len(text) > limits.question_chars:
        lengths = f"{len(text):,} characters and may have {limits.question_chars:,}"
        raise Refused(f"{quote_typed(name)} has {lengths}: attach the part that matters.")


def check_sizes(sizes: Sequence[int], limits: LimitSettings) -> None:
    """Raise Refused for files that are too many, or too large to be worth fetching. `sizes` in bytes."""
    if len(sizes) > limits.attachments:
        raise Refused(f"A question may come with {limits.attachments} files, not {len(sizes)}: leave some out.")
    most = _most_bytes(limits)
    if max(sizes, default=0) > most:
        raise Refused(
            f"A file may have {_format_megabytes(most)}, not {_format_megabytes(max(sizes))}: attach a smaller one."
        )


def read_file(name: str, mime: str, data: bytes, limits: LimitSettings) -> TextFile | Image:
    """Read a file as part of a question. `mime` helps to name what is refused. Raises Refused."""
    name = _clean_name(name)
    if not data:
        raise Refused(EMPTY.format(quote_typed(name)))
    if image_type := _find_image_type(data):
        if len(data) > limits.image_bytes:
            sizes = f"{_format_megabytes(len(data))} and an image may have {_format_megabytes(limits.image_bytes)}"
            raise Refused(f"{quote_typed(name)} has {sizes}: scale it down or crop it.")
        return Image(name, image_type, base64.b64encode(data).decode("ascii"))
    text, note = (None, "") if data.startswith(RTF) else _decode(name, data, limits)
    if text is None:
        told = f"{quote_typed(name)} is {_describe_kind(mime, data)}"
        raise Refused(f"{told}, which cannot be read here: attach the text that matters, or an image of it.")
    if not has_signs(text):
        raise Refused(EMPTY.format(quote_typed(name)))
    _check_length(name, text, limits)
    return TextFile(name, text, note)


def join_texts(question: str, texts: Iterable[TextFile]) -> str:
    """Return the question with the files behind it, each in a fence that nothing inside it closes."""
    return "\n\n".join([*filter(None, [question]), *map(_fence, texts)])


def _fence(file: TextFile) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", file.text)), default=0))
    language = PurePath(file.name).suffix.removeprefix(".")
    language = language if language.isalnum() else ""
    note = f" ({file.note})" if file.note else ""
    return f"File “{file.name}”{note}:\n\n{fence}{language}\n{file.text.rstrip(chr(10))}\n{fence}"


def _clean_name(name: str) -> str:
    """Return a name without characters that could break the line it stands in."""
    shown = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(shown.split())[:NAME_CHARS] or "file"


def _format_megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _sniff(data: bytes) -> str:
    """Return the type of a file by its bytes; "" where they tell nothing for certain."""
    try:
        found = puremagic.magic_string(data[:SNIFFED_BYTES])
    except puremagic.PureError:
        return ""
    return next((str(match.mime_type) for match in found if match.mime_type and match.confidence >= CERTAIN), "")


def _find_image_type(data: bytes) -> str | None:
    """Return the type of an image that every provider's vision takes; None for all other files."""
    kind = _sniff(data)
    return kind if kind in ("image/png", "image/jpeg", "image/gif", "image/webp") else None


def _decode(name: str, data: bytes, limits: LimitSettings) -> tuple[str | None, str]:
    """Return the text of a file and how it was read; None where it is none. Raises Refused where that is unclear.

    UTF-16 has a byte order mark, or else it, like older encodings, is guessed; texts with NUL are none.
    """
    if any(mark in data for mark in ISO_2022_JP):  # it is ASCII as well, and would lose its escapes
        with suppress(UnicodeDecodeError):
            return clean_text(_end_lines(data.decode("iso2022_jp_ext"))), "read as ISO-2022-JP (Japanese)"
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    with suppress(UnicodeDecodeError):
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig")
        if "\0" not in text:
            return clean_text(_end_lines(text)), ""
    if _sniff(data):
        return None, ""
    if len(data) > limits.question_chars * _MAX_BYTES_PER_CODE_POINT:
        raise Refused(f"{quote_typed(name)} is too long to be read as text: attach the part that matters, as UTF-8.")
    guesses = _guess_encodings(data)
    if len(guesses) > MAX_GUESSES:
        names = join_names([ENCODINGS[encoding] for encoding, _ in guesses], "or")
        raise Refused(f"{quote_typed(name)} is text in {names}, which nobody can tell for certain: save it as UTF-8.")
    if not guesses:
        return None, ""
    encoding, text = guesses[0]
    return clean_text(_end_lines(text)), f"read as {ENCODINGS[encoding]}, which is a guess"


def _guess_encodings(data: bytes) -> list[tuple[str, str]]:
    """Return the encodings that fit equally well, the most usual first, each with the text that it makes."""
    matches = [m for m in charset_normalizer.from_bytes(data, cp_isolation=list(ENCODINGS)) if "\0" not in str(m)]
    if not matches:
        return []
    best = min((m.chaos, -m.coherence) for m in matches)
    fitting = {e: str(m) for m in matches if (m.chaos, -m.coherence) == best for e in m.could_be_from_charset}
    texts = {fitting[encoding]: encoding for encoding in reversed(ENCODINGS) if encoding in fitting}
    return sorted(((e, t) for t, e in texts.items()), key=lambda guess: list(ENCODINGS).index(guess[0]))


def _end_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


PDF, RTF = b"%PDF-", b"{\\rtf"  # these may be ASCII, but their source is nothing to read
ISO_2022_JP = (b"\x1b$B", b"\x1b$@")  # escapes to two bytes a character
SNIFFED_BYTES = 8_192
CERTAIN = 0.3  # of puremagic's confidence: that of three bytes
MAX_GUESSES = 2
# encodings that files on people's machines have, the most usual first
ENCODINGS = {
    "utf_16_le": "UTF-16",
    "utf_16_be": "UTF-16 (big-endian)",
    "cp1252": "Windows-1252 (Western)",
    "cp932": "Shift-JIS",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "gb18030": "GB 18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "cp949": "EUC-KR (Korean)",
    "euc_jp": "EUC-JP",
}

_OTHER_IMAGE = "an image other than PNG, JPEG, GIF or WebP"
_KINDS = (
    (RTF, "an RTF document"),
    (b"PK\x03\x04", "an Office document or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"\xfd7zXZ", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\x28\xb5\x2f\xfd", "a compressed archive"),
    (b"BM", _OTHER_IMAGE),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_TYPES = {"audio": "a sound", "video": "a video", "image": _OTHER_IMAGE}


def _describe_kind(mime: str, data: bytes) -> str:
    """Return what to call a file that cannot be read, with its article: by its bytes, else by what its sender says."""
    known = (kind for magic, kind in _KINDS if data.startswith(magic))
    sniffed = (_TYPES.get(kind.partition("/")[0]) for kind in (_sniff(data), mime))
    return next(known, None) or next(filter(None, sniffed), "neither an image nor text that I can read")
