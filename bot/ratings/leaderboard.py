"""A leaderboard: models by their ratings, and what these do not tell by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.ratings.length_free import LengthFree, rate_without_length
from bot.ratings.lengths import LengthWins, measure_length_wins
from bot.ratings.ratings import Rating, rate_models
from bot.ratings.reviewers import Independence, measure_independence
from bot.ratings.sensitivity import count_votes_to_flip
from bot.ratings.tally import Tally
from bot.ratings.trust import Trust, measure_trust

MOST_TOLD = 4  # reviewers and models of whom a sentence is said


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Ratings, best first; [] where votes are too few, and then nothing else is said either.

    `flip`: so many votes, dropped, put another model first. None: not known, as each of those after it may be.
    """

    tally: Tally
    ratings: list[Rating]
    flip: int | None = None
    lengths: LengthWins | None = None
    reviewers: Independence | None = None
    length_free: LengthFree | None = None
    trust: list[Trust] = field(default_factory=list)

    def name(self, model: str) -> str:
        """Return the name that a model had last."""
        return self.tally.names.get(model, model)

    def list_caveats(self) -> list[str]:
        """Return what a reader should know beside the ratings, a sentence each."""
        lines = [_tell_flip(self.flip, len(self.tally.votes))] if self.flip is not None else []
        if self.lengths is not None:
            lines.append(
                f"The longer answer won {self.lengths.share:.0%} of {self.lengths.votes:,} votes between answers of "
                "unlike length."
            )
        if self.length_free is not None:
            lines.append(_tell_length(self.length_free, self))
        if self.reviewers is not None:
            lines.append(
                f"{self.reviewers.reviewers} model reviewers amount to {self.reviewers.effective:.1f} independent "
                "ones, by how their errors against people's votes go together."
            )
        if self.tally.outcomes:
            lines.append(_tell_outcomes(self))
        return [*lines, *(_tell_trust(one, self.name(one.model)) for one in self.trust[:MOST_TOLD])]


def make_leaderboard(tally: Tally) -> Leaderboard:
    """Rate the models of a tally. Takes a second or several: its callers have it done in a thread."""
    ratings = rate_models(tally.votes)
    if not ratings:
        return Leaderboard(tally, ratings)
    lengths = measure_length_wins(tally.votes)
    return Leaderboard(
        tally,
        ratings,
        count_votes_to_flip(tally.votes),
        lengths,
        measure_independence(tally.errors),
        rate_without_length(tally.votes) if lengths else None,
        measure_trust(tally.errors, tally.picks),
    )


def _tell_length(free: LengthFree, board: Leaderboard) -> str:
    first = max(free.points, key=lambda model: (free.points[model], model))
    gain = "gains" if free.per_doubling >= 0 else "loses"
    return (
        f"By being twice as long an answer {gain} about {abs(free.per_doubling):,.0f} points; with length taken out "
        f"{board.name(first)} is first ({free.points[first]:,.0f})."
    )


def _tell_trust(one: Trust, name: str) -> str:
    parts = []
    if one.agrees is not None:
        parts.append(f"agrees with people on {one.agrees:.0%} of {one.pairs:,} pairs of answers")
    if one.first is not None:
        parts.append(f"prefers what it is shown first on {one.first:.0%} of {one.ballots:,} ballots")
        parts[-1] += f" (by chance {one.by_chance:.0%})"
    return f"As a reviewer {name} {' and '.join(parts)}."


def _tell_outcomes(board: Leaderboard) -> str:
    counts = sorted(board.tally.outcomes.items(), key=lambda item: -item[1].right - item[1].wrong)
    told = [f"{board.name(model)} {n.right} of {n.right + n.wrong}" for model, n in counts[:MOST_TOLD]]
    return f"Decisions that people marked afterwards, right by the model that was preferred: {', '.join(told)}."


def _tell_flip(flip: int, votes: int) -> str:
    held = f"{flip:,} of {votes:,} votes hold" if flip > 1 else f"One of {votes:,} votes holds"
    return f"{held} the first place: without {'them' if flip > 1 else 'it'} another model is first."
