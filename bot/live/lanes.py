"""What a turn, a card or the board should read now. Setting it costs O(1), never waits and reaches every view."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.controls import Control
from bot.domain.run import LaneId
from bot.ports import Kind

__all__ = ["Kind", "Lane"]


USUAL_CHARS_PER_S = 60.0


class Lane:
    """Desired text. `chars` counts all code points ever written and `moments` the sum of the times (seconds) at
    which they were, so that any reader who remembers both knows how many wait for it, and for how long together.
    """

    __slots__ = (
        "_announced",
        "_on_change",
        "_parts",
        "_time",
        "began",
        "chars",
        "closed",
        "controls",
        "ended",
        "face",
        "footer",
        "key",
        "kind",
        "length",
        "moments",
        "placeholder",
        "shows_progress",
        "title",
        "to",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        key: LaneId,
        title: str,
        kind: Kind,
        placeholder: str,
        *,
        to: str = "",
        face: str = "",
        time: Callable[[], float],
        on_change: Callable[[Lane], None],
    ) -> None:
        self.key = key
        self.title = title
        self.kind = kind
        self.placeholder = placeholder
        self.to = to  # who is told of it
        self.face = face  # a picture of who speaks
        self.controls: tuple[Control, ...] = ()
        self.shows_progress = False  # its placeholder tells how far it is
        self.footer = ""
        self.closed = False
        self.version = 0  # of text and footer; a reader that has taken this one has nothing new
        self.length = 0  # code points of `text`
        self.chars = 0
        self.moments = 0.0
        self.began = 0.0  # when the first text came, once `chars` is not 0
        self.ended = 0.0  # when it was closed
        self._parts: list[str] = []
        self._time = time
        self._on_change = on_change
        self._announced = False

    @property
    def text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def add(self, text: str) -> None:
        if text and not self.closed:
            self._parts.append(text)
            self.length += len(text)
            self._note_change(len(text))

    def set(self, text: str) -> None:
        """The whole text anew: a card or the board."""
        if not self.closed and text != self.text:
            self._replace(text)
            self._note_change(len(text))

    def set_placeholder(self, placeholder: str) -> None:
        """What stands there until its first text comes."""
        if placeholder != self.placeholder and not self.closed:
            self.placeholder, self.shows_progress = placeholder, True
            self._note_change(0)

    def restart(self, kept: str) -> None:
        """A re-ask begins with `kept`. Views keep what they show until the new text has outgrown it."""
        if not self.closed:
            self._replace(kept)
            self._note_change(0)

    def reopen(self) -> None:
        """What was over begins anew: a failed turn is asked again."""
        self.closed, self.footer = False, ""
        self.restart("")

    def rewrite(self, text: str, footer: str) -> None:
        """What was over reads differently: it was removed."""
        self.closed = False
        self.close(text, footer)

    def set_controls(self, controls: tuple[Control, ...]) -> None:
        """What people may press under it from now on."""
        if controls != self.controls:
            self.controls = controls
            self._note_change(0)

    def close(self, text: str | None = None, footer: str = "") -> None:
        """The final text (None: what it reads now). Call it only once the end is stored; a second close is nothing."""
        if self.closed:
            return
        before = self.text
        after = before if text is None else text
        self._replace(after)
        self.footer = footer
        self.closed = True
        self._announced = False
        self._note_change(len(after) - len(before) if after.startswith(before) else len(after))
        self.ended = self._time()

    def settle(self) -> None:
        """A view has taken the text: the next change is news again."""
        self._announced = False

    def speed(self, now: float) -> float:
        """Code points a second since the first one, leaning on a usual 60 for the first second; 0 before it."""
        return (self.chars + USUAL_CHARS_PER_S) / (now - self.began + 1.0) if self.chars else 0.0

    def _replace(self, text: str) -> None:
        self._parts = [text]
        self.length = len(text)

    def _note_change(self, chars: int) -> None:
        now = self._time()
        if chars and not self.chars:  # a button is no word
            self.began = now
        self.version += 1
        self.chars += chars
        self.moments += chars * now
        if not self._announced:  # once until a view takes it: a delta must not cost a decision
            self._announced = True
            self._on_change(self)
