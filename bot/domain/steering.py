"""How people steer the course of a run: the facts of it, and what they come to.

Pauses, seats that leave (one that joins is `bot.domain.facts.SeatAdded`, which holds a seat), objections and their
upvotes, votes on the next round, and who has joined the thread. `by` is who,
as the platform knows them; `name` for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeVar, assert_never

RoundWish = Literal["go on", "end"]


@dataclass(frozen=True, slots=True)
class Paused:
    """What speaks finishes; nothing begins until Resumed."""

    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SeatDropped:
    """The seat of that key leaves the table: what it says now is cut, what it has said stays shown."""

    seat: str
    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came into the run's thread."""

    by: str
    name: str


@dataclass(frozen=True, slots=True)
class Objected:
    """Something that must be answered. `to`: the keys of the seats that must, all where there are none."""

    by: str
    text: str
    name: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upvoted:
    """`objection`: its number in the run, counted from 1."""

    objection: int
    by: str


@dataclass(frozen=True, slots=True)
class UpvoteWithdrawn:
    objection: int
    by: str


@dataclass(frozen=True, slots=True)
class RoundVoteCast:
    """Whether the run goes on after that round. One vote a person and round; a later one replaces it."""

    by: str
    round: int
    wish: RoundWish


@dataclass(frozen=True, slots=True)
class RoundAsked:
    """The next round begins without waiting for the vote after this one."""

    by: str
    round: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class RoundClosed:
    """The vote after this round is counted now."""

    by: str
    round: int
    name: str = ""


SteeringFact = (
    Paused
    | Resumed
    | SeatDropped
    | Joined
    | Objected
    | Upvoted
    | UpvoteWithdrawn
    | RoundVoteCast
    | RoundAsked
    | RoundClosed
)


@dataclass(frozen=True, slots=True)
class Objection:
    """`upvotes`: whose, besides who has raised it."""

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
    """What the facts above have come to. `paused_at` and `resumed_at` are wall seconds; `added` and `dropped` tell by
    a seat's key the `seq` of the fact, `dropped_by` who it was."""

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
    """What it comes to after one more fact, stored as `seq` at wall time `at`."""
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
            return _upvoted(s, number, by, up=True)
        case UpvoteWithdrawn(number, by):
            return _upvoted(s, number, by, up=False)
        case RoundVoteCast(by, round_, wish):
            return replace(s, round_votes=_with(s.round_votes, (by, round_), wish))
        case RoundAsked(round=round_) | RoundClosed(round=round_):
            if round_ in s.settled_rounds:
                return s
            return replace(s, settled_rounds=_with(s.settled_rounds, round_, fact))
        case _ as never:
            assert_never(never)


def add_seat(s: Steering, seat: str, seq: int) -> Steering:
    return replace(s, added=_with(s.added, seat, seq))


def _upvoted(s: Steering, number: int, by: str, *, up: bool) -> Steering:
    """What one has raised is one's own anyway: it is not upvoted twice."""
    objections = tuple(
        replace(o, upvotes=o.upvotes | {by} if up else o.upvotes - {by})
        if o.number == number and o.said.by != by
        else o
        for o in s.objections
    )
    return replace(s, objections=objections)


def _with(known: Mapping[Key, Value], key: Key, value: Value) -> Mapping[Key, Value]:
    return MappingProxyType({**known, key: value})
