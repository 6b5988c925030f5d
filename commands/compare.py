"""/compare"""

from __future__ import annotations

from commands.command import Command, SearchOptions, starts

COMMAND = Command(
    ("compare",), "One question to several models at once, side by side.", SearchOptions, starts("compare")
)
