"""Seals on what forms keep: a form acts on what its own person was shown it for, and on nothing else."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from bot.errors import Refused

MARK = "#"
_BYTES = 9  # 12 characters: a custom_id on Discord has room for no more, and each guess is a request


class Seal:
    """A seal made with a secret of the platform's, so that a form outlives a restart."""

    def __init__(self, secret: str) -> None:
        self._key = sha256(f"forms {secret}".encode()).digest()

    def close(self, text: str, person: str) -> str:
        """Return the text with its seal for that person."""
        return f"{text}{MARK}{self._make(text, person)}"

    def open(self, sealed: str, person: str) -> str:
        """Return the text. Raises Refused where it was not sealed for that person."""
        text, _, seal = sealed.rpartition(MARK)
        if not hmac.compare_digest(_encode(seal), _encode(self._make(text, person))):
            raise Refused("That form was not made for you here: use the command, button or menu once more.")
        return text

    def _make(self, text: str, person: str) -> str:
        digest = hmac.digest(self._key, _encode(f"{person}\n{text}"), "sha256")
        return urlsafe_b64encode(digest[:_BYTES]).decode()


def _encode(text: str) -> bytes:
    """Return the bytes of a text that anybody may have sent, halves of surrogate pairs among it."""
    return text.encode("utf-8", "surrogatepass")
