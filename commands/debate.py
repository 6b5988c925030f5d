"""The command /debate."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.actions.request import RunRequest
from bot.domain.run import SIDES, DebateRules, Form, Next, Reveal, Search
from commands.command import SEARCH, Command, Here, make_start_handler, option
from commands.visibility import BLIND, GUESS, REVEAL, VisibilityOptions

AUTO = "auto"  # instead of personas: the judge writes some that fit
ASSIGNED = "assigned"  # instead of positions: for and against, in turn


class DebateOptions(VisibilityOptions):
    FORM = (
        *("question", "form", "models", "positions", "personas", "rounds", "next", "chair", "early"),
        *("search", "reveal", "blind", "guess"),
    )

    form: Form = option("simultaneous", "simultaneous, turns, oxford, advocate (the devil's) or free", more=True)
    positions: str = option(
        "", "what the seats in turn defend, with semicolons; or assigned: for, against; else they choose", more=True
    )
    personas: str = option(
        "",
        "of those seats in turn, with commas: from the library or your words; or auto, by topic",
        suggest="personas",
        more=True,
    )
    rounds: int | None = option(None, "how many rounds; three where left out", ge=1, le=6)
    next: Next = option("at once", "how the next round comes: at once, or by vote after each round", more=True)
    early: bool | None = option(
        None, "yes or no: end once they agree or say nothing new; yes from three rounds on", more=True
    )

    # a debate has options enough to see at once
    search: Search | None = option(None, SEARCH, more=True)
    reveal: Reveal = option("live", REVEAL, more=True)
    blind: bool = option(False, BLIND, more=True)
    guess: bool = option(False, GUESS, more=True)

    def make_request(self, format: str, here: Here) -> RunRequest:
        auto = self.personas.strip().lower() == AUTO
        options = self.model_copy(update={"personas": ""}) if auto else self
        how = DebateRules(self.form, _read_positions(self.positions), auto, self.early, next=self.next)
        return replace(super(DebateOptions, options).make_request(format, here), debating=how)


def _read_positions(written: str) -> tuple[str, ...]:
    """Read positions, divided by semicolons or lines, or else by commas."""
    if written.strip().lower() == ASSIGNED:
        return SIDES
    parts = re.split(r"[;\n]" if re.search(r"[;\n]", written.strip()) else ",", written)
    return tuple(part.strip() for part in parts if part.strip())


COMMAND = Command(
    ("debate",), "Models argue in rounds, and a judge decides.", DebateOptions, make_start_handler("debate")
)
