"""Standings against their definitions, by brute force and on written elections."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.formats.council.ranking import (
    Ballots,
    Dissent,
    Pair,
    Tiers,
    borda_shares,
    compute_standings,
    count_preferences,
    drop_self_reviews,
    find_dissent,
    is_top_decided,
    mean_ranks,
    measure_agreement,
    schulze_order,
    strongest_paths,
)

SEATS = ("a", "b", "c", "d", "e")


def parse_tiers(written: str) -> Tiers:
    """Parse `"b a=c"`: b first, then a and c tied."""
    return tuple(tuple(tier.split("=")) for tier in written.split())


def repeat_ballots(*counted: tuple[int, str]) -> dict[str, Tiers]:
    """Return ballots of outside reviewers, so many of each."""
    written = [ballot for count, ballot in counted for _ in range(count)]
    return {f"r{i:02}": parse_tiers(ballot) for i, ballot in enumerate(written)}


def all_weak_orders(seats: Sequence[str]) -> Iterator[Tiers]:
    """Yield every ballot on all these seats, ties included."""
    for levels in product(range(len(seats)), repeat=len(seats)):
        if set(levels) == set(range(max(levels) + 1)):
            yield tuple(tuple(s for s, at in zip(seats, levels, strict=True) if at == i) for i in sorted(set(levels)))


@st.composite
def draw_ballots(draw: st.DrawFn, seats: Sequence[str] = SEATS, most: int = 7, whole: bool = False) -> dict[str, Tiers]:
    """Draw ballots: incomplete, with ties, empty; some reviewers are seats.

    `whole`: complete and without ties.
    """
    reviewers = draw(st.lists(st.sampled_from([*seats, "x", "y", "z"]), unique=True, max_size=most))
    cast = {}
    for reviewer in reviewers:
        order = draw(st.permutations(seats))
        kept = len(seats) if whole else draw(st.integers(0, len(seats)))
        found: list[tuple[str, ...]] = []
        for seat in order[:kept]:
            if found and not whole and draw(st.booleans()):
                found[-1] += (seat,)
            else:
                found.append((seat,))
        cast[reviewer] = tuple(found)
    return cast


def test_the_election_of_schulze_2011() -> None:
    """Example 1 of the paper: 21 voters, a cycle, d wins."""
    cast = repeat_ballots((8, "a c d b"), (2, "b a d c"), (4, "c d b a"), (4, "d b a c"), (3, "d c b a"))
    assert count_preferences(cast, "abcd")["c", "d"] == 12
    assert schulze_order(cast, "abcd") == parse_tiers("d a c b")


def test_the_wikipedia_election_of_45() -> None:
    """The example most implementations are checked against: E > A > C > B > D."""
    cast = repeat_ballots(
        (5, "a c b e d"),
        (5, "a d e c b"),
        (8, "b e d a c"),
        (3, "c a b e d"),
        (7, "c a e b d"),
        (2, "c b a d e"),
        (7, "d c e b a"),
        (8, "e b a d c"),
    )
    assert schulze_order(cast, SEATS) == parse_tiers("e a c b d")


def strongest_by_search(links: Mapping[Pair, int], seats: Sequence[str], x: str, y: str) -> int:
    """Return the best weakest link over all simple paths: the definition itself."""
    middles = [s for s in seats if s not in (x, y)]
    paths = [(x, *via, y) for n in range(len(middles) + 1) for via in permutations(middles, n)]
    return max(min(links[pair] for pair in pairwise(path)) for path in paths)


@given(st.lists(st.integers(-9, 9), min_size=20, max_size=20))
def test_strongest_paths_are_those_of_the_definition(strengths: list[int]) -> None:
    links = dict(zip(permutations(SEATS, 2), strengths, strict=True))
    found = strongest_paths(links, SEATS)
    assert found == {(x, y): strongest_by_search(links, SEATS, x, y) for x, y in links}


@given(draw_ballots())
def test_order_is_a_partition_that_no_beaten_seat_leads(cast: Ballots) -> None:
    order = schulze_order(cast, SEATS)
    assert sorted(seat for tier in order for seat in tier) == sorted(SEATS)
    at = {seat: i for i, tier in enumerate(order) for seat in tier}
    assert all(at[x] < at[y] for x, y in pairs_won(cast))


@given(draw_ballots())
def test_a_condorcet_winner_wins(cast: Ballots) -> None:
    wins = count_preferences(cast, SEATS)
    for x in SEATS:
        if all(wins[x, y] > wins[y, x] for y in SEATS if y != x):
            assert schulze_order(cast, SEATS)[0] == (x,)


@given(draw_ballots())
def test_reversing_all_ballots_reverses_who_beats_whom(cast: Ballots) -> None:
    assert pairs_won(cast) == {(y, x) for x, y in pairs_won({r: ballot[::-1] for r, ballot in cast.items()})}


def pairs_won(cast: Ballots) -> set[Pair]:
    """Return the pairs that strongest paths part, winner first."""
    wins = count_preferences(cast, SEATS)
    path = strongest_paths({(x, y): wins[x, y] - wins[y, x] for x, y in wins}, SEATS)
    return {(x, y) for x, y in path if path[x, y] > path[y, x]}


@given(st.permutations(SEATS), st.integers(1, 6))
def test_a_unanimous_order_is_kept_by_every_method(order: Sequence[str], reviewers: int) -> None:
    cast = {f"r{i}": tuple((seat,) for seat in order) for i in range(reviewers)}
    found = compute_standings(cast, SEATS)
    assert found.order == tuple((seat,) for seat in order)
    assert found.mean_ranks == {seat: order.index(seat) + 1 for seat in SEATS}
    assert (found.others, found.dissent, found.top) == ({}, None, order[0])
    assert found.agreement == (1.0 if reviewers > 1 else None)


@given(draw_ballots(), st.randoms(use_true_random=False))
def test_the_order_of_ballots_does_not_matter(cast: Ballots, rng: random.Random) -> None:
    shuffled = dict(rng.sample(list(cast.items()), len(cast)))
    assert compute_standings(shuffled, SEATS) == compute_standings(cast, SEATS)


@given(draw_ballots())
def test_self_reviews_do_not_move_the_standings(cast: Ballots) -> None:
    assert compute_standings(cast, SEATS).order == schulze_order(drop_self_reviews(cast), SEATS)
    assert all(reviewer not in tier for reviewer, ballot in drop_self_reviews(cast).items() for tier in ballot)


def test_winners_by_other_methods_are_told_only_where_they_differ() -> None:
    split = repeat_ballots((3, "a b c"), (2, "b c a"))  # a wins every pair, b has the better places
    found = compute_standings(split, "abc")
    assert found.order[0] == ("a",)
    assert found.others == {"borda": ("b",), "mean rank": ("b",)}
    proud = {
        "a": parse_tiers("a b"),
        "b": parse_tiers("b a"),
        "c": parse_tiers("b a"),
        "d": parse_tiers("a b"),
        "x": parse_tiers("a b"),
    }
    assert compute_standings(proud, "ab").others == {}
    vain = {
        "a": parse_tiers("a b c"),
        "b": parse_tiers("c b a"),
        "c": parse_tiers("c a b"),
        "x": parse_tiers("b c a"),
        "y": parse_tiers("c b a"),
    }
    assert compute_standings(vain, "abc").order[0] == ("b",)
    assert compute_standings(vain, "abc").others == {"with self-reviews": ("c",)}


@given(draw_ballots(whole=True))
def test_borda_and_mean_rank_agree_with_their_sums_on_complete_ballots(cast: Ballots) -> None:
    n, m = len(SEATS), len(cast)
    places = {seat: [ballot.index((seat,)) for ballot in cast.values()] for seat in SEATS}
    if m:
        assert borda_shares(cast, SEATS) == {s: Fraction(sum(n - 1 - p for p in places[s]), m * (n - 1)) for s in SEATS}
        assert mean_ranks(cast, SEATS) == {s: Fraction(sum(places[s]), m) + 1 for s in SEATS}
    else:
        assert borda_shares(cast, SEATS) == mean_ranks(cast, SEATS) == {}


@given(st.permutations(SEATS), st.integers(2, 5))
def test_an_incomplete_rank_counts_as_its_average_over_all_completions(order: Sequence[str], kept: int) -> None:
    ballot = order[:kept]
    whole = [c for c in permutations(SEATS) if [s for s in c if s in ballot] == list(ballot)]
    expected = {s: Fraction(sum(c.index(s) + 1 for c in whole), len(whole)) for s in ballot}
    assert mean_ranks({"r": tuple((s,) for s in ballot)}, SEATS) == expected


def test_a_missing_seat_is_unranked_and_not_last() -> None:
    cast = {"x": parse_tiers("a b"), "y": parse_tiers("c a b"), "z": parse_tiers("c b a")}
    found = compute_standings(cast, "abc")
    assert found.order == parse_tiers("c a b")
    assert (found.ballots, found.incomplete, found.abstentions) == (3, 1, 0)


def test_ballots_are_counted_by_what_they_are() -> None:
    cast = {"a": parse_tiers("b c"), "b": parse_tiers("a"), "x": (), "y": parse_tiers("gone")}
    found = compute_standings(cast, "abc")
    assert (found.ballots, found.incomplete, found.abstentions) == (2, 1, 2)


def test_nothing_to_rank_and_nobody_ranking() -> None:
    empty = compute_standings({}, [])
    assert (empty.order, empty.top, empty.agreement, empty.dissent) == ((), None, None, None)
    unheard = compute_standings({"x": ()}, SEATS)
    assert unheard.order == (SEATS,)
    assert (unheard.top, unheard.abstentions, unheard.others) == (None, 1, {})
    # two seats that only review each other tell nothing: one's praise is compared with no other answer
    assert compute_standings({"a": parse_tiers("a b"), "b": parse_tiers("b a")}, "ab").top is None


def textbook_w(cast: Sequence[Mapping[str, float]], seats: Sequence[str]) -> float | None:
    """Return Kendall's W as printed: 12 Σ Rⱼ² − 3 m² n (n + 1)² over m² n (n² − 1) − m Σ T."""
    m, n = len(cast), len(seats)
    sums = sum(sum(ranks[s] for ranks in cast) ** 2 for s in seats)
    ties = sum(tied**3 - tied for ranks in cast for tied in Counter(ranks.values()).values())
    below = m * m * n * (n * n - 1) - m * ties
    return (12 * sums - 3 * m * m * n * (n + 1) ** 2) / below if below else None


@given(st.lists(st.sampled_from(list(all_weak_orders("abcd"))), min_size=2, max_size=6))
def test_w_is_the_textbook_one_on_complete_ballots_with_ties(written: list[Tiers]) -> None:
    ranks = []
    for ballot in written:
        found: dict[str, float] = {}
        for tier in ballot:
            found |= dict.fromkeys(tier, len(found) + (len(tier) + 1) / 2)
        ranks.append(found)
    ours = measure_agreement({str(i): ballot for i, ballot in enumerate(written)})
    assert ours == pytest.approx(textbook_w(ranks, "abcd"), abs=1e-9)


@given(draw_ballots())
def test_w_stays_between_0_and_1(cast: Ballots) -> None:
    w = measure_agreement(cast)
    assert w is None or 0 <= w <= 1


@given(st.permutations(SEATS))
def test_w_is_1_for_the_unanimous_though_each_leaves_another_out(order: Sequence[str]) -> None:
    cast = {me: tuple((s,) for s in order if s != me) for me in SEATS}
    assert measure_agreement(cast) == 1
    assert compute_standings(cast, SEATS).incomplete == 0


def test_w_is_undefined_where_nothing_can_be_compared() -> None:
    assert measure_agreement({}) is None
    assert measure_agreement({"x": parse_tiers("a b c")}) is None
    assert measure_agreement({"x": parse_tiers("a=b=c"), "y": parse_tiers("a=b=c")}) is None
    assert measure_agreement({"a": parse_tiers("b c"), "b": parse_tiers("a c"), "c": parse_tiers("a b")}) is None


def test_dissent_names_the_furthest_reviewer_and_the_widest_pair() -> None:
    cast = {**repeat_ballots((3, "a b c d")), "x": parse_tiers("b a c d"), "y": parse_tiers("d b c a")}
    assert compute_standings(cast, "abcd").dissent == Dissent("y", 5 / 6, above="d", below="a")
    assert find_dissent({"x": parse_tiers("a=b c")}, parse_tiers("a b c")) is None
    assert find_dissent({"x": parse_tiers("c a=b")}, parse_tiers("a b c")) == Dissent(
        "x", 2.5 / 3, above="c", below="a"
    )


@given(draw_ballots())
def test_dissent_is_the_greatest_distance(cast: Ballots) -> None:
    order = schulze_order(cast, SEATS)
    found = find_dissent(cast, order)
    at = {s: i for i, tier in enumerate(order) for s in tier}
    strict = {}
    for reviewer, ballot in cast.items():
        own = {s: i for i, tier in enumerate(ballot) for s in tier}
        pairs = list(combinations(own, 2))
        against = sum((own[x] - own[y]) * (at[x] - at[y]) < 0 for x, y in pairs)
        half = sum((own[x] == own[y]) != (at[x] == at[y]) for x, y in pairs)
        if against:
            strict[reviewer] = (against + half / 2) / len(pairs)
    if found is None:
        assert not strict
    else:
        assert found.distance == pytest.approx(max(strict.values()))
        assert strict[found.reviewer] == found.distance
        assert at[found.above] > at[found.below]


def all_ballots(seats: Sequence[str]) -> list[Tiers]:
    """Yield all that a reviewer can say: every order with ties of every part of the seats, and nothing."""
    return [
        b
        for n in range(len(seats) + 1)
        for part in combinations(seats, n)
        for b in (all_weak_orders(part) if n else [()])
    ]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["ab", "abc"]), st.data())
def test_decided_is_sound_for_every_completion(seats: str, data: st.DataObject) -> None:
    cast = data.draw(draw_ballots(seats=seats, most=5))
    waiting = data.draw(
        st.lists(st.sampled_from([r for r in [*seats, "v", "w"] if r not in cast] or ["v"]), unique=True, max_size=2)
    )
    if is_top_decided(cast, waiting, seats):
        tops = {
            compute_standings({**cast, **dict(zip(waiting, late, strict=True))}, seats).top
            for late in product(all_ballots(seats), repeat=len(waiting))
        }
        assert tops == {compute_standings(cast, seats).top}


@settings(max_examples=40, deadline=None)
@given(draw_ballots(seats="abcd", most=6), st.sampled_from(["a", "v"]))
def test_decided_is_sound_for_four_candidates(cast: Ballots, waiting: str) -> None:
    so_far = {reviewer: ballot for reviewer, ballot in cast.items() if reviewer != waiting}
    if is_top_decided(so_far, [waiting], "abcd"):
        tops = {compute_standings({**so_far, waiting: late}, "abcd").top for late in all_ballots("abcd")}
        assert tops == {compute_standings(so_far, "abcd").top}


def test_the_top_is_decided_once_no_ballot_can_change_it() -> None:
    three = repeat_ballots((3, "a b c"))
    assert is_top_decided(three, [], "abc")
    assert is_top_decided(three, ["x", "y"], "abc")
    assert not is_top_decided(three, ["x", "y", "z"], "abc")
    assert is_top_decided({}, [], "abc")
    assert not is_top_decided({}, ["x"], "abc")
    # of two seats' own reviews neither says anything about the other
    assert is_top_decided({}, ["a", "b"], "ab")
    # a's and b's reviews leave their own answers out, so none of them can part a from b
    assert is_top_decided({"x": parse_tiers("a b")}, ["a", "b"], "ab")
