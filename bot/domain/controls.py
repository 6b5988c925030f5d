"""What people may press: a button under a message, and what it is about, as values and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bot.domain.codec import read_turn
from bot.domain.run import LaneId, TurnId

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


About = SeatRef | TurnId | ObjectionRef | None  # TurnId: a turn, or a card by its lane; None: the run


@dataclass(frozen=True, slots=True)
class Control:
    """A button under a message: `action` as `commands.controls` declares it, and what it is about."""

    action: str
    label: str
    about: About = None


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
        case _:
            assert_never(about)


def read_about(text: str) -> About:
    """Read what `about_text` wrote; a seat's key has no slash. Raises Unreadable."""
    if "/" not in text:
        return SeatRef(text) if text else None
    turn = read_turn(text)
    return about_lane(turn.lane) if turn.stage == OBJECTION else turn


def about_lane(lane: LaneId) -> About:
    """Return what a press under the messages of a lane is about."""
    return ObjectionRef(lane.round) if lane.stage == OBJECTION else TurnId(*lane)
