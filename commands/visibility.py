"""The options that decide when people see answers and names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from pydantic import field_validator

from bot.actions.request import RunRequest
from bot.domain.run import Reveal, Visibility
from commands.command import Here, SearchOptions, option

REVEAL = "live; or hidden until all are done, then together or staggered; or on demand, by a button"
BLIND = "nobody knows who speaks until the vote has closed"
GUESS = "people guess meanwhile who is who; blind, then"


class VisibilityOptions(SearchOptions):
    FORM: ClassVar[tuple[str, ...]] = (*SearchOptions.FORM, "reveal", "blind", "guess")

    reveal: Reveal = option("live", REVEAL)
    blind: bool = option(False, BLIND)
    guess: bool = option(False, GUESS)

    @field_validator("reveal", mode="before")
    @classmethod
    def _as_said(cls, value: Any) -> Any:
        """Accept "On demand" and "on-demand", as people type it."""
        return value.strip().lower().removeprefix("on").strip(" -") if isinstance(value, str) else value

    def make_request(self, format: str, here: Here) -> RunRequest:
        veil = Visibility(self.reveal, self.blind or self.guess, self.guess)
        return replace(super().make_request(format, here), veil=veil)
