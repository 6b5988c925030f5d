"""/council"""

from __future__ import annotations

from bot.transcript import Mode
from commands.command import Command, RunOptions, option, starts


class CouncilOptions(RunOptions):
    mode: Mode = option("full", "answers, ranking (no synthesis) or full", more=True)


COMMAND = Command(
    ("council",),
    "Several models answer, rank each other's answers without names, and a chair sums up.",
    CouncilOptions,
    starts("council"),
)
