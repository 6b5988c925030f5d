"""Notices to a server's owner about permissions without which Moot does less."""

from __future__ import annotations

import discord
import structlog

from adapters.discord.api import CALL_ERRORS
from adapters.discord.permissions import missing_permissions
from bot.ports import DocumentStore

log = structlog.get_logger()


class OwnerNotices:
    """Notices about missing permissions: each once, also across restarts, since they are noted in `documents`."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def notify(self, guild: discord.Guild, granted: discord.Permissions) -> None:
        """Write to the owner about each missing permission that the owner has not been told of."""
        lacking = [p for p in missing_permissions(granted) if not p.needed]
        noted = await self._documents.documents(f"discord/told/{guild.id}/") if lacking else {}
        news = [p for p in lacking if f"discord/told/{guild.id}/{p.flag}" not in noted]
        if not news:
            return
        for p in news:
            await self._documents.put(f"discord/told/{guild.id}/{p.flag}", True)
        lines = "\n".join(f"- **{p.label}**: without it {p.without}." for p in news)
        try:
            owner = guild.owner or await guild.fetch_member(guild.owner_id or 0)
            await owner.send(f"In “{guild.name}” I lack permissions that would make me better:\n{lines}", silent=True)
        except CALL_ERRORS as error:
            log.info("the owner cannot be told what is missing", guild=guild.id, reason=str(error))
