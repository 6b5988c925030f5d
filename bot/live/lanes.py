"""The desired text of a turn, a card or the board. Setting it costs O(1), never waits and reaches every view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.domain.answer_cards import AnswerCard
from bot.domain.controls import Control
from bot.domain.run import LaneId
from bot.ports.surface import Kind

USUAL_CHARS_PER_S = 60.0


class Lane:
    """Desired text, and counts of what was ever written.

    `chars` counts all code points, and `moments` is the sum of the times (seconds) at which they were written. A reader
    who remembers both knows how many wait for it, and for how long together.
    """

    __slots__ = (
        "_announced",
        "_on_change",
        "_parts",
        "_time",
        "answers",
        "began",
        "brief",
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
        "withdrawn",
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
        self.to = to  # the person whom its end notifies
        self.face = face  # a picture of who speaks
        self.controls: tuple[Control, ...] = ()
        self.answers: tuple[AnswerCard, ...] = ()  # that it tells of
        self.shows_progress = False  # the placeholder says how far it is
        self.brief = ""
        self.footer = ""
        self.closed = False
        self.version = 0  # of text and footer; a reader that has taken this one has nothing new
        self.length = 0  # code points of `text`
        self.chars = 0
        self.moments = 0.0
        self.began = 0.0  # when the first text came, once `chars` is not 0
        self.ended = 0.0  # when it was closed
        self.withdrawn = False  # the text may be shorter than what is shown, which is then wrong
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

    def set(self, text: str, brief: str = "") -> None:
        """Replace the whole text: of a card or the board. `brief`: the same for a surface with little room."""
        if not self.closed and text != self.text:
            self.brief = brief
            self._replace(text)
            self._note_change(len(text))

    def set_placeholder(self, placeholder: str) -> None:
        """Set what stands there until the first text comes."""
        if placeholder != self.placeholder and not self.closed:
            self.placeholder, self.shows_progress = placeholder, True
            self._note_change(0)

    def restart(self, kept: str) -> None:
        """Begin again with `kept`, as a re-ask does. Views keep what they show until the new text has outgrown it."""
        if not self.closed:
            self.withdrawn = False
            self._replace(kept)
            self._note_change(0)

    def withdraw(self) -> None:
        """Take back the whole text: what views show of it goes at once, as urgently as it came."""
        if not self.closed:
            self.withdrawn = True
            gone = self.length
            self._replace("")
            self._note_change(gone)

    def reopen(self) -> None:
        """Open the lane again: a failed turn is asked once more."""
        self.closed, self.footer = False, ""
        self.restart("")

    def rewrite(self, text: str, footer: str) -> None:
        """Change a text that was over: it was removed."""
        self.closed = False
        self.close(text, footer)

    def set_controls(self, controls: tuple[Control, ...]) -> None:
        """Set what people may press under it from now on."""
        if controls != self.controls:
            self.controls = controls
            self._note_change(0)

    def set_answers(self, answers: tuple[AnswerCard, ...]) -> None:
        """Set the answers that it tells of."""
        if answers != self.answers:
            self.answers = answers
            self._note_change(0)

    def close(self, text: str | None = None, footer: str = "") -> None:
        """Set the final text (None: the present one). Call it once the end is stored; a second call does nothing."""
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
        """Note that a view has taken the text: the next change is announced again."""
        self._announced = False

    def speed(self, now: float) -> float:
        """Return code points a second since the first one, leaning on a usual 60 at first; 0 before it."""
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


class LaneOpener(Protocol):
    """The display of a run's texts, as who writes them sees it."""

    def open(
        self, key: LaneId, title: str, *, kind: Kind, placeholder: str = "", to: str = "", face: str = ""
    ) -> Lane: ...

    def foresee(self, stages: float, seats: int) -> None: ...
