"""The marker lines round material in our prompts, which small models repeat in their answers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.domain.asks import FRAME_END, Part

_CODE = re.compile(r"\| (\w{4,40})\]$")
_LONGEST = 400  # characters of a marker; its label may hold a name and where a remark was sent from
_BRACKET = re.compile(r"[\[\]\n]")


def find_codes(parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the codes on the markers of an ask, which nobody else knows: one, unless there is no material."""
    lasts = (part.text.rpartition("\n")[2] for part in parts)
    found = (code for last in lasts if last.startswith(FRAME_END) and (code := _CODE.search(last)))
    return tuple(dict.fromkeys(code[1] for code in found))


class MarkerFilter:
    """A filter that drops what stands in brackets with one of these codes, and the line that nothing is left of.

    It holds back at most what stands in an open bracket: 400 characters, and no more than a line.
    """

    def __init__(self, codes: Iterable[str]) -> None:
        self._codes = tuple(codes)
        self._held = ""
        self._has_words = False  # the line that is being written shows something
        self._skips = False  # a marker was dropped, and its line has shown nothing

    def feed(self, text: str) -> str:
        """Return the part of the text so far that can be shown now."""
        if not self._held and not self._skips and "[" not in text:  # nearly always
            self._note(text)
            return text
        buffer, self._held = self._held + text, ""
        shown: list[str] = []
        at = 0
        while (start := buffer.find("[", at)) >= 0:
            end = _group_end(buffer, start)
            if end is None and len(buffer) - start <= _LONGEST:
                self._held = buffer[start:]
                break
            end = min(end or len(buffer), start + _LONGEST)
            shown.append(self._show(buffer[at:start]))
            if self._is_marker(buffer[start:end]):
                self._skips = not self._has_words
            else:
                shown.append(self._show(buffer[start:end]))
            at = end
        shown.append(self._show(buffer[at : len(buffer) - len(self._held)]))
        return "".join(shown)

    def flush(self) -> str:
        """Return what was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return "" if self._is_marker(held) else held

    def _is_marker(self, group: str) -> bool:
        return any(code in group for code in self._codes)

    def _show(self, text: str) -> str:
        if self._skips:
            blank = text.lstrip(" \t\r")
            self._skips = not blank
            text = blank.removeprefix("\n")
        self._note(text)
        return text

    def _note(self, text: str) -> None:
        if text:
            last = text.rpartition("\n")[2]
            self._has_words = bool(last.strip()) or ("\n" not in text and self._has_words)


def _group_end(text: str, start: int) -> int | None:
    """Return where the bracket that opens at `start` is closed, or its line ends; None: neither has come."""
    depth = 0
    for found in _BRACKET.finditer(text, start, start + _LONGEST):
        if found[0] == "\n":
            return found.start()
        depth += 1 if found[0] == "[" else -1
        if depth == 0:
            return found.end()
    return None
