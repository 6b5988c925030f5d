"""Every surface there is, each ready to be played on: what `tests/test_surfaces.py` runs over."""

from tests.stages import discord, memory, slack, terminal

PLAYED = (*memory.PLAYED, *terminal.PLAYED, *discord.PLAYED, *slack.PLAYED)
