"""/council"""

from __future__ import annotations

from commands.command import Command, RunOptions, starts

COMMAND = Command(
    ("council",),
    "Several models answer, rank each other's answers without names, and a chair sums up.",
    RunOptions,
    starts("council"),
)
