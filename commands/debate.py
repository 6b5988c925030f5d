"""/debate"""

from __future__ import annotations

from commands.command import Command, RunOptions, option, starts


class DebateOptions(RunOptions):
    rounds: int | None = option(None, "how many rounds; three where left out", ge=1, le=6)


COMMAND = Command(("debate",), "Models argue in rounds, and a judge decides.", DebateOptions, starts("debate"))
