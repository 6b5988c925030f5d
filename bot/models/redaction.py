"""Redaction of API keys in what models and providers write."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable
from functools import lru_cache

from bot.domain.api_keys import BLANKED, LEAST_AFTER_PREFIX, PREFIXES, is_key_body

_KNOWN = "|".join(map(re.escape, PREFIXES))
_KEY_CHARS = string.ascii_letters + string.digits + "_-"
_MOST_HELD = 64  # characters; a name this long that is not random so far is a name
_OWN_PREFIX = 8  # characters of a configured key by which it is known


def make_redactor(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """Return a function that takes keys out of a provider's error.

    Any word that begins like a key counts as one there, however short or masked; so does what follows "Bearer", and so
    do the configured `secrets`.
    """
    own = "".join(re.escape(s) + "|" for s in sorted(secrets, key=len, reverse=True) if s)
    quoted = re.compile(rf"{own}(?<![\w-])(?:{_KNOWN})[\w*-]{{3,}}(?:\.\.+[\w*-]+)?|(?<=\bBearer )[^\s'\"]+", re.ASCII)
    return lambda text: quoted.sub(BLANKED, text)


@lru_cache(maxsize=8)
def _make_patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what matches a whole key, and what matches the beginning of one at the end of a text."""
    own = tuple(s[:_OWN_PREFIX] for s in secrets if len(s) >= _OWN_PREFIX + LEAST_AFTER_PREFIX)
    prefixes = (*own, *PREFIXES)
    known = "|".join(map(re.escape, prefixes))
    begun = "|".join(re.escape(p[:n]) for p in prefixes for n in range(1, len(p)))
    mine = "|".join(map(re.escape, own)) or "(?!)"
    key = rf"(?<![\w-])(?:(?:{mine})(?=[\w-]*\d)[\w-]{{{LEAST_AFTER_PREFIX},}}|(?:{_KNOWN})([\w-]+))"
    return re.compile(key, re.ASCII), re.compile(rf"(?<![\w-])(?:(?:{known})[\w-]*|{begun})\Z", re.ASCII)


class Redactor:
    """A filter that blanks keys in a text that comes in pieces. It holds back at most 64 characters, a possible key.

    `secrets` are the configured keys, which need not look like any issuer's.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._key, self._start = _make_patterns(secrets)
        self._last = ""  # the character shown last: it tells whether a word begins here
        self._held = ""
        self._inside = False  # a key was blanked and its end has not come yet

    def feed(self, text: str) -> str:
        """Return the part of the text so far that can be shown now."""
        if self._inside:
            text = text.lstrip(_KEY_CHARS)
            if not text:
                return ""
            self._inside, self._last = False, BLANKED[-1]
        buffer = self._last + self._held + text
        shown, at = "", len(self._last)
        for key in self._key.finditer(buffer, at):
            if key[1] and not is_key_body(key[1]):
                continue
            shown += buffer[at : key.start()] + BLANKED
            at = key.end()
            self._inside = at == len(buffer)
        start = self._start.search(buffer, max(at, len(buffer) - _MOST_HELD))
        cut = start.start() if start else len(buffer)
        self._last, self._held = buffer[cut - 1 : cut] if cut else "", buffer[cut:]
        return shown + buffer[at:cut]

    def flush(self) -> str:
        """Return what was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return held
