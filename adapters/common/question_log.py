"""Messages that runs were asked with, so that a board can note when its question is edited or deleted."""

from __future__ import annotations

from adapters.common.recent import RecentDict

SIZE = 1_000


class QuestionLog:
    """The run that each of the latest `SIZE` questions has started, by the platform's id of its message."""

    def __init__(self) -> None:
        self._runs: RecentDict[str, str] = RecentDict(size=SIZE)

    def add(self, message: str, run: str) -> None:
        """Remember the run that a message has started."""
        self._runs.put(message, run)

    def find_run(self, message: str) -> str:
        """Return the run that a message has started; "" where it started none, or too long ago."""
        return self._runs.get(message) or ""
