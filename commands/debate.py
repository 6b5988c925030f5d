"""/debate"""

from __future__ import annotations

from commands.command import Command, RunOptions, starts

COMMAND = Command("debate", "Several models argue in rounds, and a judge decides.", RunOptions, starts("debate"))
