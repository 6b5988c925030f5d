"""The command /council."""

from __future__ import annotations

from dataclasses import replace

from bot.actions.request import RunRequest
from bot.domain.run import Mode
from commands.command import Command, Here, make_start_handler, option
from commands.visibility import VisibilityOptions


class CouncilOptions(VisibilityOptions):
    FORM = ("question", "mode", "models", "personas", "chair", "search", "reveal", "blind", "guess")

    mode: Mode = option("full", "answers, ranking (no synthesis) or full", more=True)

    def make_request(self, format: str, here: Here) -> RunRequest:
        return replace(super().make_request(format, here), mode=self.mode)


COMMAND = Command(
    ("council",),
    "Several models answer, rank each other's answers without names, and a chair sums up.",
    CouncilOptions,
    make_start_handler("council"),
)
