"""From ballots to standings: the top-ranked seat, the reviewers' agreement, and the greatest dissent.

A ballot counts only for the pairs of seats that it ranks both. A seat missing from a ballot is unranked there, not
last: omissions by models are mostly accidents of writing (a list that was cut, a mistyped letter), and a list from
worst to best that was cut lacks its best. (M. Schulze presumes the opposite of people who vote on purpose.)
Standings leave out each reviewer's opinion of its own answer.

A later ballot, on answers that came late beside some that had been reviewed, adds to what its reviewer has said and
repeats nothing: of two seats that an earlier ballot of the same reviewer ranks, the earlier one holds.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Literal

Tiers = tuple[tuple[str, ...], ...]
Ballots = Mapping[str, Tiers]  # reviewer → seats, best first, ties in one tier; () where the reviewer abstained
Later = Sequence[tuple[str, Tiers]]  # later ballots with their reviewers, oldest first
Pair = tuple[str, str]
Method = Literal["borda", "mean rank", "with self-reviews"]


@dataclass(frozen=True, slots=True)
class Dissent:
    """The reviewer furthest from the standings: it puts `above` over `below`, where the standings have it reversed.

    `distance` is the share of the pairs it ranked on which it differs, 0 to 1.
    """

    reviewer: str
    distance: float
    above: str
    below: str


@dataclass(frozen=True, slots=True)
class Standings:
    """The result of all ballots together.

    `order`: seats best first, in tiers; a tier's seats cannot be told apart. `mean_ranks` (1.0 is best) lacks the seats
    that no ballot ranked. `incomplete` ballots are among `ballots`, abstentions are not. `others` names the winners by
    other methods, only where they differ. `agreement` is Kendall's W, 0 to 1; None where it is undefined.
    """

    order: Tiers
    mean_ranks: Mapping[str, float]
    ballots: int
    incomplete: int
    abstentions: int
    others: Mapping[Method, tuple[str, ...]]
    agreement: float | None
    dissent: Dissent | None

    @property
    def top(self) -> str | None:
        """Return the top-ranked seat, of tied ones the first in seat order; None when no ballot ranked any."""
        return self.order[0][0] if self.mean_ranks else None


def compute_standings(ballots: Ballots, candidates: Sequence[str], later: Later = ()) -> Standings:
    """Return the standings by Schulze's method without self-reviews; the order of the ballots does not matter.

    Agreement is measured on the ballots as written: a reviewer's opinion of itself is part of its order. A seat that
    later ballots alone rank makes no other ballot incomplete.
    """
    cast = {reviewer: shown for reviewer, tiers in ballots.items() if (shown := _keep_seats(candidates, tiers))}
    added = [(reviewer, shown) for reviewer, tiers in later if (shown := _keep_seats(candidates, tiers))]
    of_others, added_of_others = drop_self_reviews(cast), _drop_self_reviews_later(added)
    order = schulze_order(of_others, candidates, added_of_others)
    ranks = mean_ranks(of_others, candidates, added_of_others)
    came_late = _seats_of(tiers for _, tiers in added) - _seats_of(cast.values())
    due = set(candidates) - came_late
    return Standings(
        order=order,
        mean_ranks={seat: float(rank) for seat, rank in ranks.items()},
        ballots=len(cast),
        incomplete=sum(bool(due - {reviewer} - _ranks(tiers).keys()) for reviewer, tiers in cast.items()),
        abstentions=len(ballots) - len(cast),
        others=_other_winners(cast, candidates, added, ranks, order[0]) if order else {},
        agreement=measure_agreement(cast),
        dissent=find_dissent(of_others, order),
    )


def drop_self_reviews(ballots: Ballots) -> dict[str, Tiers]:
    """Return the ballots without each reviewer's opinion of its own answer."""
    return {reviewer: _drop_seat(reviewer, tiers) for reviewer, tiers in ballots.items()}


def count_preferences(ballots: Ballots, candidates: Sequence[str], later: Later = ()) -> dict[Pair, int]:
    """Return the pairwise matrix: for every (x, y) how many reviewers put x above y."""
    wins = dict.fromkeys(permutations(candidates, 2), 0)
    for tiers in ballots.values():
        for pair in _pairs_won(tiers):
            if pair in wins:
                wins[pair] += 1
    for tiers, met in _with_earlier(ballots, later):
        for pair in _pairs_won(tiers):
            if pair in wins and frozenset(pair) not in met:
                wins[pair] += 1
    return wins


def schulze_order(ballots: Ballots, candidates: Sequence[str], later: Later = ()) -> Tiers:
    """Rank seats by strongest paths, best first; seats that these do not part by mean rank, equal ones in a tier.

    Link strength is the margin. M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and
    Condorcet-consistent single-winner election method", Social Choice and Welfare 36 (2011).
    """
    path = strongest_paths(_margins(count_preferences(ballots, candidates, later)), candidates)
    rank = mean_ranks(ballots, candidates, later)
    tiers: list[tuple[str, ...]] = []
    left = list(candidates)
    while left:
        unbeaten = [x for x in left if not any(path[y, x] > path[x, y] for y in left if y != x)]
        best = min(_or_last(rank.get(x)) for x in unbeaten)
        tiers.append(tuple(x for x in unbeaten if _or_last(rank.get(x)) == best))
        left = [x for x in left if x not in tiers[-1]]
    return tuple(tiers)


def strongest_paths(links: Mapping[Pair, int], candidates: Sequence[str]) -> dict[Pair, int]:
    """Return the strength of the strongest path for every (x, y).

    A path is as strong as its weakest link (widest paths).
    """
    path = dict(links)
    for via, x, y in permutations(candidates, 3):  # `via` changes slowest, as Floyd and Warshall need it
        path[x, y] = max(path[x, y], min(path[x, via], path[via, y]))
    return path


def borda_shares(ballots: Ballots, candidates: Sequence[str], later: Later = ()) -> dict[str, Fraction]:
    """Return the share of its comparisons that each seat won, a tie counting half: Borda's order, if complete.

    A share and not a sum, so that being left off a ballot costs nothing. Seats never compared are left out.
    """
    wins = count_preferences(ballots, candidates, later)
    meetings = dict.fromkeys(candidates, 0)
    for tiers in ballots.values():
        own = _ranks(_keep_seats(candidates, tiers))
        for seat in own:
            meetings[seat] += len(own) - 1
    for tiers, met in _with_earlier(ballots, later):
        for pair in combinations(_ranks(_keep_seats(candidates, tiers)), 2):
            if frozenset(pair) not in met:
                for seat in pair:
                    meetings[seat] += 1
    net = {x: sum(wins[x, y] - wins[y, x] for y in candidates if y != x) for x in candidates}
    return {x: Fraction(meetings[x] + net[x], 2 * meetings[x]) for x in candidates if meetings[x]}


def mean_ranks(ballots: Ballots, candidates: Sequence[str], later: Later = ()) -> dict[str, Fraction]:
    """Return each ranked seat's mean rank, 1 best, tied seats sharing the middle of theirs.

    A rank r among k on an incomplete ballot counts as r·(n + 1)/(k + 1), what it would be on average if the
    missing ones stood anywhere among all n; otherwise short ballots would flatter those on them. (M. Alvo and
    P. Cabilio, "Rank correlation methods for missing data", Canadian Journal of Statistics 23, 1995.)
    """
    ranks: dict[str, list[Fraction]] = {}
    earlier: dict[str, set[str]] = {}
    for reviewer, tiers in (*ballots.items(), *later):
        own = _ranks(_keep_seats(candidates, tiers))
        if len(own) < 2:
            continue  # one seat alone is compared with nothing
        n = len(candidates) if reviewer in own else len(set(candidates) - {reviewer})
        known = earlier.setdefault(reviewer, set())
        for seat, rank in own.items():
            if seat not in known:
                ranks.setdefault(seat, []).append(rank * (n + 1) / (len(own) + 1))
        known |= own.keys()
    return {seat: sum(ranks[seat], Fraction()) / len(ranks[seat]) for seat in candidates if seat in ranks}


def measure_agreement(ballots: Ballots) -> float | None:
    """Return Kendall's W, corrected for ties: 1 when all agree, about 1/m for m ballots at random.

    W is (1 + (m − 1)·r)/m with r the ballots' average rank correlation; each two ballots are compared on the seats
    that both rank, so unanimous reviewers have W = 1 though each leaves another seat out. On complete ballots this
    is W as published. None for fewer than two ballots, and where no two rank the same two seats apart.
    M. G. Kendall and B. Babington Smith, "The problem of m rankings", Annals of Mathematical Statistics 10 (1939).
    """
    cast = [own for tiers in ballots.values() if len(own := _tier_of(tiers)) > 1]
    whole = [_deviations(own, own.keys()) for own in cast]  # mostly both rank the same seats
    together = spread = 0
    for (a, of_a), (b, of_b) in combinations(zip(cast, whole, strict=True), 2):
        common = a.keys() & b.keys()
        x = of_a if len(common) == len(a) else _deviations(a, common)
        y = of_b if len(common) == len(b) else _deviations(b, common)
        together += 2 * sum(x[seat] * y[seat] for seat in common)
        spread += sum(x[seat] ** 2 + y[seat] ** 2 for seat in common)
    if not spread:
        return None
    return max(0.0, (1 + (len(cast) - 1) * together / spread) / len(cast))


def find_dissent(ballots: Ballots, order: Tiers) -> Dissent | None:
    """Return the reviewer furthest from the order, and the pair it reverses that stands furthest apart there.

    Kendall's tau distance with a tie on one side counting half: R. Fagin and others, "Comparing partial rankings",
    SIAM Journal on Discrete Mathematics 20 (2006). None when nobody reverses anything; equally far reviewers go
    by name.
    """
    place = _tier_of(order)
    found = []
    for reviewer in sorted(ballots):
        own = _tier_of(_keep_seats(place, ballots[reviewer]))
        seats = [seat for seat in place if seat in own]
        reversed_ = [(x, y) for x, y in permutations(seats, 2) if own[x] < own[y] and place[x] > place[y]]
        if reversed_:
            above, below = max(reversed_, key=lambda p: (place[p[0]] - place[p[1]], own[p[1]] - own[p[0]]))
            pairs = list(combinations(seats, 2))
            halves = sum(abs(_sign(place[x] - place[y]) - _sign(own[x] - own[y])) for x, y in pairs)
            found.append(Dissent(reviewer, halves / 2 / len(pairs), above, below))
    return max(found, key=lambda d: d.distance, default=None)


def is_top_decided(ballots: Ballots, outstanding: Sequence[str], candidates: Sequence[str]) -> bool:
    """Return whether the top-ranked seat stays so whatever the reviewers still out say, abstentions and ties included.

    Sound, not exact: every margin is taken at its worst for the top-ranked on both sides of each comparison, so a
    True is certain, while a False may come though no ballot could change the top any more.
    """
    voices = {pair: sum(reviewer not in pair for reviewer in outstanding) for pair in permutations(candidates, 2)}
    if not any(voices.values()):
        return True
    of_others = drop_self_reviews(ballots)
    top, *tied = schulze_order(of_others, candidates)[0]
    if tied:
        return False
    margins = _margins(count_preferences(of_others, candidates))
    least = strongest_paths({pair: margin - voices[pair] for pair, margin in margins.items()}, candidates)
    most = strongest_paths({pair: margin + voices[pair] for pair, margin in margins.items()}, candidates)
    return all(least[top, y] > most[y, top] for y in candidates if y != top)


def _other_winners(
    ballots: Ballots, candidates: Sequence[str], later: Later, ranks: Mapping[str, Fraction], ours: tuple[str, ...]
) -> dict[Method, tuple[str, ...]]:
    shares = borda_shares(drop_self_reviews(ballots), candidates, _drop_self_reviews_later(later))
    winners: dict[Method, tuple[str, ...]] = {
        "borda": tuple(x for x in shares if shares[x] == max(shares.values())),
        "mean rank": tuple(x for x in ranks if ranks[x] == min(ranks.values())),
        "with self-reviews": schulze_order(ballots, candidates, later)[0],
    }
    return {method: theirs for method, theirs in winners.items() if theirs and not set(ours) <= set(theirs)}


def _drop_self_reviews_later(later: Later) -> list[tuple[str, Tiers]]:
    return [(reviewer, _drop_seat(reviewer, tiers)) for reviewer, tiers in later]


def _drop_seat(dropped: str, tiers: Tiers) -> Tiers:
    return tuple(kept for tier in tiers if (kept := tuple(seat for seat in tier if seat != dropped)))


def _with_earlier(ballots: Ballots, later: Later) -> Iterator[tuple[Tiers, Set[frozenset[str]]]]:
    """Yield each later ballot with the pairs of seats that its reviewer's earlier ones rank."""
    met: dict[str, set[frozenset[str]]] = {}
    for reviewer, tiers in later:
        known = met.setdefault(reviewer, _pairs_met(ballots.get(reviewer, ())))
        yield tiers, known
        known |= _pairs_met(tiers)


def _pairs_met(tiers: Tiers) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in combinations(_tier_of(tiers), 2)}


def _seats_of(ballots: Iterable[Tiers]) -> set[str]:
    return {seat for tiers in ballots for seat in _tier_of(tiers)}


def _margins(wins: Mapping[Pair, int]) -> dict[Pair, int]:
    return {(x, y): wins[x, y] - wins[y, x] for x, y in wins}


def _keep_seats(seats: Container[str], tiers: Tiers) -> Tiers:
    return tuple(kept for tier in tiers if (kept := tuple(seat for seat in tier if seat in seats)))


def _pairs_won(tiers: Tiers) -> Iterator[Pair]:
    for upper, lower in combinations(tiers, 2):
        yield from product(upper, lower)


def _tier_of(tiers: Tiers) -> dict[str, int]:
    return {seat: i for i, tier in enumerate(tiers) for seat in tier}


def _ranks(tiers: Tiers) -> dict[str, Fraction]:
    """Return ranks from 1, tied seats sharing the middle of theirs."""
    ranks: dict[str, Fraction] = {}
    for tier in tiers:
        middle = len(ranks) + Fraction(len(tier) + 1, 2)
        ranks |= dict.fromkeys(tier, middle)
    return ranks


def _deviations(place: Mapping[str, int], seats: Set[str]) -> dict[str, int]:
    """Return twice each seat's deviation from the middle rank: how many of these it trails, less how many it leads."""
    return {x: sum(_sign(place[x] - place[y]) for y in seats) for x in seats}


def _or_last(rank: Fraction | None) -> tuple[bool, Fraction]:
    """Return a sort key that puts seats without any rank after all others."""
    return rank is None, rank or Fraction()


def _sign(x: int) -> int:
    return (x > 0) - (x < 0)
