"""/compare"""

from __future__ import annotations

from commands.command import Command, starts
from commands.visibility import VeiledOptions

COMMAND = Command(
    ("compare",), "One question to several models at once, side by side.", VeiledOptions, starts("compare")
)
