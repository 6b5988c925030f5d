"""/compare"""

from __future__ import annotations

from commands.command import Command, RunOptions, starts

COMMAND = Command(("compare",), "One question to several models at once, side by side.", RunOptions, starts("compare"))
