"""The building of a scene and the reading of its state, as methods of a script."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import payloads, threads
from tests.servers.discord.base import Base
from tests.servers.discord.contract import Violation
from tests.servers.discord.gateway import Connect, Intent
from tests.servers.discord.permissions import BOT, EVERYBODY, P, parse_permissions
from tests.servers.discord.routing import Request
from tests.servers.discord.world import (
    Channel,
    ChannelKind,
    Guild,
    Member,
    Message,
    Overwrite,
    Ref,
    Role,
    User,
    Webhook,
    id_of,
)


class Scene(Base):
    async def create_user(self, name: str, bot: bool = False) -> User:
        user = User(self.hub.world.new_id(), name, bot)
        self.hub.world.users[user.id] = user
        return user

    async def create_guild(self, name: str = "Moot", owner: Ref | None = None) -> Guild:
        """Create a guild with @everyone's usual permissions, an owner, and the bot with all rights it needs."""
        world = self.hub.world
        number = world.new_id()
        owner_id = (await self.create_user("owner")).id if owner is None else id_of(owner)
        guild = Guild(number, name, owner_id)
        guild.roles[number] = Role(number, "@everyone", int(EVERYBODY))
        bots = Role(world.new_id(), world.bot.name, int(BOT), world.bot.id)
        guild.roles[bots.id] = bots
        guild.members = {owner_id: Member(owner_id), world.bot.id: Member(world.bot.id, [bots.id])}
        world.guilds[number] = guild
        joined = payloads.guild_create(world, guild)
        del joined["unavailable"]  # by which Discord tells a guild that was joined from one that came back
        self.hub.gateway.emit("GUILD_CREATE", joined, intent=Intent.GUILDS, place=guild)
        return guild

    async def create_member(self, guild: Ref, name: str, *roles: Ref) -> User:
        """Create a new person in this guild."""
        user = await self.create_user(name)
        await self.join_guild(guild, user, *roles)
        return user

    async def join_guild(self, guild: Ref, user: Ref, *roles: Ref) -> None:
        found, person = self.hub.world.guild(id_of(guild)), self.hub.world.user(id_of(user))
        member = Member(person.id, [id_of(r) for r in roles])
        found.members[person.id] = member
        event = {**payloads.member(member, person), "guild_id": str(found.id)}
        self.hub.gateway.emit("GUILD_MEMBER_ADD", event, intent=Intent.GUILD_MEMBERS, place=found)

    async def create_role(self, guild: Ref, name: str, *permissions: str) -> Role:
        found = self.hub.world.guild(id_of(guild))
        role = Role(self.hub.world.new_id(), name, int(parse_permissions(*permissions)))
        found.roles[role.id] = role
        self._emit_role("GUILD_ROLE_CREATE", found, role)
        return role

    async def edit_role(self, guild: Ref, role: Ref, *permissions: str) -> None:
        """Give a role exactly these permissions; @everyone has the guild's id."""
        found = self.hub.world.guild(id_of(guild))
        changed = found.roles[id_of(role)]
        changed.permissions = int(parse_permissions(*permissions))
        self._emit_role("GUILD_ROLE_UPDATE", found, changed)

    def _emit_role(self, event: str, guild: Guild, role: Role) -> None:
        data = {"guild_id": str(guild.id), "role": payloads.role(role)}
        self.hub.gateway.emit(event, data, intent=Intent.GUILDS, place=guild)

    async def give_roles(self, guild: Ref, user: Ref, *roles: Ref) -> None:
        """Give a member exactly these roles.

        The bot hears of its own roles with the GUILDS intent alone.
        """
        found, person = self.hub.world.guild(id_of(guild)), self.hub.world.user(id_of(user))
        found.members[person.id].role_ids = [id_of(r) for r in roles]
        event = {**payloads.member(found.members[person.id], person), "guild_id": str(found.id)}
        intent = Intent.GUILDS if person.id == self.hub.world.bot.id else Intent.GUILD_MEMBERS
        self.hub.gateway.emit("GUILD_MEMBER_UPDATE", event, intent=intent, place=found)

    async def create_channel(self, guild: Ref, name: str = "general") -> Channel:
        return self._add_channel(id_of(guild), name, ChannelKind.TEXT)

    async def create_forum(self, guild: Ref, name: str = "forum") -> Channel:
        return self._add_channel(id_of(guild), name, ChannelKind.FORUM)

    def _add_channel(self, guild_id: int, name: str, kind: ChannelKind) -> Channel:
        found = self.hub.world.guild(guild_id)
        return threads.add_channel(self.hub, Channel(self.hub.world.new_id(), kind, name, guild_id=found.id))

    async def deny(self, channel: Ref, *permissions: str, whom: Ref | None = None) -> None:
        """Take permissions away in a channel, from the bot or from `whom` (a person or a role)."""
        self._set_overwrite(id_of(channel), whom, parse_permissions(*permissions), allow=False)

    async def allow(self, channel: Ref, *permissions: str, whom: Ref | None = None) -> None:
        """Give permissions in a channel, to the bot or to `whom`."""
        self._set_overwrite(id_of(channel), whom, parse_permissions(*permissions), allow=True)

    def _set_overwrite(self, channel_id: int, whom: Ref | None, bits: P, *, allow: bool) -> None:
        channel = self.hub.world.channel(channel_id)
        number = self.hub.world.bot.id if whom is None else id_of(whom)
        held = channel.overwrites.setdefault(number, Overwrite(member=number in self.hub.world.users))
        held.allow = int(P(held.allow) | bits if allow else P(held.allow) & ~bits)
        held.deny = int(P(held.deny) & ~bits if allow else P(held.deny) | bits)
        threads.emit_update(self.hub, channel)

    # the state of the scene

    async def messages(self, channel: Ref) -> list[Message]:
        """Return a channel's messages in order, without ephemeral ones."""
        return [m for m in self.hub.world.messages[id_of(channel)].values() if not m.ephemeral]

    async def message(self, message: Ref) -> Message:
        """Return a message as it reads now. Raises DiscordError 10008 when it is gone."""
        return self.hub.world.find_message(id_of(message))

    async def channel(self, channel: Ref) -> Channel:
        return self.hub.world.channel(id_of(channel))

    async def threads(self, channel: Ref) -> list[Channel]:
        return self.hub.world.threads_of(id_of(channel))

    async def webhooks(self, channel: Ref) -> list[Webhook]:
        return [w for w in self.hub.world.webhooks.values() if w.channel_id == id_of(channel)]

    async def commands(self, guild: Ref | None = None) -> list[dict[str, Any]]:
        """Return the commands registered for this guild, or the global ones."""
        return self.hub.commands.get(None if guild is None else id_of(guild), [])

    async def read_requests(self, after: int = 0) -> list[Request]:
        """Return the log from its entry number `after` on."""
        return self.router.log[after:]

    async def read_violations(self) -> list[Violation]:
        return self.router.violations

    async def connects(self) -> list[Connect]:
        """Return the gateway connections that have identified or resumed, in order."""
        return self.hub.gateway.connects
