"""Errors, named by who can mend them; those of providers are in `bot.models.errors`, and any other is a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

MAX_CHARS = 1_500  # of a refusal: one message on any platform
NOTHING_STORED = (
    "My database cannot be used just now{why}, so nothing new is stored. Try again in a minute; if it stays so, tell "
    "whoever runs me."
)
MAYBE_STORED = (
    "My database went away while it stored this, so I do not know whether it has: look in a minute, before you do it "
    "once more."
)


class Refused(Exception):
    """An error that the person can mend; its text says what to do instead, in one sentence."""

    def __init__(self, text: str) -> None:
        super().__init__(text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…")

    @property
    def for_people(self) -> str:
        """Return what the person is told, as of `StoreFailed`."""
        return str(self)


class Misconfigured(Exception):
    """An error that the operator can mend; its text says where it is, what is wrong and what would be right."""


class Unreachable(Exception):
    """A platform gives no answer now; its text says which and why. It is tried again."""


class StoreFailed(Exception):
    """A failure of the disk or the database; its text says what happened, what it means and what to do.

    That is for the operator, as it may name the store's address and quote a driver. `for_people` says what those who
    use the bot should know of it.
    """

    def __init__(self, text: str, for_people: str = NOTHING_STORED.format(why="")) -> None:
        super().__init__(text)
        self.for_people = for_people


class MaybeStored(StoreFailed):
    """The answer to a write was lost, so nobody knows whether it is stored."""

    def __init__(self, text: str) -> None:
        super().__init__(text, MAYBE_STORED)


class UnknownFacts(StoreFailed):
    """What is stored was written by a newer version, or is damaged: the store works, and others may read it."""


@contextmanager
def behind_stored() -> Iterator[None]:
    """Raise MaybeStored where the store fails just after something was stored, which is not to be told as lost."""
    try:
        yield
    except UnknownFacts:
        raise
    except StoreFailed as error:
        raise MaybeStored(str(error)) from error
