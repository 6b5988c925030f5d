"""How a debate is held, as it was asked for: part of a run's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["simultaneous", "turns", "oxford", "advocate", "free"]
Next = Literal["at once", "vote"]  # how the next round comes

SIDES = ("for", "against")  # what positions are when they are assigned
CRITERIA = ("argument", "evidence", "rebuttal", "clarity")  # what a judge scores


@dataclass(frozen=True, slots=True)
class Debating:
    """`positions` are dealt to the seats in panel order, again from the first when they run out; none: every seat
    chooses its own. `cast`: the judge writes personas that fit the topic. `watch`: after each round the judge is asked
    whether to go on; None: in debates of more than two rounds. `criteria`: what the judge scores; none: no scores.
    `next`: whether people vote after each round if another one follows."""

    form: Form = "simultaneous"
    positions: tuple[str, ...] = ()
    cast: bool = False
    watch: bool | None = None
    criteria: tuple[str, ...] = CRITERIA
    next: Next = "at once"
