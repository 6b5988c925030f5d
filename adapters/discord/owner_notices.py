"""A server's owner is told once of each permission without which Moot does less."""

from __future__ import annotations

import discord
import structlog

from adapters.discord.api import UNANSWERED
from adapters.discord.permissions import missing
from bot.ports import DocumentStore

log = structlog.get_logger()


class OwnerNotices:
    """What was told stands on the shelf, so that a restart does not tell it again."""

    def __init__(self, shelf: DocumentStore) -> None:
        self._shelf = shelf

    async def tell(self, guild: discord.Guild, granted: discord.Permissions) -> None:
        lacking = [p for p in missing(granted) if not p.needed]
        told = await self._shelf.documents(f"discord/told/{guild.id}/") if lacking else {}
        news = [p for p in lacking if f"discord/told/{guild.id}/{p.flag}" not in told]
        if not news:
            return
        for p in news:
            await self._shelf.put(f"discord/told/{guild.id}/{p.flag}", True)
        lines = "\n".join(f"- **{p.label}**: without it {p.without}." for p in news)
        try:
            owner = guild.owner or await guild.fetch_member(guild.owner_id or 0)
            await owner.send(f"In “{guild.name}” I lack permissions that would make me better:\n{lines}", silent=True)
        except UNANSWERED as error:
            log.info("the owner cannot be told what is missing", guild=guild.id, reason=str(error))
