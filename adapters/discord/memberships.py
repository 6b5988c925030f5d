"""The servers that may use the bot, and those that somebody who writes to it directly shares with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

from adapters.common.recent import RecentDict
from adapters.discord.api import CALL_ERRORS
from bot.actions.permissions import Membership
from bot.concurrency import KeyedSemaphore, TaskGroup
from bot.errors import Refused
from bot.ports.process import Clock
from bot.settings.platforms import DiscordSettings

DIRECT = "discord:@"  # begins the key of a person's direct messages, as a server
NOT_ALLOWED = "I am not set up for this server. Whoever runs me can allow it: send them its id, {}."
FRESH_S = 300.0  # servers shared with somebody are looked up again after that
CACHE_SIZE = 5_000  # people
MAX_SHARED = 100  # servers in which somebody is looked for; those with rules of their own come first


class Memberships:
    """The servers that are allowed, and who is in them. `time`: the loop's.

    `has_rules` tells whether a server, by its id, has settings of its own.
    """

    def __init__(
        self,
        client: discord.Client,
        has_rules: Callable[[str], bool],
        settings: DiscordSettings,
        time: Clock,
    ) -> None:
        self._client = client
        self._has_rules = has_rules
        self._allow = settings.allow
        self._direct_messages = settings.direct_messages
        self._shared: RecentDict[int, tuple[Membership, ...]] = RecentDict(size=CACHE_SIZE, age_s=FRESH_S, clock=time)
        self._order = KeyedSemaphore()  # so that many messages of one person at once cost one look-up

    def is_allowed(self, guild: int) -> bool:
        """Return whether the operator lets a server use the bot."""
        return self._allow == "everyone" or str(guild) in self._allow

    def require_allowed(self, guild: int) -> None:
        """Raise Refused in a server that the operator has not allowed."""
        if not self.is_allowed(guild):
            raise Refused(NOT_ALLOWED.format(guild))

    async def find_shared(self, user: int) -> tuple[Membership, ...]:
        """Return the allowed servers that a user shares with the bot, so that their rules hold in direct messages.

        Raises Refused where these are off or for others.
        """
        if self._direct_messages == "off":
            raise Refused("I answer no direct messages: ask me in a server.")
        async with self._order.of(str(user)):
            shared = self._shared.get(user)
            if shared is None:
                shared = self._shared.put(user, await self._look_up(user))
        if not shared and self._direct_messages == "members":
            raise Refused("I answer direct messages of people who share a server with me: ask me in a server.")
        return shared

    async def list_rules(self, server: str) -> Sequence[str]:
        """Return the servers whose rules hold in a server, which may be somebody's direct messages."""
        if not server.startswith(DIRECT):
            return [server]
        try:
            shared = await self.find_shared(int(server.removeprefix(DIRECT)))
        except Refused:  # the run began while it was allowed
            return [server]
        return [member.server for member in shared] or [server]

    async def _look_up(self, user: int) -> tuple[Membership, ...]:
        guilds = [guild for guild in self._client.guilds if self.is_allowed(guild.id)]
        guilds.sort(key=lambda guild: not self._has_rules(str(guild.id)))
        async with TaskGroup() as tasks:
            looking = [tasks.create_task(_look_up_member(guild, user)) for guild in guilds[:MAX_SHARED]]
        return tuple(member for task in looking if (member := task.result()) is not None)


async def _look_up_member(guild: discord.Guild, user: int) -> Membership | None:
    """Return a user as a member of a guild; None: they are none. Raises Refused where Discord does not say."""
    try:
        member = await guild.fetch_member(user)
    except discord.NotFound:
        return None
    except CALL_ERRORS as error:
        raise Refused("I could not find out which servers we share, so I did nothing: try again.") from error
    return Membership(f"discord:{guild.id}", role_words(member), member.guild_permissions.manage_guild)


def role_words(user: discord.abc.User) -> frozenset[str]:
    """Return the roles of a user of a server, each by its id and by its name."""
    roles = [role for role in getattr(user, "roles", ()) if not role.is_default()]
    return frozenset(word for role in roles for word in (str(role.id), role.name))
