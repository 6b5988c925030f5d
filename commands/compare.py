"""The command /compare."""

from __future__ import annotations

from commands.command import Command, make_start_handler
from commands.visibility import VisibilityOptions

COMMAND = Command(
    ("compare",),
    "One question to several models at once, side by side.",
    VisibilityOptions,
    make_start_handler("compare"),
)
