"""The words of a run, and the closed set of facts that it is made of.

People's facts are wishes ("skip this turn"); the owner's are observations ("this turn ended").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from bot.domain.debating import Debating
from bot.domain.steering import SteeringFact
from bot.domain.veiling import LIVE, Veil

Finish = Literal["done", "length", "skipped", "failed", "stopped", "repeated", "cut"]  # cut: by a restart
Mode = Literal["answers", "ranking", "full"]  # how far a council goes
Search = Literal["off", "auto", "on"]  # whether the web is searched; auto: a model decides whether and for what

ASIDE = frozenset({"search query", "web search"})  # stages that run beside a format's own


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
    """US dollars per million tokens and for a call besides, and where the figures come from ("settings", "litellm",
    "local")."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    source: str
    call_usd: float = 0.0


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
    provider: str = ""  # "": not known in runs from before it was kept


@dataclass(frozen=True, slots=True)
class Panel:
    """The seats of a run in the order in which they are shown; chair and judge speak apart from them, and so does the
    searcher, who searches the web."""

    seats: tuple[Seat, ...]
    chair: Seat | None = None
    judge: Seat | None = None
    searcher: Seat | None = None

    def everyone(self) -> tuple[Seat, ...]:
        return (*self.seats, *(s for s in (self.chair, self.judge, self.searcher) if s is not None))


@dataclass(frozen=True, slots=True)
class Rules:
    """What a format may be told: how many rounds, how long an answer fits one message (characters), and for how
    long people may vote after the end (seconds; 0: the vote ends with the run).

    A council's reviews begin `grace_s` seconds after `quorum` answers are in; None: when all are. People vote `next_s`
    seconds on a debate's next round, and a pause that nobody ends is closed after `pause_s`. What follows the first
    answers waits for the search until `search_wait_s` seconds after the start; `look_again`: who has answered does so
    once more with what it found.
    """

    rounds: int = 1
    room_chars: int | None = None
    vote_s: float = 0.0
    mode: Mode = "full"
    quorum: int | None = None
    grace_s: float = 0.0
    debating: Debating | None = None  # in runs of other formats, and in those from before it was known
    next_s: float = 120.0
    pause_s: float = 86_400.0
    search: Search = "off"
    search_wait_s: float = 0.0
    look_again: bool = False
    veil: Veil = LIVE


@dataclass(frozen=True, slots=True)
class Image:
    """A picture with the question; `data` in base64."""

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
class Earlier:
    """Something said before a run, that it goes on from. `kept`: goes last when a window is short; `own`: said by the
    seat that the run goes on with alone."""

    label: str
    text: str
    kept: bool = False
    own: bool = False


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
    earlier: tuple[Earlier, ...] = ()  # in the order in which it was said, after the context


@dataclass(frozen=True, slots=True)
class Claimed:
    owner: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """`about`: the turns this one was shown, in the order in which it was shown them. `objection`: the number of the
    one that its round answers first; 0: none."""

    turn: TurnId
    about: tuple[TurnId, ...] = ()
    objection: int = 0


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
class NamesRevealed:
    """Who is who in a blind run is known from now on: its vote has closed."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    outcome: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The run is over and every surface has shown the end of every lane, or has given it up: nothing is left to do."""


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
    `bot.formats.vote_options` names."""

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
class Revealed:
    """What is said is shown from now on, whatever it was to wait for. Without a person it is the owner's: the vote has
    closed, and nobody had asked for it."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Guessed:
    """Who a speaker is, by one person; a later guess replaces it. `speaker`: a seat's key; `guess`: a seat's name."""

    by: str
    speaker: str
    guess: str
    name: str = ""  # of who guesses


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
class SeatAdded:
    """A seat joins the table, resolved as those of RunStarted are."""

    seat: Seat
    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ViewAttached:
    """The run is shown at this address of a surface from now on."""

    address: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """`by`: a person, or in words what else has ended the run."""

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
    | NamesRevealed
    | RunFinished
    | CaughtUp
    | SkipAsked
    | SkipWished
    | RetryAsked
    | Removed
    | VoteCast
    | VoteWithdrawn
    | VoteClosed
    | Revealed
    | Guessed
    | Interjected
    | SeatAdded
    | SteeringFact
    | ViewAttached
    | Stopped
    | Deleted
)
