"""Every surface there is, each ready for `tests/platforms/test_surface_contract.py`."""

from tests.support.surface_stages import discord, memory, slack, terminal

CASES = (*memory.CASES, *terminal.CASES, *discord.CASES, *slack.CASES)
