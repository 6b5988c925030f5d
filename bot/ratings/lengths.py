"""How far people prefer the longer answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.ratings.comparisons import MIN_VOTES, Vote


@dataclass(frozen=True, slots=True)
class LengthWins:
    """The share of comparisons that the longer answer won, 0 to 1, and how many votes made them."""

    share: float
    votes: int


def measure_length_wins(votes: Iterable[Vote], *, min_votes: int = MIN_VOTES) -> LengthWins | None:
    """Return how often the longer answer won, each vote weighing one; None where too few votes tell it.

    A vote tells it that prefers an answer whose length is known to others of another length.
    """
    shares = [share for vote in votes if (share := _share_longer(vote)) is not None]
    return LengthWins(sum(shares) / len(shares), len(shares)) if len(shares) >= max(1, min_votes) else None


def _share_longer(vote: Vote) -> float | None:
    """Return the share of the other answers, those of equal length left out, that are shorter than the preferred."""
    if vote.preferred is None or not vote.chars:
        return None
    own = vote.chars[vote.preferred]
    unlike = [chars for chars in vote.chars if chars != own]
    return sum(own > chars for chars in unlike) / len(unlike) if unlike else None
