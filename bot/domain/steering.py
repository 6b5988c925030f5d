"""What steering facts fold into: pauses, seats that joined or left, objections, votes on the next round. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar, assert_never

from bot.domain.facts import (
    Joined,
    Objected,
    Paused,
    Resumed,
    RoundAsked,
    RoundClosed,
    RoundVoteCast,
    RoundWish,
    SeatDropped,
    SteeringFact,
    Upvoted,
    UpvoteWithdrawn,
)


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection with its number in the run. `upvotes`: whose, besides who has raised it."""

    number: int
    said: Objected
    upvotes: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        return self.said.name or self.said.by


Key = TypeVar("Key")
Value = TypeVar("Value")


def _nothing() -> Mapping[Key, Value]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Steering:
    """The state that steering facts have come to.

    `paused_at` and `resumed_at` are wall seconds; `added` and `dropped` map a seat's key to the `seq` of the fact,
    `dropped_by` to who it was.
    """

    paused: Paused | None = None
    paused_at: float = 0.0
    resumed_at: float = 0.0
    added: Mapping[str, int] = field(default_factory=_nothing)
    dropped: Mapping[str, int] = field(default_factory=_nothing)
    dropped_by: Mapping[str, str] = field(default_factory=_nothing)
    joined: Mapping[str, str] = field(default_factory=_nothing)  # who → name
    objections: tuple[Objection, ...] = ()
    round_votes: Mapping[tuple[str, int], RoundWish] = field(default_factory=_nothing)
    settled_rounds: Mapping[int, RoundAsked | RoundClosed] = field(default_factory=_nothing)


def steer(s: Steering, fact: SteeringFact, seq: int, at: float) -> Steering:
    """Return the state after one more fact, stored as `seq` at wall time `at`."""
    match fact:
        case Paused():
            return s if s.paused else replace(s, paused=fact, paused_at=at)
        case Resumed():
            return replace(s, paused=None, resumed_at=at) if s.paused else s
        case SeatDropped(seat, by, name):
            if seat in s.dropped:
                return s
            return replace(s, dropped=_with(s.dropped, seat, seq), dropped_by=_with(s.dropped_by, seat, name or by))
        case Joined(by, name):
            return s if by in s.joined else replace(s, joined=_with(s.joined, by, name))
        case Objected():
            return replace(s, objections=(*s.objections, Objection(len(s.objections) + 1, fact)))
        case Upvoted(number, by):
            return _with_upvote(s, number, by, up=True)
        case UpvoteWithdrawn(number, by):
            return _with_upvote(s, number, by, up=False)
        case RoundVoteCast(by, round_, wish):
            return replace(s, round_votes=_with(s.round_votes, (by, round_), wish))
        case RoundAsked(round=round_) | RoundClosed(round=round_):
            if round_ in s.settled_rounds:
                return s
            return replace(s, settled_rounds=_with(s.settled_rounds, round_, fact))
        case _ as never:
            assert_never(never)


def add_seat(s: Steering, seat: str, seq: int) -> Steering:
    """Return the state after a seat has joined by the fact `seq`."""
    return replace(s, added=_with(s.added, seat, seq))


def _with_upvote(s: Steering, number: int, by: str, *, up: bool) -> Steering:
    """Return the state with one upvote more or less; nobody upvotes an objection of their own."""
    objections = tuple(
        replace(o, upvotes=o.upvotes | {by} if up else o.upvotes - {by})
        if o.number == number and o.said.by != by
        else o
        for o in s.objections
    )
    return replace(s, objections=objections)


def _with(known: Mapping[Key, Value], key: Key, value: Value) -> Mapping[Key, Value]:
    return MappingProxyType({**known, key: value})
