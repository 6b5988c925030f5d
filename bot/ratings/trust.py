"""Model reviewers against people: how often they agree, and whether they favour what they are shown first. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.transcript import Transcript
from bot.formats.council.review_order import name_tiers
from bot.formats.council.reviews import STAGE, read_review
from bot.ratings.comparisons import MIN_VOTES
from bot.ratings.reviewers import Errors


class Pick(NamedTuple):
    """A ballot of a reviewer that has one answer first: the place at which that was shown, from 0, of so many."""

    reviewer: str
    place: int
    shown: int


@dataclass(frozen=True, slots=True)
class Trust:
    """How well a reviewer foretells people here.

    `agrees`: the share of `pairs` of answers that it has in the order of most people; None where those are too few.
    `first`: the share of its ballots on which the answer that it was shown first is its best, and `by_chance` what that
    share would be if places meant nothing; None where `ballots` are too few.
    """

    model: str
    pairs: int
    agrees: float | None
    ballots: int
    first: float | None
    by_chance: float | None


def read_picks(t: Transcript) -> list[Pick]:
    """Return the place of each reviewer's best answer; none of ballots with several first or one answer in all."""
    models = {seat.key: seat.model for seat in t.started.panel.seats}
    picks = []
    for i, turn in t.turns.items():
        if i.stage == STAGE and i.seat in models and turn.spoke and len(turn.about) > 1:
            shown = [answer.seat for answer in turn.about]
            tiers = name_tiers(read_review(turn).tiers, shown)
            if tiers and len(tiers[0]) == 1:
                picks.append(Pick(models[i.seat], shown.index(next(iter(tiers[0]))), len(shown)))
    return picks


def measure_trust(errors: Sequence[Errors], picks: Iterable[Pick], *, least: int = MIN_VOTES) -> list[Trust]:
    """Return what is known of each reviewer, those that agree most with people first."""
    judged = Counter(who for pair in errors for who in pair)
    right = Counter(who for pair in errors for who, is_wrong in pair.items() if not is_wrong)
    ballots: defaultdict[str, list[Pick]] = defaultdict(list)
    for pick in picks:
        ballots[pick.reviewer].append(pick)
    found = [_measure_one(who, judged[who], right[who], ballots[who], least) for who in {*judged, *ballots}]
    known = (one for one in found if one.agrees is not None or one.first is not None)
    return sorted(known, key=lambda one: (-(one.agrees if one.agrees is not None else -1.0), one.model))


def _measure_one(model: str, pairs: int, right: int, picks: Sequence[Pick], least: int) -> Trust:
    has_ballots = len(picks) >= max(1, least)
    return Trust(
        model,
        pairs,
        right / pairs if pairs >= max(1, least) else None,
        len(picks),
        sum(pick.place == 0 for pick in picks) / len(picks) if has_ballots else None,
        sum(1 / pick.shown for pick in picks) / len(picks) if has_ballots else None,
    )
