"""What a leaderboard is made of, gathered run by run. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.transcript import Transcript
from bot.ratings.comparisons import MIN_VOTES, Vote, read_model_names, read_votes
from bot.ratings.outcomes import OutcomeCount, read_outcome
from bot.ratings.reviewers import Errors, read_review_errors
from bot.ratings.trust import Pick, read_picks

NOT_INSTALLED = "Leaderboards need libraries that are not installed here: pip install 'moot[leaderboard]'."


@dataclass(slots=True)
class Tally:
    """Votes of runs, and what else is said of models.

    They are what reviewers had reversed of what people prefer, reviewers' best answers, models' names, and how
    decisions turned out in which a model was preferred.
    """

    votes: list[Vote] = field(default_factory=list)
    errors: list[Errors] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, OutcomeCount] = field(default_factory=dict)

    def add_run(self, t: Transcript) -> None:
        """Add what a run has; the newest comes first, as a model goes by the name that it had last."""
        self.votes += read_votes(t)
        self.errors += read_review_errors(t)
        self.picks += read_picks(t)
        if outcome := read_outcome(t):
            model, was_right = outcome
            count = self.outcomes.setdefault(model, OutcomeCount())
            count.right += was_right
            count.wrong += not was_right
        self.names = {**read_model_names(t), **self.names}

    def describe(self) -> str:
        """Return how many votes there are, and of which kinds."""
        ties = sum(vote.preferred is None and not vote.all_bad for vote in self.votes)
        bad, blind = sum(vote.all_bad for vote in self.votes), sum(vote.blind for vote in self.votes)
        total = len(self.votes)
        return f"{total:,} votes: {blind:,} blind, {ties:,} ties, {bad:,} that found none of the answers good."

    def describe_few(self) -> str:
        """Say that the votes are too few for a leaderboard."""
        return f"{len(self.votes)} votes between answers so far; with fewer than {MIN_VOTES} nothing is ranked."
