"""Later ballots of a council: an answer that came late, reviewed beside the top-ranked ones by whoever is free.

Each is a round of reviews of its own, small so that it costs little: the late answers, and the answers that led when it
began. It holds nothing up: the chair does not wait for it, and what a reviewer has said before of two answers holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.council.review_order import review_orders
from bot.formats.council.reviews import (
    STAGE,
    Review,
    asks_by_reviewer,
    count_standings,
    first_answers,
    given_answers,
    has_review_begun,
    make_review,
)

LEADERS = 2  # reviewed answers beside the late ones: enough to place these near the top, or not


def late_answers(t: Transcript) -> list[Turn]:
    """Return the answers that came when the reviews had begun without them; one that a stop cut off never came."""
    shown = {i.seat for turn in t.turns.values() if turn.id.stage == STAGE and turn.id.round == 1 for i in turn.about}
    came = [turn for turn in given_answers(t) if turn.ended and turn.ended.finish != "stopped"]
    return [turn for turn in came if shown and turn.id.seat not in shown]


def unreviewed_answers(t: Transcript) -> list[Turn]:
    """Return the late answers that are on no ballot."""
    seen = {i.seat for turn in t.turns.values() if turn.id.stage == STAGE for i in turn.about}
    return [turn for turn in late_answers(t) if turn.id.seat not in seen]


def later_reviews(t: Transcript, first: Sequence[Review], *, may_begin: bool) -> tuple[Review, ...]:
    """Return the reviews of all later ballots; `first`: those of the first one. `may_begin`: whether others begin."""
    may_begin = may_begin and has_review_begun(t)
    found: list[Review] = []
    begun = _begun_ballots(t)
    for round_, about in begun.items():
        found += _review_ballot(t, round_, about, first, found, may_begin)
    fresh = [turn.id for turn in unreviewed_answers(t) if turn.id.seat not in t.steering.dropped]
    # answers that come while nothing of a later ballot is read yet gather for the next one
    if fresh and may_begin and begun.keys() <= {r.want.turn.round for r in found if r.turn}:
        leaders = _find_leaders(t, first, found)
        round_ = max((1, *begun)) + 1
        opened = list(_review_ballot(t, round_, (*leaders, *fresh), first, found, may_begin))
        if {r.seat for r in opened} - {i.seat for i in fresh}:  # an author has no say on its own answer
            found += opened
    return tuple(found)


def _begun_ballots(t: Transcript) -> dict[int, tuple[TurnId, ...]]:
    """Map the rounds of later ballots to the answers on them."""
    begun: dict[int, tuple[TurnId, ...]] = {}
    for i, turn in t.turns.items():
        if i.stage == STAGE and i.round > 1:
            begun.setdefault(i.round, turn.about)
    return begun


def _review_ballot(
    t: Transcript,
    round_: int,
    about: tuple[TurnId, ...],
    first: Sequence[Review],
    later: Sequence[Review],
    may_begin: bool,
) -> Iterator[Review]:
    """Yield the reviews of one ballot: those that have begun, and those of seats that are free and have answered."""
    asked = asks_by_reviewer(t, round_)
    answered = {turn.id.seat for turn in given_answers(t)} - t.steering.dropped.keys()
    busy = {r.seat for r in (*first, *later) if r.pending}
    ready = answered - busy if may_begin else set()
    seats = [s.key for s in t.started.panel.seats]
    rows = review_orders([i.seat for i in about], seats, t.started.seed + round_)
    by_seat = {i.seat: i for i in about}
    for seat in seats:
        if seat in asked or seat in ready:
            shown = tuple(by_seat[s] for s in rows[seat])
            yield make_review(t, TurnId(STAGE, round_, seat), asked.get(seat, []), shown, again=False)


def _find_leaders(t: Transcript, first: Sequence[Review], later: Sequence[Review]) -> tuple[TurnId, ...]:
    """Return the answers that lead now, and are still there; without any ballot the first ones."""
    answers = {turn.id.seat: turn.id for turn in given_answers(t)}
    order = [seat for tier in count_standings(t, first, later).order for seat in tier if seat in answers]
    known = order or [turn.id.seat for turn in first_answers(t)]
    return tuple(answers[seat] for seat in known[:LEADERS])
