"""Reviews of a council: who reviews, what each reviewer is shown, and what the ballots say together.

The answers that are in when the first review starts are reviewed by the seats that gave them; who has not answered is
not asked. Later answers come before later ballots (`later_ballots.py`). Once a review has started, its facts say which
answers it was shown (`about`), so that the moment chosen never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.ballots.ballots import Ballot, read_ballot
from bot.formats.common import COMPLETE_FINISHES, is_settled, open_turns, turns_with_text
from bot.formats.council.ranking import Standings, Tiers, compute_standings, is_top_decided
from bot.formats.council.review_order import letter_labels, name_tiers, review_orders
from bot.formats.plan import Want

STAGE = "review"
COMPLETE_OR_REPEATED = (*COMPLETE_FINISHES, "repeated")  # after these the text is all that the seat had to say
KEPT_BALLOTS = 256  # cached ballots and standings; more than the open runs of a process need

BallotTable = tuple[tuple[str, Tiers], ...]  # reviewer → seats best first, hashable for the cache


@dataclass(frozen=True, slots=True)
class Review:
    """The part of one reviewer.

    `want`: its newest ask. `turn`: the ask that counts, None before any has ended. `ballot`: the ballot in that one, in
    its own letters. `pending`: its newest ask is still to end.
    """

    want: Want
    turn: Turn | None
    ballot: Ballot | None
    pending: bool

    @property
    def seat(self) -> str:
        return self.want.turn.seat

    @property
    def tiers(self) -> Tiers:
        """Return the ballot with names for letters; () where nothing was ranked."""
        return name_tiers(self.ballot.tiers, [i.seat for i in self.turn.about]) if self.turn and self.ballot else ()


@dataclass(frozen=True, slots=True)
class HeldBallots:
    """All reviews of a council: of the first ballot and of later ones, and what those that are in say together."""

    first: tuple[Review, ...]
    later: tuple[Review, ...]
    standings: Standings


def answer_turns(t: Transcript) -> list[TurnId]:
    return [TurnId("answer", 1, s.key) for s in t.started.panel.seats]


def has_review_begun(t: Transcript) -> bool:
    return any(i.stage == STAGE for i in t.turns)


def given_answers(t: Transcript) -> list[Turn]:
    """Return the answers that can be ranked: what a seat had said until people skipped it is none."""
    said = turns_with_text(t, answer_turns(t))
    return [turn for turn in said if turn.ended and turn.ended.finish != "skipped"]


def countable_answers(t: Transcript) -> list[Turn]:
    """Return the answers that count; that of a dropped seat only if the reviews had begun."""
    said = given_answers(t)
    return said if has_review_begun(t) else [turn for turn in said if turn.id.seat not in t.steering.dropped]


def first_answers(t: Transcript) -> list[Turn]:
    """Return the answers of the first ballot, in seat order: those in when the first review started, or now."""
    first = next((turn for i, turn in t.turns.items() if i.stage == STAGE), None)
    if first is None:
        return countable_answers(t)
    return in_seat_order(t, [t.turns[i] for i in first.about if t.turns[i].spoke])


def ranked_answers(t: Transcript) -> list[Turn]:
    """Return the answers in the standings, in seat order: the first ballot's, and later ones that a ballot ranks."""
    first = first_answers(t)
    known = {turn.id.seat for turn in first}
    later = [turn for i, turn in t.turns.items() if i.stage == STAGE and i.round > 1 and turn.ended]
    added = {i.seat: t.turns[i] for turn in later for i in turn.about if i.seat not in known and _is_ranked(turn, i)}
    return in_seat_order(t, [*first, *(turn for turn in added.values() if turn.spoke)])


def in_seat_order(t: Transcript, turns: Iterable[Turn]) -> list[Turn]:
    place = {s.key: n for n, s in enumerate(t.started.panel.seats)}
    return sorted(turns, key=lambda turn: place[turn.id.seat])


def current_reviews(t: Transcript, *, again: bool, may_begin: bool = True) -> tuple[Review, ...]:
    """Return each reviewer's first review, in seat order; () where too few answers are there to be ranked.

    Of two answers each would only judge the other: they are reviewed where another one is still out, which joins them
    later, and reviews that have begun go on.

    `again`: whether a ballot that could not be read at all is asked for once more. `may_begin`: whether reviews begin
    that have not.
    """
    shown = {turn.id.seat: turn.id for turn in first_answers(t)}
    begun = has_review_begun(t)
    least = 2 if begun or open_turns(t, answer_turns(t)) else 3
    if len(shown) < least or not (may_begin or begun):
        return ()
    asked = {i.seat for i in t.turns if i.stage == STAGE and i.round == 1}
    reviewers = [s.key for s in t.started.panel.seats if s.key in shown or s.key in asked]
    rows = review_orders(list(shown), reviewers, t.started.seed)
    held = asks_by_reviewer(t, 1)
    return tuple(
        make_review(t, TurnId(STAGE, 1, seat), held.get(seat, []), tuple(shown[s] for s in rows[seat]), again)
        for seat in reviewers
    )


def count_standings(t: Transcript, held: Sequence[Review], later: Sequence[Review] = ()) -> Standings:
    """Return the standings by the ballots that are in; a failed or skipped review is an abstention."""
    seats = tuple(turn.id.seat for turn in ranked_answers(t))
    return _standings_cached(_cast_ballots(held), _cast_ballots(later), seats)


def is_top_safe(t: Transcript, held: Sequence[Review]) -> bool:
    """Return whether the first ballot has a top-ranked answer that no review still out can change."""
    seats = tuple(turn.id.seat for turn in first_answers(t))
    if _standings_cached(_cast_ballots(held), (), seats).top is None:
        return False
    return _is_top_decided_cached(_cast_ballots(held), tuple(r.seat for r in held if r.pending), seats)


def asks_by_reviewer(t: Transcript, round_: int) -> dict[str, list[Turn]]:
    """Return each reviewer's asks of a round so far, oldest first."""
    held: dict[str, list[Turn]] = {}
    for i, turn in t.turns.items():
        if i.stage == STAGE and i.round == round_:
            held.setdefault(i.seat, []).append(turn)
    return held


def make_review(t: Transcript, first: TurnId, asks: Sequence[Turn], about: tuple[TurnId, ...], again: bool) -> Review:
    """Return a reviewer's review by its asks so far; `first`: the first of them, `about`: what it would be shown."""
    ballots = [(turn, read_review(turn)) for turn in asks if turn.ended]
    turn, ballot = next(((x, b) for x, b in reversed(ballots) if b.tiers), ballots[-1] if ballots else (None, None))
    newest = max((i for i in t.retries if i.lane == first.lane), key=lambda i: i.ask, default=first)
    second = first._replace(ask=2)
    if newest == first and (second in t.turns or (again and any(_is_unreadable(x, b) for x, b in ballots))):
        newest = second
    shown = asks[0].about if asks else about
    return Review(Want(newest, shown), turn, ballot, not is_settled(t, newest))


def read_review(turn: Turn) -> Ballot:
    """Return the ballot in a review that has ended, in the letters that its reviewer was shown."""
    return _read_cached(turn.text, letter_labels(len(turn.about)))


def _is_ranked(review: Turn, answer: TurnId) -> bool:
    tiers = name_tiers(read_review(review).tiers, [i.seat for i in review.about])
    return any(answer.seat in tier for tier in tiers)


def _is_unreadable(turn: Turn, ballot: Ballot) -> bool:
    said_all = turn.ended is not None and turn.ended.finish in COMPLETE_OR_REPEATED
    return said_all and not turn.removed and not ballot.tiers


def _cast_ballots(reviews: Sequence[Review]) -> BallotTable:
    return tuple((r.seat, r.tiers) for r in reviews if r.turn and not r.pending)


# A plan is made at every fact, and most facts change no ballot: results that depend on ballots alone are cached.
_read_cached = lru_cache(KEPT_BALLOTS)(read_ballot)


@lru_cache(KEPT_BALLOTS)
def _standings_cached(ballots: BallotTable, later: BallotTable, seats: tuple[str, ...]) -> Standings:
    return compute_standings(dict(ballots), seats, later)


@lru_cache(KEPT_BALLOTS)
def _is_top_decided_cached(ballots: BallotTable, outstanding: tuple[str, ...], seats: tuple[str, ...]) -> bool:
    return is_top_decided(dict(ballots), outstanding, seats)
