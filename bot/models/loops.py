"""A guard that tells endless repetition from text that merely repeats itself."""

from __future__ import annotations

_PROBE = 48  # characters that must come again before a period is even considered
_MAX_PERIOD_CHARS = 1_000  # characters
_SUSPECT = 400  # characters in a row that repeat, three times at least: held back from here on
_LOOP = 2_000  # a run of so many is a loop, and given up: longer than a table's rows, a zero matrix or a refrain go on
_STEP = 128  # characters between two looks
_TAIL = 3 * _MAX_PERIOD_CHARS + _PROBE


class Repetition:
    """A watcher of a text that comes in pieces, for a period that goes on and on.

    A look costs a search in the last 3,000 characters, and happens once in 128 characters. While the text goes on
    with the same period it is held back, so that people never see a loop run; when the period breaks, as it does
    in every table, listing or poem, what was held is given out and nothing is lost.
    """

    def __init__(self) -> None:
        self.looping = False  # the text has ended in a loop; what was held is dropped
        self._tail = ""  # the end of the text up to the last look, and what is held
        self._fresh: list[str] = []  # the text since the last look
        self._unseen = 0  # the characters since the last look
        self._period = 0  # 0: nothing is held
        self._run = 0  # characters in a row that repeat
        self._held: list[str] = []

    def feed(self, text: str) -> str:
        """Return the part of the text so far that can be shown now; "" for ever once it loops."""
        if len(text) <= _STEP:
            return self._step(text)
        return "".join(self._step(text[i : i + _STEP]) for i in range(0, len(text), _STEP) if not self.looping)

    def flush(self) -> str:
        """Return what was held back, once nothing more comes; nothing of a loop."""
        held, self._held, self._period = "".join(self._held), [], 0
        return "" if self.looping else held

    def _step(self, text: str) -> str:
        if self.looping:
            return ""
        if not self._period:
            self._fresh.append(text)
            self._unseen += len(text)
            if self._unseen >= _STEP:
                self._find_period()
            return text
        if self._repeats(text):
            self._tail = (self._tail + text)[-_TAIL:]
            self._held.append(text)
            self._run += len(text)
            self.looping = self._run >= max(_LOOP, 4 * self._period)
            return ""
        self._fresh.append(text)
        text = self.flush() + text
        self._find_period()
        return text

    def _repeats(self, text: str) -> bool:
        last = self._tail[-self._period :]
        return (last * (len(text) // self._period + 1))[: len(text)] == text

    def _find_period(self) -> None:
        tail = self._tail = (self._tail + "".join(self._fresh))[-_TAIL:]
        self._fresh, self._unseen = [], 0
        before = tail.rfind(tail[-_PROBE:], 0, len(tail) - 1)
        period = len(tail) - _PROBE - before
        run = max(_SUSPECT, 3 * period)
        if (
            before >= 0
            and period <= _MAX_PERIOD_CHARS
            and len(tail) >= run
            and tail[period - run :] == tail[-run:-period]
        ):
            self._period, self._run = period, run
