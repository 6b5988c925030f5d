"""What a run is made of: seats, turns and the closed set of facts, and how facts fold into a transcript.

A run is nothing but its facts in order. `fold` turns them into a `Transcript`, the one value that formats
plan from. People's facts are wishes ("skip this turn"); the owner's are observations ("this turn ended").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, NamedTuple, assert_never

Finish = Literal["done", "length", "skipped", "failed", "stopped", "repeated"]


class Lane(NamedTuple):
    """Where a turn's text is shown; every ask of the same turn shares it."""

    stage: str
    round: int
    seat: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.round}/{self.seat}"


class TurnId(NamedTuple):
    """One seat's contribution. A re-ask of the same turn is `ask` 2, shown in the same lane."""

    stage: str
    round: int
    seat: str
    ask: int = 1

    @property
    def lane(self) -> Lane:
        return Lane(self.stage, self.round, self.seat)

    def __str__(self) -> str:
        return str(self.lane) if self.ask == 1 else f"{self.lane}/{self.ask}"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and where the figure comes from ("settings", "litellm", "local")."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    source: str


@dataclass(frozen=True, slots=True)
class Seat:
    """A model at the table, as resolved when the run started. `key` is unique in its panel."""

    key: str
    model: str  # the catalogue's name for it, never a credential
    name: str
    persona: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    window: int | None = None  # tokens; None: unknown
    price: Price | None = None  # None: unknown, and shown as unknown
    avatar_url: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """The seats of a run in the order in which they are shown; chair and judge speak apart from them."""

    seats: tuple[Seat, ...]
    chair: Seat | None = None
    judge: Seat | None = None

    def everyone(self) -> tuple[Seat, ...]:
        return (*self.seats, *(s for s in (self.chair, self.judge) if s is not None))


@dataclass(frozen=True, slots=True)
class Rules:
    """What a format may be told: how many rounds, how long an answer fits one message (characters), and for how
    long people may vote after the end (seconds; 0: the vote ends with the run)."""

    rounds: int = 1
    room_chars: int | None = None
    vote_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that came with the question; `data` in base64."""

    name: str
    mime: str
    data: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn. `thinking` is part of `output`. `source` says how far the figures can be trusted."""

    input: int = 0
    output: int = 0
    thinking: int = 0
    source: Literal["reported", "estimated", "none"] = "none"


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from the start of a turn, `first_token_s` None when nothing visible came."""

    total_s: float = 0.0
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a turn failed: `kind` as in `bot.models.errors`, `text` for people."""

    kind: str
    text: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text that was sent on comes from. `who` said it; `model`, `run` and `turn` only where it was a seat;
    `at`: wall seconds, None where nobody knows; `sha256` of the text as it was sent, in hexadecimal."""

    who: str
    sha256: str
    model: str = ""
    run: str = ""
    turn: TurnId | None = None
    at: float | None = None

    def __str__(self) -> str:
        """In one line, for people."""
        when = f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M} UTC" if self.at is not None else ""
        who = f"{self.who} ({self.model})" if self.model else self.who
        run = f"run {self.run}, {self.turn}" if self.run else ""
        return " · ".join(part for part in (who, run, when, f"sha256 {self.sha256[:12]}") if part)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline. `seats`: keys of the panel's, chair included; `inputs`: names of earlier steps, and
    "question" for what was asked. Steps are kept in an order in which inputs come first."""

    name: str
    prompt: str
    seats: tuple[str, ...]
    inputs: tuple[str, ...]


# The facts. The owner's are observations …


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Everything planning needs, resolved: nothing is looked up outside once this is stored."""

    format: str
    question: str
    panel: Panel
    rules: Rules
    seed: int
    prompts: Mapping[str, str]
    by: str  # who asked, as the platform knows them
    absent: tuple[str, ...] = ()  # seats left out before the start, each with its reason
    name: str = ""  # of who asked
    server: str = ""  # whose panels, words and rights apply
    context: str = ""  # what was said before, that the question goes on from
    images: tuple[Image, ...] = ()
    origin: Origin | None = None  # of what was sent here
    steps: tuple[Step, ...] = ()  # of a pipeline


@dataclass(frozen=True, slots=True)
class Claimed:
    owner: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """`about`: the turns this one was shown, in the order in which it was shown them."""

    turn: TurnId
    about: tuple[TurnId, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """However it ended, it carries its text so far, usage, cost (US dollars; None: unknown) and timings."""

    turn: TurnId
    finish: Finish
    text: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
    timings: Timings = Timings()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RunFinished:
    outcome: str


# … and people's are wishes. `by` is who, as the platform knows them.


@dataclass(frozen=True, slots=True)
class SkipAsked:
    """By somebody who may skip alone, or whose wish made the majority."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class SkipWished:
    """By one of those who can only skip together."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """A failed turn is to be asked once more, into the same lane."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What the turn's lane says is blanked, for people and for later turns."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """One vote a person and round; a later one replaces it. `seat`: a seat's key, or another choice that
    `bot.formats.choices` names."""

    by: str
    round: int
    seat: str


@dataclass(frozen=True, slots=True)
class VoteWithdrawn:
    by: str
    round: int


@dataclass(frozen=True, slots=True)
class VoteClosed:
    by: str


@dataclass(frozen=True, slots=True)
class Interjected:
    by: str
    text: str
    name: str = ""
    origin: Origin | None = None  # of what was sent here

    @property
    def who(self) -> str:
        return self.name or self.by


@dataclass(frozen=True, slots=True)
class ViewAttached:
    """The run is shown at this address of a surface from now on."""

    address: str


@dataclass(frozen=True, slots=True)
class Stopped:
    by: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The run is gone for people: nothing shows or lists it any more."""

    by: str


Fact = (
    RunStarted
    | Claimed
    | TurnStarted
    | TurnEnded
    | RunFinished
    | SkipAsked
    | SkipWished
    | RetryAsked
    | Removed
    | VoteCast
    | VoteWithdrawn
    | VoteClosed
    | Interjected
    | ViewAttached
    | Stopped
    | Deleted
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored fact: `seq` counts up within its run, `at` is wall time in seconds."""

    seq: int
    at: float
    fact: Fact


@dataclass(frozen=True, slots=True)
class Turn:
    id: TurnId
    about: tuple[TurnId, ...]
    started: Entry
    ended: TurnEnded | None = None
    removed: bool = False

    @property
    def text(self) -> str:
        return self.ended.text if self.ended and not self.removed else ""

    @property
    def spoke(self) -> bool:
        """Whether others can read it: it ended with something to read, whatever ended it."""
        return bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Transcript:
    """What has happened in one run. Made by `fold` alone; `entries` are kept so that `before` can look back."""

    entries: tuple[Entry, ...] = ()
    start: RunStarted | None = None
    turns: Mapping[TurnId, Turn] = field(default_factory=lambda: MappingProxyType({}))
    skips: frozenset[TurnId] = frozenset()
    skip_wishes: frozenset[SkipWished] = frozenset()
    retries: tuple[TurnId, ...] = ()  # the new asks
    votes: Mapping[tuple[str, int], str] = field(default_factory=lambda: MappingProxyType({}))  # (by, round) → seat
    remarks: tuple[Interjected, ...] = ()
    present: frozenset[str] = frozenset()  # who has asked, spoken, voted or pressed
    views: tuple[ViewAttached, ...] = ()
    closed: VoteClosed | None = None
    stopped: Stopped | None = None
    finished: RunFinished | None = None
    finished_at: float = 0.0
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

    def before(self, seq: int) -> Transcript:
        """The transcript as it was before the fact `seq`."""
        return fold_all(Transcript(), (e for e in self.entries if e.seq < seq))


def fold(t: Transcript, entry: Entry) -> Transcript:
    """The transcript after one more fact. Idempotent: a known `seq` and a second end of a turn change nothing."""
    if entry.seq <= t.seq:
        return t
    t = replace(t, entries=(*t.entries, entry))
    match entry.fact:
        case RunStarted() as fact:
            return t if t.start else _seen(replace(t, start=fact), fact.by)
        case Claimed():
            return t
        case TurnStarted(turn, about):
            return t if turn in t.turns else _with_turn(t, Turn(turn, about, entry))
        case TurnEnded() as fact:
            known = t.turns.get(fact.turn) or Turn(fact.turn, (), entry)
            return t if known.ended else _with_turn(t, replace(known, ended=fact))
        case RunFinished() as fact:
            return t if t.finished else replace(t, finished=fact, finished_at=entry.at)
        case SkipAsked(turn, by):
            return _seen(replace(t, skips=t.skips | {turn}), by)
        case SkipWished(by=by) as fact:
            return _seen(replace(t, skip_wishes=t.skip_wishes | {fact}), by)
        case RetryAsked(turn, by):
            again = turn._replace(ask=turn.ask + 1)
            return _seen(t if again in t.retries else replace(t, retries=(*t.retries, again)), by)
        case Removed(turn):
            gone = {i: replace(known, removed=True) for i, known in t.turns.items() if i.lane == turn.lane}
            return replace(t, turns=MappingProxyType({**t.turns, **gone}))
        case VoteCast(by, round_, seat):
            return _seen(replace(t, votes=MappingProxyType({**t.votes, (by, round_): seat})), by)
        case VoteWithdrawn(by, round_):
            return replace(t, votes=MappingProxyType({k: v for k, v in t.votes.items() if k != (by, round_)}))
        case VoteClosed() as fact:
            return replace(t, closed=t.closed or fact)
        case Interjected(by=by) as fact:
            return _seen(replace(t, remarks=(*t.remarks, fact)), by)
        case ViewAttached() as fact:
            return t if fact in t.views else replace(t, views=(*t.views, fact))
        case Stopped() as fact:
            return t if t.stopped else replace(t, stopped=fact)
        case Deleted():
            return replace(t, deleted=True)
        case _ as never:
            assert_never(never)


def fold_all(t: Transcript, entries: Iterable[Entry]) -> Transcript:
    for entry in entries:
        t = fold(t, entry)
    return t


def _with_turn(t: Transcript, turn: Turn) -> Transcript:
    return replace(t, turns=MappingProxyType({**t.turns, turn.id: turn}))


def _seen(t: Transcript, by: str) -> Transcript:
    return t if by in t.present else replace(t, present=t.present | {by})
