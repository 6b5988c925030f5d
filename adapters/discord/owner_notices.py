"""Notices to a server's owner: permissions without which Moot does less, and that it is not set up for the server."""

from __future__ import annotations

import discord
import structlog

from adapters.discord.api import CALL_ERRORS
from adapters.discord.dialect import DiscordDialect
from adapters.discord.permissions import missing_permissions
from bot.ports.store import DocumentStore

log = structlog.get_logger()


class OwnerNotices:
    """Notices to owners: each once, also across restarts, since they are noted in `documents`."""

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
        await _tell_owner(guild, f"In “{_plain(guild.name)}” I lack permissions that would make me better:\n{lines}")

    async def refuse(self, guild: discord.Guild, why: str) -> None:
        """Write to the owner of a server that has invited the bot, and may not use it."""
        log.warning("a server that is not allowed has invited the bot", guild=guild.id)
        key = f"discord/told/{guild.id}/allow"
        if key not in await self._documents.documents(key):
            await self._documents.put(key, True)
            await _tell_owner(guild, f"In “{_plain(guild.name)}” I answer nobody yet. {why}")


async def _tell_owner(guild: discord.Guild, text: str) -> None:
    try:
        owner = guild.owner or await guild.fetch_member(guild.owner_id or 0)
        await owner.send(text, silent=True)
    except CALL_ERRORS as error:
        log.info("the owner cannot be told", guild=guild.id, reason=str(error))


def _plain(name: str) -> str:
    return DiscordDialect().text(name)
