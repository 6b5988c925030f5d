"""A clock that a test sets."""

from __future__ import annotations


class ManualClock:
    """A clock that stands still until a test moves it; seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
