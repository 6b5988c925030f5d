"""Decisions that people have marked afterwards, and the models whose answers were preferred in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bot.domain.transcript import Transcript
from bot.domain.visibility import names_hidden
from bot.formats.common import last_votes
from bot.formats.council.reviews import count_standings, current_reviews


@dataclass(slots=True)
class OutcomeCount:
    """How many decisions proved right and wrong in which a model was preferred."""

    right: int = 0
    wrong: int = 0


def read_outcome(t: Transcript) -> tuple[str, bool] | None:
    """Return the model that was preferred in a run, and whether the decision proved right.

    It is the one that most people voted for, or else the one that the reviewers of a council put first. None: nobody
    has marked the run so, several were preferred alike, or names are hidden.
    """
    if t.mark not in ("right", "wrong") or names_hidden(t):
        return None
    models = {seat.key: seat.model for seat in t.started.panel.seats}
    counts = Counter(models[seat] for seat in last_votes(t).values() if seat in models)
    most = [model for model, count in counts.items() if count == max(counts.values())]
    if not counts and t.started.format == "council":
        top = count_standings(t, current_reviews(t, again=False, may_begin=False)).top
        most = [models[top]] if top in models else []
    return (most[0], t.mark == "right") if len(most) == 1 else None
