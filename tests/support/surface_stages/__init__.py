"""Every surface there is, each ready to be played on: what `tests/platforms/test_surface_contract.py` runs over."""

from tests.support.surface_stages import discord, memory, slack, terminal

CASES = (*memory.CASES, *terminal.CASES, *discord.CASES, *slack.CASES)
