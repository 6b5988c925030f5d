"""Errors, named by who can mend them; those of providers are in `bot.models.errors`, and any other is a bug."""

from __future__ import annotations

MAX_CHARS = 1_500  # of a refusal: one message on any platform


class Refused(Exception):
    """An error that the person can mend; its text says what to do instead, in one sentence."""

    def __init__(self, text: str) -> None:
        super().__init__(text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…")


class Misconfigured(Exception):
    """An error that the operator can mend; its text says where it is, what is wrong and what would be right."""


class Unreachable(Exception):
    """A platform gives no answer now; its text says which and why. It is tried again."""


class StoreFailed(Exception):
    """A failure of the disk or the database; its text says what happened, what it means and what to do."""


class UnknownFacts(StoreFailed):
    """What is stored was written by a newer version, or is damaged: the store works, and others may read it."""
