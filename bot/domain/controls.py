"""Buttons under messages as values: what each is about, and the text that a platform keeps with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

from bot.domain.codec import Unreadable, read_turn
from bot.domain.run import LaneId, TurnId
from bot.errors import Refused

PRESS_PREFIX = "moot"  # each press id begins with it
ANOTHER_VERSION = "This button is of another version; what it did may have moved to `/moot help`."
FORMAT_MARK = "/"  # begins a format's name; a turn begins with its stage
QUERY_MARK = "?"  # begins the options of a list
REST_MARK = "+"  # begins the number of code points behind which a text goes on
BALLOTS = ("vote", "ballot")  # actions of votes
OBJECTION = "objection"  # the stage of the cards that show objections


@dataclass(frozen=True, slots=True)
class SeatRef:
    """A seat by its key, whatever it has said; in a comparison also one of the answers beside the seats."""

    key: str


@dataclass(frozen=True, slots=True)
class ObjectionRef:
    """An objection by its number in the run."""

    number: int

    @property
    def lane(self) -> LaneId:
        return LaneId(OBJECTION, self.number, "")


@dataclass(frozen=True, slots=True)
class RestRef:
    """The part of a lane's text that stands behind so many code points: those that its message shows."""

    lane: LaneId
    chars: int


@dataclass(frozen=True, slots=True)
class FormatRef:
    """A format by its name: what to begin."""

    name: str


@dataclass(frozen=True, slots=True)
class QueryRef:
    """A page of a list, by its options as a query string."""

    query: str


About = (
    SeatRef | TurnId | ObjectionRef | RestRef | FormatRef | QueryRef | None
)  # TurnId: a turn, or a card by its lane; None: the run


@dataclass(frozen=True, slots=True)
class Control:
    """A button under a message: `action` as `commands.controls` declares it, and what it is about."""

    action: str
    label: str
    about: About = None


@dataclass(frozen=True, slots=True)
class Target:
    """The thing that was pressed: a run and what in it; for a menu also the message's text and author.

    `carried` is what the message quotes: forwards, embeds.
    """

    run: str = ""
    about: About = None
    text: str = ""
    author: str = ""
    carried: str = ""

    @property
    def turn(self) -> TurnId:
        """Return the turn, or the card by its lane. Raises Refused where a seat or an objection was pressed."""
        if not isinstance(self.about, TurnId):
            raise Refused(ANOTHER_VERSION)
        return self.about

    @property
    def seat(self) -> str:
        """Return the seat's key. Raises Refused where no seat was pressed."""
        if not isinstance(self.about, SeatRef):
            raise Refused(ANOTHER_VERSION)
        return self.about.key

    @property
    def format(self) -> str:
        """Return the format's name. Raises Refused where no format was pressed."""
        if not isinstance(self.about, FormatRef):
            raise Refused(ANOTHER_VERSION)
        return self.about.name

    @property
    def query(self) -> str:
        """Return the options of a list. Raises Refused where no list was pressed."""
        if not isinstance(self.about, QueryRef):
            raise Refused(ANOTHER_VERSION)
        return self.about.query

    @property
    def objection(self) -> int:
        """Return the objection's number. Raises Refused where no objection was pressed."""
        if not isinstance(self.about, ObjectionRef):
            raise Refused(ANOTHER_VERSION)
        return self.about.number

    @property
    def lane(self) -> LaneId:
        """Return where that stands in the thread. Raises Refused where a seat was pressed."""
        return self.about.lane if isinstance(self.about, ObjectionRef | RestRef) else self.turn.lane

    @property
    def chars_read(self) -> int:
        """Return how many code points of a text its message shows; 0 where that is not told: then it is read whole."""
        return self.about.chars if isinstance(self.about, RestRef) else 0


def split_rows(controls: Sequence[Control], most: int) -> list[Sequence[Control]]:
    """Return buttons in rows of at most so many; votes stand in rows of their own, so that they are found at once."""
    groups = [tuple(group) for _, group in groupby(controls, key=lambda c: c.action in BALLOTS)]
    return [group[i : i + most] for group in groups for i in range(0, len(group), most)]


def about_text(about: About) -> str:
    """Write what a button is about as text that `read_about` reads back. Platforms keep this text in messages."""
    match about:
        case None:
            return ""
        case SeatRef(key):
            return key
        case ObjectionRef():
            return str(about.lane)
        case TurnId():
            return str(about)
        case RestRef(lane, chars):
            return f"{REST_MARK}{chars}/{lane}"
        case FormatRef(name):
            return f"{FORMAT_MARK}{name}"
        case QueryRef(query):
            return f"{QUERY_MARK}{query}"
        case _:
            assert_never(about)


def read_about(text: str) -> About:
    """Read what `about_text` wrote; a seat's key has no slash. Raises Unreadable."""
    if text.startswith(FORMAT_MARK):
        return FormatRef(text.removeprefix(FORMAT_MARK))
    if text.startswith(QUERY_MARK):
        return QueryRef(text.removeprefix(QUERY_MARK))
    if "/" not in text:
        return SeatRef(text) if text else None
    chars, _, lane = text.removeprefix(REST_MARK).partition("/")
    if text.startswith(REST_MARK) and chars.isdecimal():
        return RestRef(read_turn(lane).lane, int(chars))
    turn = read_turn(text)
    return about_lane(turn.lane) if turn.stage == OBJECTION else turn


def about_lane(lane: LaneId) -> About:
    """Return what a press under the messages of a lane is about."""
    return ObjectionRef(lane.round) if lane.stage == OBJECTION else TurnId(*lane)


def press_id(run: str, action: str, kept: str) -> str:
    """Return a press as the text that a platform keeps with a button or a form, and gives back.

    `kept`: what it is about, as `about_text` writes it, or what else a platform keeps with a form.
    """
    return f"{PRESS_PREFIX}:{run}:{action}:{kept}"


def read_press_id(text: str) -> tuple[str, str, str] | None:
    """Return run, action and what was kept; None where the text is not ours."""
    parts = text.split(":", 3)
    return (parts[1], parts[2], parts[3]) if len(parts) == 4 and parts[0] == PRESS_PREFIX else None


def read_target(run: str, kept: str) -> Target:
    """Return what was pressed, of a button that keeps only that; without what it is about where that is unreadable."""
    try:
        return Target(run, read_about(kept))
    except Unreadable:
        return Target(run)
