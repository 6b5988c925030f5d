"""The answer a format gives: which turns should be running now, and what its cards should read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.asks import Ask
from bot.domain.facts import NamesRevealed, Revealed
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Want:
    """A turn that should be running. `about`: the turns it is to be shown, in that order. `objection`: the number of
    the one that its round answers first; 0: none."""

    turn: TurnId
    about: tuple[TurnId, ...] = ()
    objection: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`titles`: what lanes are headed with. `cards`: messages derived from facts, rewritten as facts come.

    `hidden`: stages whose turns are not streamed, since a card tells of them. `total`: turns expected in all.
    `again_at`: wall time at which to ask again though nothing happened. `outcome`: set when the run is over.
    `verdict`: what came out of it, in a few sentences. `voting`: whether people may vote, their counts hidden.
    `notes`: what stands below a turn besides what it took. `behind`: the long text behind a card's button.
    `told`: lines for the board, of what people have done to the course of the run. `vote_after`: the round after which
    people are deciding now whether there is another one; 0: none.
    `warnings`: what went wrong without stopping the run, for the board.
    `veiled`: lanes whose words people do not read yet. `due`: what the owner is to reveal now.
    """

    wanted: tuple[Want, ...] = ()
    stage: str = ""
    outcome: str = ""
    verdict: str = ""
    voting: bool = False
    total: int = 0
    again_at: float | None = None
    unstreamed_stages: frozenset[str] = frozenset()
    titles: Mapping[LaneId, str] = field(default_factory=dict)
    cards: Mapping[LaneId, str] = field(default_factory=dict)
    footers: Mapping[LaneId, str] = field(default_factory=dict)
    full_texts: Mapping[LaneId, str] = field(default_factory=dict)
    board_lines: tuple[str, ...] = ()
    vote_after: int = 0
    warnings: tuple[str, ...] = ()
    hidden_lanes: frozenset[LaneId] = frozenset()
    reveals_due: tuple[Revealed | NamesRevealed, ...] = ()


class Format(Protocol):
    """A format is two pure functions of what has happened; a module with these names is one."""

    @property
    def PROMPTS(self) -> tuple[str, ...]:
        """The prompts that its asks are made from."""
        ...

    @property
    def ROUNDS(self) -> tuple[int, int]:
        """How many a run usually has, and at most."""
        ...

    @property
    def SEATS(self) -> tuple[int, int]:
        """How many there may be at least and at most, chair and judge apart."""
        ...

    def plan(self, t: Transcript, now: float) -> Plan: ...

    def ask(self, t: Transcript, turn: TurnId) -> Ask: ...
