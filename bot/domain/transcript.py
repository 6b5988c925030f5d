"""What has happened in a run: how its facts fold into a transcript, the one value that formats plan from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import MappingProxyType
from typing import assert_never

from bot.domain.facts import (
    Archived,
    AskLater,
    CaughtUp,
    Claimed,
    Deleted,
    Fact,
    Forgotten,
    Guessed,
    Interjected,
    Joined,
    Mark,
    Named,
    NamesRevealed,
    Objected,
    OutcomeAsked,
    OutcomeMarked,
    Paused,
    ProcessDied,
    Removed,
    Restored,
    Resumed,
    RetryAsked,
    Revealed,
    RoundAsked,
    RoundClosed,
    RoundVoteCast,
    RunFinished,
    RunStarted,
    SeatAdded,
    SeatDropped,
    SetAside,
    SkipAsked,
    SkipWished,
    SteeringFact,
    Stopped,
    ThinkingSeen,
    TurnEnded,
    TurnStarted,
    Upvoted,
    UpvoteWithdrawn,
    ViewAttached,
    VoteCast,
    VoteClosed,
    VoteWithdrawn,
)
from bot.domain.run import Panel, TurnId
from bot.domain.steering import Steering, add_seat, steer

SET_ASIDE = "set aside"  # listed as the outcome of such a run


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored fact: `seq` counts up within its run, `at` is wall time in seconds."""

    seq: int
    at: float
    fact: Fact


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: what it was shown, and how it ended once it did."""

    id: TurnId
    about: tuple[TurnId, ...]
    started: Entry
    ended: TurnEnded | None = None
    removed: bool = False
    objection: int = 0  # as in TurnStarted
    thinks: bool = False  # it was seen to

    @property
    def text(self) -> str:
        return self.ended.text if self.ended and not self.removed else ""

    @property
    def spoke(self) -> bool:
        """Return whether others can read it: it ended with something to read, whatever ended it."""
        return bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that has happened in one run.

    Only `fold` makes one; `entries` are kept so that `before` can look back. The panel of `start` has every seat that
    has ever been at the table, those that joined later last.
    """

    entries: tuple[Entry, ...] = ()
    start: RunStarted | None = None
    turns: MappingProxyType[TurnId, Turn] = field(default_factory=lambda: MappingProxyType({}))
    skips: frozenset[TurnId] = frozenset()
    skip_wishes: frozenset[SkipWished] = frozenset()
    retries: tuple[TurnId, ...] = ()  # the new asks
    votes: Mapping[tuple[str, int], str] = field(default_factory=lambda: MappingProxyType({}))  # (by, round) → seat
    remarks: tuple[Interjected, ...] = ()
    forgotten: tuple[int, ...] = ()  # the numbers of facts in whose place nothing is left
    present: frozenset[str] = frozenset()  # who has asked, spoken, voted or pressed
    steering: Steering = field(default_factory=Steering)
    views: tuple[ViewAttached, ...] = ()
    closed: VoteClosed | None = None
    revealed: bool = False  # what is said, by a person's wish
    named: bool = False  # who is who
    guesses: Mapping[tuple[str, str], Guessed] = field(default_factory=lambda: MappingProxyType({}))  # by, speaker
    stopped: Stopped | None = None
    finished: RunFinished | None = None
    finished_at: float = 0.0  # or when it was set aside
    set_aside: SetAside | None = None
    given_name: str = ""  # by which lists have it
    archived: bool = False
    mark: Mark | None = None  # what became of its decision
    ask_at: float | None = None  # when its starter wants to be asked that (wall seconds)
    asked: bool = False  # they were
    deleted: bool = False

    @property
    def seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    @property
    def at(self) -> float:
        return self.entries[-1].at if self.entries else 0.0

    @property
    def started(self) -> RunStarted:
        if self.start is None:
            raise LookupError("this transcript has no RunStarted yet")
        return self.start

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is said in it."""
        return self.finished is not None or self.set_aside is not None

    @property
    def panel(self) -> Panel:
        """The seats that are at the table now."""
        panel, dropped = self.started.panel, self.steering.dropped
        return replace(panel, seats=tuple(s for s in panel.seats if s.key not in dropped)) if dropped else panel

    def is_skipped(self, turn: TurnId) -> bool:
        """Return whether people want no more of a turn: it is skipped, or its seat is dropped."""
        return turn in self.skips or turn.seat in self.steering.dropped

    def before(self, seq: int) -> Transcript:
        """Return the transcript as it was before the fact `seq`."""
        return fold_all(Transcript(), (e for e in self.entries if e.seq < seq))


def fold(t: Transcript, entry: Entry) -> Transcript:
    """Return the transcript after one more fact. A known `seq` and a second end of a turn change nothing."""
    if entry.seq <= t.seq:
        return t
    t = replace(t, entries=(*t.entries, entry))
    match entry.fact:
        case RunStarted() as fact:
            return t if t.start else _with_person(replace(t, start=fact), fact.by)
        case Claimed() | CaughtUp() | ProcessDied():
            return t
        case Forgotten():
            return replace(t, forgotten=(*t.forgotten, entry.seq))
        case TurnStarted(turn, about, objection):
            return t if turn in t.turns else _with_turn(t, Turn(turn, about, entry, objection=objection))
        case ThinkingSeen(turn):
            return _with_turn(t, replace(t.turns[turn], thinks=True)) if turn in t.turns else t
        case TurnEnded() as fact:
            known = t.turns.get(fact.turn) or Turn(fact.turn, (), entry)
            return t if known.ended else _with_turn(t, replace(known, ended=fact))
        case RunFinished() as fact:
            return t if t.finished else replace(t, finished=fact, finished_at=entry.at)
        case SetAside() as fact:
            return t if t.set_aside else replace(t, set_aside=fact, finished_at=t.finished_at or entry.at)
        case SkipAsked(turn, by):
            return _with_person(replace(t, skips=t.skips | {turn}), by)
        case SkipWished(by=by) as fact:
            return _with_person(replace(t, skip_wishes=t.skip_wishes | {fact}), by)
        case RetryAsked(turn, by):
            again = turn._replace(ask=turn.ask + 1)
            return _with_person(t if again in t.retries else replace(t, retries=(*t.retries, again)), by)
        case Removed(turn):
            gone = {i: replace(known, removed=True) for i, known in t.turns.items() if i.lane == turn.lane}
            return replace(t, turns=MappingProxyType({**t.turns, **gone}))
        case VoteCast() | VoteWithdrawn():
            return _with_votes(t, (entry,))
        case VoteClosed() as fact:
            return replace(t, closed=t.closed or fact)
        case Revealed(by):
            t = replace(t, revealed=True)
            return _with_person(t, by) if by else t
        case NamesRevealed():
            return replace(t, named=True)
        case Guessed(by, speaker) as fact:
            return _with_person(replace(t, guesses=MappingProxyType({**t.guesses, (by, speaker): fact})), by)
        case Interjected(by=by) as fact:
            return _with_person(replace(t, remarks=(*t.remarks, fact)), by)
        case SeatAdded() as fact:
            return t if t.finished else _with_person(_with_seat(t, fact, entry.seq), fact.by)
        case (
            Paused()
            | Resumed()
            | SeatDropped()
            | Joined()
            | Objected()
            | Upvoted()
            | UpvoteWithdrawn()
            | RoundVoteCast()
            | RoundAsked()
            | RoundClosed()
        ) as fact:
            return t if t.finished else _with_steering(t, fact, entry)
        case ViewAttached() as fact:
            return t if fact in t.views else replace(t, views=(*t.views, fact))
        case Stopped() as fact:
            return t if t.stopped else replace(t, stopped=fact)
        case Named(text=text):
            return replace(t, given_name=text)
        case Archived() | Restored() as fact:
            return replace(t, archived=isinstance(fact, Archived))
        case OutcomeMarked(mark=mark):
            return replace(t, mark=mark)
        case AskLater(at=at):
            return replace(t, ask_at=at)
        case OutcomeAsked():
            return replace(t, asked=True)
        case Deleted(by):
            return replace(t, deleted=True, stopped=t.stopped or (None if t.finished else Stopped(by)))
        case _ as never:
            assert_never(never)


def fold_all(t: Transcript, entries: Iterable[Entry]) -> Transcript:
    """Return the transcript after all of them, in the order of their `seq`.

    As `fold` one by one, but thousands of votes in a row cost one copy of the votes before, not one each.
    """
    for row in in_rows(entries):
        if len(row) == 1:
            t = fold(t, row[0])
        elif new := [entry for entry in row if entry.seq > t.seq]:
            t = _with_votes(replace(t, entries=(*t.entries, *new)), new)
    return t


def in_rows(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    """Yield people's votes that follow each other together, and every other fact by itself."""
    for are_votes, group in groupby(entries, lambda entry: isinstance(entry.fact, VoteCast | VoteWithdrawn)):
        row = tuple(group)
        yield from [row] if are_votes else [(entry,) for entry in row]


def _with_votes(t: Transcript, row: Iterable[Entry]) -> Transcript:
    votes, present = dict(t.votes), set(t.present)
    for entry in row:
        match entry.fact:
            case VoteCast(by, round_, seat):
                votes[by, round_] = seat
                present.add(by)
            case VoteWithdrawn(by, round_):
                votes.pop((by, round_), None)
    return replace(t, votes=MappingProxyType(votes), present=frozenset(present))


def _with_turn(t: Transcript, turn: Turn) -> Transcript:
    return replace(t, turns=MappingProxyType(t.turns | {turn.id: turn}))  # `|` copies without hashing anew


def _with_seat(t: Transcript, fact: SeatAdded, seq: int) -> Transcript:
    panel, steering = t.started.panel, add_seat(t.steering, fact.seat.key, seq)
    if any(s.key == fact.seat.key for s in panel.everyone()):
        return t
    start = replace(t.started, panel=replace(panel, seats=(*panel.seats, fact.seat)))
    return replace(t, start=start, steering=steering)


def _with_steering(t: Transcript, fact: SteeringFact, entry: Entry) -> Transcript:
    t = replace(t, steering=steer(t.steering, fact, entry.seq, entry.at))
    return t if isinstance(fact, Joined) else _with_person(t, fact.by)  # to come is not yet to speak


def _with_person(t: Transcript, by: str) -> Transcript:
    return t if by in t.present else replace(t, present=t.present | {by})
