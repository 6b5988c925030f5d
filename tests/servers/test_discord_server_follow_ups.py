"""Follow-ups after a deferral on the Discord wire server, with the real discord.py."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord import app_commands

from tests.support.discord_scene import open_scene


async def test_a_follow_up_is_as_private_as_the_deferral_that_it_fills_in_and_else_as_it_says() -> None:
    arrived: asyncio.Queue[discord.Interaction] = asyncio.Queue()

    def listen(client: discord.Client) -> None:
        tree = app_commands.CommandTree(client)

        @client.event
        async def setup_hook() -> None:
            await tree.sync()

        @tree.command()
        async def ask(interaction: discord.Interaction) -> None:
            await arrived.put(interaction)

    async with open_scene() as s, s.log_in(setup=listen):
        board = discord.ui.LayoutView(timeout=None).add_item(discord.ui.TextDisplay("board"))
        for private in (True, False):
            asked = await s.server.slash(s.ada, s.channel, "ask")
            interaction = await arrived.get()
            await interaction.response.defer(thinking=True, ephemeral=private)
            await interaction.followup.send("filled in", ephemeral=not private)
            await interaction.followup.send(view=board, silent=True)
            seen = await asked.answer()
            assert (seen.content, seen.ephemeral) == ("filled in", private)
            assert [(m.text, m.flags) for m in seen.followups] == [("board", 1 << 12 | 1 << 15)]
            await interaction.delete_original_response()
            await interaction.followup.send("by itself", ephemeral=not private)
            assert (seen.followups[-1].text, seen.followups[-1].ephemeral) == ("by itself", not private)
            with pytest.raises(discord.HTTPException) as refused:
                await interaction.followup.edit_message(seen.followups[0].id, content="no components any more")
            assert refused.value.code == 50035
