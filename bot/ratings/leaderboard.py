"""A leaderboard: models by their ratings, and what these do not tell by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from bot.ratings.lengths import LengthWins, measure_length_wins
from bot.ratings.ratings import Rating, rate_models
from bot.ratings.reviewers import Independence, measure_independence
from bot.ratings.sensitivity import count_votes_to_flip
from bot.ratings.tally import Tally


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Ratings, best first; [] where votes are too few, and then nothing else is said either.

    `flip`: so many votes, dropped, put another model first. None: not known, as each of the three may be.
    """

    tally: Tally
    ratings: list[Rating]
    flip: int | None = None
    lengths: LengthWins | None = None
    reviewers: Independence | None = None

    def name(self, model: str) -> str:
        """Return the name that a model had last."""
        return self.tally.names.get(model, model)

    def list_caveats(self) -> list[str]:
        """Return what a reader should know beside the ratings, a sentence each."""
        lines = [_tell_flip(self.flip, len(self.tally.votes))] if self.flip is not None else []
        if self.lengths is not None:
            lines.append(
                f"The longer answer won {self.lengths.share:.0%} of {self.lengths.votes:,} votes between answers of "
                "unlike length. Ratings are not corrected for length."
            )
        if self.reviewers is not None:
            lines.append(
                f"{self.reviewers.reviewers} model reviewers amount to {self.reviewers.effective:.1f} independent "
                "ones, by how their errors against people's votes go together."
            )
        return lines


def make_leaderboard(tally: Tally) -> Leaderboard:
    """Rate the models of a tally. Takes a second or several: its callers have it done in a thread."""
    ratings = rate_models(tally.votes)
    if not ratings:
        return Leaderboard(tally, ratings)
    return Leaderboard(
        tally,
        ratings,
        count_votes_to_flip(tally.votes),
        measure_length_wins(tally.votes),
        measure_independence(tally.errors),
    )


def _tell_flip(flip: int, votes: int) -> str:
    held = f"{flip:,} of {votes:,} votes hold" if flip > 1 else f"One of {votes:,} votes holds"
    return f"{held} the first place: without {'them' if flip > 1 else 'it'} another model is first."
