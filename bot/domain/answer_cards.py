"""Answers as cards beside a result, for surfaces that draw some."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.run import LaneId


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """An answer in short: the lane of its message, who gave it, its rank in words, and its beginning in plain words.

    `paragraphs`: those of the end card that say the same, in Markdown; a surface that draws the card leaves them out.
    """

    lane: LaneId
    name: str
    rank: str
    beginning: str
    paragraphs: tuple[str, ...] = ()
