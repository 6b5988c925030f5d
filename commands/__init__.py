"""Commands, each declared once: its options, help and handler. Adapters render these and add none."""

from __future__ import annotations

from commands import (
    compare,
    cost,
    council,
    debate,
    help,
    key,
    leaderboard,
    me,
    panel,
    pipeline,
    runs,
    steer,
    summarise,
)
from commands.command import Command

COMMANDS: tuple[Command, ...] = (
    council.COMMAND,
    debate.COMMAND,
    compare.COMMAND,
    *panel.COMMANDS,
    *pipeline.COMMANDS,
    summarise.COMMAND,
    *runs.COMMANDS,
    help.COMMAND,
    cost.COMMAND,
    leaderboard.COMMAND,
    *key.COMMANDS,
    *me.COMMANDS,
    *steer.COMMANDS,
)
