"""How names are written in a sentence, what counts as text, and how bytes that people wrote are read as text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Literal

_MARKS = re.compile(r"[\\`*\[\]~|<>$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|^[#=+-]|(?<=^\d)[.)]")
QUOTED_CHARS = 60  # of what somebody has typed
_MAX_LISTED = 8
_CONTROLS = set(range(32)) - set(b"\t\r\n")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_text(data: bytes) -> str:
    """Decode a file that people wrote: UTF-8 or UTF-16, with a mark before it or without.

    PowerShell 5 appends UTF-16 to whatever is there, so that one file may hold both. Raises UnicodeDecodeError.
    """
    if b"\0" in data:
        plain = data.replace(b"\0", b"")
        for mark in (*_UTF_16, codecs.BOM_UTF8):
            plain = plain.replace(mark, b"")
        if plain.isascii() and not set(plain) & _CONTROLS:
            return plain.decode("ascii")
        if data.startswith(_UTF_16):
            return data.decode("utf-16")
    return data.decode("utf-8-sig")


def as_bytes(content: str | bytes) -> bytes:
    """Return the bytes of a file that is handed out; what UTF-8 cannot write, half an emoji, becomes "?"."""
    return content if isinstance(content, bytes) else content.encode("utf-8", "replace")


def as_text(name: str) -> str:
    """Return what people call themselves or things, for a sentence in Markdown: it reads there as it is."""
    return _MARKS.sub(r"\\\g<0>", " ".join(name.split()))


def shorten_typed(text: str, most: int = QUOTED_CHARS) -> str:
    """Return the beginning of what somebody has typed, on one line, for a sentence in Markdown."""
    line = " ".join(text[: 4 * most].split())
    is_whole = len(line) <= most and len(text) <= 4 * most
    return as_text(line if is_whole else f"{line[: most - 1].rstrip()}…")


def quote_typed(text: str, most: int = QUOTED_CHARS) -> str:
    """Return the beginning of what somebody has typed, in quotation marks, for a sentence in Markdown."""
    return f"“{shorten_typed(text, most)}”"


def quote_lines(text: str, most: int) -> str:
    """Return the beginning of a text as a quotation in Markdown, with its lines."""
    cut = text if len(text) <= most else f"{cut_at_word(text, most)} …"
    return "\n".join(f"> {line}" for line in cut.splitlines())


def cut_at_word(text: str, most: int) -> str:
    """Return the beginning of a text, up to the end of a word where one is near; most scripts have spaces for that."""
    head = text[:most].rstrip()
    if len(text) <= most or " " in text[most - 1 : most + 1] or "\n" in text[most - 1 : most + 1]:
        return head
    kept = head.removesuffix(head.split()[-1]).rstrip() if head else ""
    return kept if len(kept) > most // 2 else head


def plain_line(text: str) -> str:
    """Return Markdown without the marks of bold and of code, for a line that shows them as they are."""
    return text.replace("**", "").replace("`", "")


def join_names(names: Collection[str], last: Literal["and", "or"] = "and") -> str:
    """Join at least one name as people write them: "Ada", "Ada and Bob", "Ada, Bob and Cyd".

    `last` is the word before the last name.
    """
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail


def join_blocks(*blocks: str) -> str:
    """Join texts with a blank line between them, without empty ones."""
    return "\n\n".join(filter(None, (block.strip() for block in blocks)))


def did_you_mean(word: str, known: Sequence[str], what: str) -> str:
    """Return a sentence that names the known words closest to a mistyped one, or the first few where none is close.

    `what` is the plural of what the words name, such as "panels".
    """
    close = get_close_matches(word[:QUOTED_CHARS], known, n=3)
    offered = close or known[:_MAX_LISTED]
    if not offered:
        return f"No {what} are configured yet."
    return f"{'Did you mean' if close else f'The {what} are'} {', '.join(offered)}{'?' if close else '.'}"


# C0 controls except tab and line ends, DEL, noncharacters: nobody types them, stores and terminals choke on them
_NO_TEXT = "\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff"
_DROPPED = re.compile(f"[{_NO_TEXT}]")
_UNCLEAN = re.compile(f"[{_NO_TEXT}\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return the text without control characters, and with "�" for each half of a character that lacks the other.

    Two halves that stand together become the character that they mean.
    """
    if not _UNCLEAN.search(text):  # nearly always
        return text
    return _DROPPED.sub("", text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


# Blanks, and what is drawn as nothing: widths of zero, directions, fillers, variants of no sign.
_UNSEEN = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]*"
)


def has_signs(text: str) -> bool:
    """Return whether anything of a text can be seen."""
    return _UNSEEN.fullmatch(text) is None


class TextCleaner:
    """A `clean_text` for text that comes in pieces. It holds back at most one half of a character."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the part of the text so far that is whole."""
        text, self._held = self._held + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return clean_text(text)

    def flush(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return clean_text(held)


_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def count_word(n: int) -> str:
    """Return a small count as a word, as in a sentence; a larger one in figures."""
    return _COUNTS[n] if n < len(_COUNTS) else f"{n:,}"


def ordinal(n: int) -> str:
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"
