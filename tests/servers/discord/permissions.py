"""Permissions of people in guilds and channels, computed from roles and overwrites as Discord does.

The algorithm and the bits: https://docs.discord.com/developers/topics/permissions
"""

from __future__ import annotations

import enum

from tests.servers.discord import errors
from tests.servers.discord.world import Channel, Guild, Overwrite, World


class P(enum.IntFlag):
    """The permissions that a bot of this kind meets, under Discord's own names."""

    KICK_MEMBERS = 1 << 1
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    PIN_MESSAGES = 1 << 51


NOTHING = P(0)
ALL = ~NOTHING
EVERYBODY = (  # the permissions of @everyone in a new guild
    P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.SEND_MESSAGES_IN_THREADS
    | P.CREATE_PUBLIC_THREADS
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.ADD_REACTIONS
    | P.READ_MESSAGE_HISTORY
    | P.USE_APPLICATION_COMMANDS
)
BOT = EVERYBODY | P.MANAGE_WEBHOOKS | P.MANAGE_THREADS | P.MANAGE_MESSAGES | P.CREATE_PRIVATE_THREADS
DM = P.VIEW_CHANNEL | P.SEND_MESSAGES | P.EMBED_LINKS | P.ATTACH_FILES | P.ADD_REACTIONS | P.READ_MESSAGE_HISTORY


def parse_permissions(*names: str) -> P:
    """Return the bits of these names, in any case. Raises KeyError for a name that is not here."""
    bits = P(0)
    for name in names:
        bits |= P[name.upper()]
    return bits


def guild_permissions(guild: Guild, user_id: int) -> P:
    """Return a person's permissions in a guild, apart from any channel. Raises 10007 for a non-member."""
    if user_id == guild.owner_id:
        return ALL
    member = guild.members.get(user_id)
    if member is None:
        raise errors.unknown_member()
    bits = P(guild.roles[guild.id].permissions)
    for role_id in member.role_ids:
        bits |= P(guild.roles[role_id].permissions)
    return ALL if P.ADMINISTRATOR in bits else bits


def channel_permissions(world: World, channel: Channel, user_id: int) -> P:
    """Return a person's permissions in a channel, or in a thread by the overwrites of its parent.

    Nobody may do anything in a channel that they cannot see.
    """
    if channel.guild_id is None:
        return DM if user_id in channel.member_ids else P(0)
    guild = world.guild(channel.guild_id)
    if user_id not in guild.members:
        return P(0)
    bits = guild_permissions(guild, user_id)
    if bits == ALL:
        return bits
    overwrites = world.channels.get(channel.parent_id or 0, channel).overwrites
    roles = [o for i, o in overwrites.items() if i in guild.members[user_id].role_ids]
    layers = [[overwrites.get(guild.id, Overwrite())], roles, [overwrites.get(user_id, Overwrite())]]
    for layer in layers:  # @everyone, then all roles together, then the member
        denied = allowed = P(0)
        for overwrite in layer:
            denied |= P(overwrite.deny)
            allowed |= P(overwrite.allow)
        bits = (bits & ~denied) | allowed
    return bits if P.VIEW_CHANNEL in bits else P(0)


def require(world: World, channel: Channel, user_id: int, needed: P) -> None:
    """Raise 50001 where the person cannot see the channel, 50013 where they lack a permission in it."""
    held = channel_permissions(world, channel, user_id)
    if P.VIEW_CHANNEL not in held:
        raise errors.missing_access()
    if needed & ~held:
        raise errors.missing_permissions()


def require_send(world: World, channel: Channel, user_id: int, also: P = NOTHING) -> None:
    """Raise as `require` unless the person may post here; a thread asks for a permission of its own."""
    require(world, channel, user_id, (P.SEND_MESSAGES_IN_THREADS if channel.is_thread else P.SEND_MESSAGES) | also)
