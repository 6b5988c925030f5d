"""How many independent opinions model reviewers amount to, by how their errors go together. Pure.

An error is a ballot that has reversed what people prefer. Nine judges that err on the same answers are no nine
opinions. L. Kish, "Survey Sampling", 1965: n observations whose correlation is r weigh as much as n / (1 + (n - 1) r)
independent ones.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bot.domain.transcript import Transcript
from bot.formats.council.review_order import name_tiers
from bot.formats.council.reviews import STAGE, read_review
from bot.ratings.comparisons import MIN_VOTES, read_seat_votes

Errors = Mapping[str, bool]  # of two answers that people have told apart: reviewer → whether it has them reversed


@dataclass(frozen=True, slots=True)
class Independence:
    """So many reviewers, by their models, amount to `effective` independent ones.

    `correlation`: of their errors, the mean over each two of them.
    """

    reviewers: int
    effective: float
    correlation: float


def read_review_errors(t: Transcript) -> list[Errors]:
    """Return who was wrong about each two answers of a council of which people prefer one by majority.

    A reviewer that has the two in one place, or one of them not at all, is left out. What it says of its own answer
    counts, or reviewers of small councils would never judge the same.
    """
    preferred: Counter[tuple[str, str]] = Counter()
    for seats, vote in read_seat_votes(t):
        if vote.preferred is not None:
            preferred.update((seats[vote.preferred], other) for other in seats if other != seats[vote.preferred])
    told = [(x, y) for x, y in preferred if preferred[x, y] > preferred[y, x]]
    places = dict(_read_places(t)) if told else {}
    found = [{who: at[y] < at[x] for who, at in places.items() if _tells_apart(at, x, y)} for x, y in told]
    return [errors for errors in found if errors]


def _tells_apart(places: Mapping[str, int], x: str, y: str) -> bool:
    return x in places and y in places and places[x] != places[y]


def _read_places(t: Transcript) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the model of each reviewer of the first ballot, with the place of each seat that it ranks."""
    models = {seat.key: seat.model for seat in t.started.panel.seats}
    for i, turn in t.turns.items():
        if i.stage == STAGE and i.round == 1 and i.seat in models and turn.spoke:
            tiers = name_tiers(read_review(turn).tiers, [answer.seat for answer in turn.about])
            if tiers:
                yield models[i.seat], {seat: place for place, tier in enumerate(tiers) for seat in tier}


def measure_independence(errors: Sequence[Errors], *, min_common: int = MIN_VOTES) -> Independence | None:
    """Return what the reviewers amount to; None where no two of them have judged so many of the same pairs.

    Two of which one is always right, or never, say nothing of how errors go together. Errors that go apart count as
    independent.
    """
    reviewers = sorted({reviewer for judged in errors for reviewer in judged})
    known: dict[tuple[str, str], float] = {}
    for pair in combinations(reviewers, 2):
        common = [(float(judged[pair[0]]), float(judged[pair[1]])) for judged in errors if judged.keys() >= set(pair)]
        if len(common) >= min_common and all(len(set(column)) > 1 for column in zip(*common, strict=True)):
            known[pair] = statistics.correlation(*zip(*common, strict=True))
    if not known:
        return None
    n, r = len({reviewer for pair in known for reviewer in pair}), statistics.fmean(known.values())
    return Independence(n, n / (1 + (n - 1) * max(r, 0.0)), r)
