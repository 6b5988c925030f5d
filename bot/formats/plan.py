"""The answer of a format: which turns should be running now, what cards read, and what people may press and do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.answer_cards import AnswerCard
from bot.domain.asks import Ask
from bot.domain.controls import Control
from bot.domain.facts import NamesRevealed, Revealed
from bot.domain.run import LaneId, TurnId
from bot.domain.steering import Objection
from bot.domain.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Want:
    """A turn that should be running.

    `about`: the turns it is shown, in that order. `objection`: the number of the objection that its round answers
    first; 0: none.
    """

    turn: TurnId
    about: tuple[TurnId, ...] = ()
    objection: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a long text, under its `title` and a `note`.

    `rows`: the same as a table, its header first and `title` as its caption, for platforms that draw some.
    """

    text: str
    title: str = ""
    note: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def join_sections(sections: Sequence[Section]) -> str:
    """Return a long text as Markdown, without its tables."""
    return "\n\n".join(f"{_heading(section)}{section.text}" for section in sections)


def _heading(section: Section) -> str:
    if section.rows or not section.title:
        return ""
    return f"**{section.title}**{f' ({section.note})' if section.note else ''}\n\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """The desired state of a run: its turns, its messages and their buttons.

    Course of the run:
    - `wanted`: the turns that should be running. `total`: turns expected in all; 0: not known.
    - `stage`: what goes on now, for the board. `outcome`: set when the run is over.
    - `verdict`: the result in a few sentences. `again_at`: wall time at which to plan again though nothing happened.

    Votes:
    - `voting`: people may vote, and counts are hidden.
    - `voting_before`: people may say whom they side with before it begins.
    - `vote_after`: the round after which people decide now whether there is another one; 0: none.

    Messages:
    - `titles`: the headings of lanes. `footers`: what stands below a turn besides its time and cost.
    - `cards`: messages derived from facts, rewritten as facts come; one that has come to nothing is "", and its message
      is taken away. `sections`: long texts that stand behind buttons, in parts, by the lane that these name.
    - `controls`: buttons of the format's own, by lane; `bot.engine.thread` adds those of every run.
    - `best`: the answers that are ranked highest, which the end card tells of.
    - `board_lines`: what people have done to the course of the run. `warnings`: what went wrong without ending it.
    - `board_turn`: the turn whose words stand on the board, so that the run is one message; None: each has its own.

    What people may read:
    - `unstreamed_stages`: stages whose turns have no message of their own, since a card tells of them.
      `total_unstreamed`: their turns among `total`.
    - `hidden_lanes`: lanes whose text people may not read yet. `reveals_due`: what the run's owner must reveal now.
    - `withheld_cards`: cards that tell of what was said, and so are not shown as long as any lane is hidden.
    - `outcome_stages`: stages, of turns and cards, that say what came of the run: their turns wait for no other seat to
      be shown, and follow-ups keep them longest.
    - `closing_seat`: the key of the seat that will say it, and whose share of the run's limit is kept; "": none.
    """

    wanted: tuple[Want, ...] = ()
    stage: str = ""
    outcome: str = ""
    verdict: str = ""
    voting: bool = False
    voting_before: bool = False
    total: int = 0
    total_unstreamed: int = 0
    again_at: float | None = None
    unstreamed_stages: frozenset[str] = frozenset()
    outcome_stages: frozenset[str] = frozenset()
    closing_seat: str = ""
    titles: Mapping[LaneId, str] = field(default_factory=dict)
    cards: Mapping[LaneId, str] = field(default_factory=dict)
    footers: Mapping[LaneId, str] = field(default_factory=dict)
    sections: Mapping[LaneId, tuple[Section, ...]] = field(default_factory=dict)
    controls: Mapping[LaneId, tuple[Control, ...]] = field(default_factory=dict)
    best: tuple[AnswerCard, ...] = ()
    board_lines: tuple[str, ...] = ()
    board_turn: TurnId | None = None
    vote_after: int = 0
    warnings: tuple[str, ...] = ()
    hidden_lanes: frozenset[LaneId] = frozenset()
    withheld_cards: frozenset[LaneId] = frozenset()
    reveals_due: tuple[Revealed | NamesRevealed, ...] = ()

    @property
    def full_texts(self) -> Mapping[LaneId, str]:
        """The long texts behind buttons, each as a whole."""
        return {lane: join_sections(parts) for lane, parts in self.sections.items()}


@dataclass(frozen=True, slots=True)
class SeatRules:
    """The rules for seats that join and leave, as they are now.

    `fixed`: none may, at any time. `closed`: why none may join now; "": one may. `joins`: from when on a seat that
    joins now takes part.
    """

    fixed: bool = False
    closed: str = ""
    joins: str = "now"


@dataclass(frozen=True, slots=True)
class ObjectionRules:
    """The rules for people's objections, as they are now.

    `closed`: why nobody may; "": everybody may. `answered_in`: the round that answers an objection raised now.
    `standing`: the objections that are neither answered nor being answered.
    """

    closed: str = ""
    answered_in: str = ""
    standing: tuple[Objection, ...] = ()


class Format(Protocol):
    """A format: a module with these names, listed in `bot.formats`.

    `plan` and `ask` are pure functions of what has happened. `bot.formats.common` holds what formats share: a small
    one takes `with_people` for its plan, and `fixed_seats` and `no_objections` for its rules.
    """

    @property
    def PROMPTS(self) -> tuple[str, ...]:
        """The prompts that its asks are made from."""
        ...

    @property
    def ROUNDS(self) -> tuple[int, int]:
        """The usual number of rounds, and the highest."""
        ...

    @property
    def SEATS(self) -> tuple[int, int]:
        """The lowest and the highest number of seats, chair and judge apart."""
        ...

    def plan(self, t: Transcript, now: float) -> Plan:
        """Return what should be so at wall time `now`."""
        ...

    def ask(self, t: Transcript, turn: TurnId) -> Ask:
        """Return the prompt of a turn, from the facts before it first started."""
        ...

    def seat_rules(self, t: Transcript) -> SeatRules:
        """Return whether seats may join and leave now."""
        ...

    def objection_rules(self, t: Transcript) -> ObjectionRules:
        """Return whether people may object now."""
        ...
