"""The closed set of facts that a run is made of.

People's facts are wishes ("skip this turn"); the owner's are observations ("this turn ended"). `by` is who, as the
platform knows them; `name` is for people. Names and fields are stored: they change only with a migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.domain.run import (
    NO_TIMINGS,
    NO_USAGE,
    CostRange,
    Earlier,
    Failure,
    Finish,
    Image,
    Origin,
    Panel,
    Rules,
    Seat,
    StandIn,
    Step,
    Timings,
    TurnId,
    Usage,
    WindowCut,
)

RoundWish = Literal["go on", "end"]
Mark = Literal["done", "right", "wrong", "undecided"]  # of a decision: it was carried out; it proved to be so


# What the owner of a run has observed:


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began, with everything that planning needs: nothing is looked up outside once this is stored."""

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
    expected: CostRange | None = None  # in runs from before it was estimated
    channel: str = ""  # where it was asked, by its id
    panel_name: str = ""  # of the panel that was asked; "" where seats were named, and in runs from before it was kept

    @property
    def title(self) -> str:
        """Return what its thread is named after: the message that it is about, else the question."""
        return " ".join(self.origin.excerpt) if self.origin and self.origin.excerpt else self.question


@dataclass(frozen=True, slots=True)
class Claimed:
    """A process took the run over."""

    owner: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A seat began to speak.

    `about`: the turns that it was shown, in the order in which it was shown them. `objection`: the number of the
    objection that its round answers first; 0: none.
    """

    turn: TurnId
    about: tuple[TurnId, ...] = ()
    objection: int = 0


@dataclass(frozen=True, slots=True)
class ThinkingSeen:
    """A turn was seen to think before it answers, of a seat of which that was not known."""

    turn: TurnId


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn ended, however it did: with its text so far, usage, cost (US dollars; None: unknown) and timings.

    Usage and cost are those of the model that was asked last.
    """

    turn: TurnId
    finish: Finish
    text: str = ""
    usage: Usage = NO_USAGE
    cost_usd: float | None = None
    timings: Timings = NO_TIMINGS
    failure: Failure | None = None
    stand_in: StandIn | None = None  # None: the seat's own model was asked
    cut: WindowCut | None = None  # None: it was shown all that it should read


@dataclass(frozen=True, slots=True)
class NamesRevealed:
    """The names of a blind run are known from now on: its vote has closed."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    outcome: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The run is over and every surface has shown, or given up, the end of every lane: nothing is left to do."""


@dataclass(frozen=True, slots=True)
class ProcessDied:
    """A process died while it worked on this run, as the next one found.

    `crashed`: by a fault that the system reported; otherwise it may have been killed from outside. `held`: it was one
    of several processes and held this run among others, and whether it worked on it just then is not known.
    """

    crashed: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeAsked:
    """Whoever has asked for it is asked now what became of the run's decision, once."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """The run broke, or an operator has closed it: nothing more is planned for it. `why`: a sentence for people."""

    why: str


# What people wish. `by` is who, as the platform knows them:


@dataclass(frozen=True, slots=True)
class SkipAsked:
    """A skip by somebody who may skip alone, or whose wish made the majority."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class SkipWished:
    """A wish to skip, by one of those who can only skip together."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """A failed turn is to be asked once more, into the same lane."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The text of a turn's lane is blanked, for people and for later turns."""

    turn: TurnId
    by: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote. Each person has one per round; a later one replaces it.

    `seat`: a seat's key, or another option that `bot.formats.vote_options` names.
    """

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
    """The texts are shown from now on, whatever they were to wait for.

    Without a person it is the owner's: the vote has closed, and nobody had asked for it.
    """

    by: str = ""


@dataclass(frozen=True, slots=True)
class Guessed:
    """A guess who a speaker is. Each person has one per speaker; a later one replaces it.

    `speaker`: a seat's key; `guess`: a seat's name.
    """

    by: str
    speaker: str
    guess: str
    name: str = ""  # of who guesses


@dataclass(frozen=True, slots=True)
class Interjected:
    """A remark to the table."""

    by: str
    text: str
    name: str = ""
    origin: Origin | None = None  # of what was sent here
    has_line: bool = False  # a line of the thread tells of it; else its writer's own message stands there

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
    """The run is stopped. `by`: a person, or in words what else has stopped it."""

    by: str


@dataclass(frozen=True, slots=True)
class Named:
    """The run goes by this text in lists from now on; by its question where it is ""."""

    by: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Archived:
    """The run is left out of lists that do not ask for archived ones."""

    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """The run is no more archived."""

    by: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeMarked:
    """What became of the run's decision; a later mark replaces it."""

    by: str
    mark: Mark
    name: str = ""


@dataclass(frozen=True, slots=True)
class AskLater:
    """The starter wants to be asked, once, what became of the decision. `at`: when, in wall seconds."""

    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Deleted:
    """The run is gone for people: nothing shows or lists it any more."""

    by: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A vote, guess or remark stood here, of somebody who wanted to be forgotten since."""


# People steer the course of a run: pauses, seats that leave, objections and their upvotes, votes on the next round.


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is paused: whoever speaks finishes, and nothing begins until Resumed."""

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
    """Somebody came into the thread of the run."""

    by: str
    name: str


@dataclass(frozen=True, slots=True)
class Objected:
    """An objection that must be answered. `to`: the keys of the seats that must; none: all of them."""

    by: str
    text: str
    name: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upvoted:
    """An upvote of an objection. `objection`: its number in the run, counted from 1."""

    objection: int
    by: str


@dataclass(frozen=True, slots=True)
class UpvoteWithdrawn:
    objection: int
    by: str


@dataclass(frozen=True, slots=True)
class RoundVoteCast:
    """A vote whether the run goes on after that round. Each person has one per round; a later one replaces it."""

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

Fact = (
    RunStarted
    | Claimed
    | TurnStarted
    | ThinkingSeen
    | TurnEnded
    | NamesRevealed
    | RunFinished
    | CaughtUp
    | ProcessDied
    | OutcomeAsked
    | SetAside
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
    | Named
    | Archived
    | Restored
    | OutcomeMarked
    | AskLater
    | Deleted
    | Forgotten
)
