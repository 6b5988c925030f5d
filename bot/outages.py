"""The log of what is tried again and again: a line when it begins to fail, and one when it works again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from bot.errors import StoreFailed

log = structlog.get_logger()


class OutageLog:
    """The log of one thing that goes on where the database is away. `what`: that it fails, such as "x cannot be y"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None

    @property
    def goes_on(self) -> bool:
        """Return whether it failed the last time."""
        return self._since is not None

    def note(self, error: BaseException) -> None:
        """Note that it has failed."""
        if self._since is None:
            self._since = time.monotonic()
            log.warning(f"{self._what}; trying again", reason=f"{error}".partition("\n")[0])

    def end(self) -> None:
        """Note that it works."""
        if self._since is not None:
            log.warning(f"over: {self._what}", after_s=round(time.monotonic() - self._since, 1))
            self._since = None

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Let work fail where the database cannot be used; whoever does it tries again later."""
        try:
            yield
        except StoreFailed as error:
            self.note(error)
        else:
            self.end()
