"""Changes to channels and threads, by the bot or by people, with their events."""

from __future__ import annotations

from tests.servers.discord import payloads
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.gateway import Intent
from tests.servers.discord.hub import Hub
from tests.servers.discord.world import Channel, ChannelKind, Message

THREAD_CREATED = 18  # the type of the message that announces a thread without a starter message


def add_channel(hub: Hub, channel: Channel) -> Channel:
    hub.world.channels[channel.id] = channel
    hub.gateway.emit("CHANNEL_CREATE", payloads.channel(hub.world, channel), intent=Intent.GUILDS, place=channel)
    return channel


def open_thread(
    hub: Hub,
    parent: Channel,
    owner_id: int,
    name: str,
    *,
    starter: Message | None = None,
    minutes: int = 1440,
    private: bool = False,
) -> Channel:
    """Open a thread, under its starter's id where there is one.

    Raises 160004 when the message has a thread already.
    """
    if starter is not None and starter.id in hub.world.channels:
        raise DiscordError(400, 160004, "A thread has already been created for this message")
    thread = Channel(
        hub.world.new_id() if starter is None else starter.id,
        ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD,
        name,
        guild_id=parent.guild_id,
        parent_id=parent.id,
        owner_id=owner_id,
        auto_archive_minutes=minutes,
        member_ids=[owner_id],
    )
    hub.world.channels[thread.id] = thread
    created = {**payloads.channel(hub.world, thread), "newly_created": True}
    hub.gateway.emit("THREAD_CREATE", created, intent=Intent.GUILDS, place=thread)
    return thread


def emit_update(hub: Hub, channel: Channel) -> None:
    """Emit the event of a channel or thread that was changed."""
    event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
    hub.gateway.emit(event, payloads.channel(hub.world, channel), intent=Intent.GUILDS, place=channel)


def remove(hub: Hub, channel: Channel) -> None:
    """Delete a channel or thread with its messages, its threads and its webhooks."""
    for thread in hub.world.threads_of(channel.id):
        remove(hub, thread)
    shape = payloads.channel(hub.world, channel)
    if channel.is_thread:
        kept = ("id", "type", "guild_id", "parent_id")
        hub.gateway.emit("THREAD_DELETE", {k: shape[k] for k in kept}, intent=Intent.GUILDS, place=channel)
    else:
        hub.gateway.emit("CHANNEL_DELETE", shape, intent=Intent.GUILDS, place=channel)
    del hub.world.channels[channel.id]
    hub.world.messages.pop(channel.id, None)
    hub.world.webhooks = {i: w for i, w in hub.world.webhooks.items() if w.channel_id != channel.id}


def join(hub: Hub, thread: Channel, user_id: int) -> None:
    if user_id not in thread.member_ids:
        thread.member_ids.append(user_id)
        _emit_members_update(hub, thread, added=user_id)


def leave(hub: Hub, thread: Channel, user_id: int) -> None:
    if user_id in thread.member_ids:
        thread.member_ids.remove(user_id)
        _emit_members_update(hub, thread, removed=user_id)


def _emit_members_update(hub: Hub, thread: Channel, *, added: int | None = None, removed: int | None = None) -> None:
    joined = {"id": str(thread.id), "user_id": str(added), "join_timestamp": payloads.JOINED, "flags": 0}
    event = {
        "id": str(thread.id),
        "guild_id": str(thread.guild_id),
        "member_count": len(thread.member_ids),
        "added_members": [] if added is None else [joined],
        "removed_member_ids": [] if removed is None else [str(removed)],
    }
    bot = hub.world.bot.id in (added, removed)
    hub.gateway.emit(
        "THREAD_MEMBERS_UPDATE", event, intent=Intent.GUILDS if bot else Intent.GUILD_MEMBERS, place=thread
    )


def emit_webhooks_update(hub: Hub, channel: Channel) -> None:
    event = {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)}
    hub.gateway.emit("WEBHOOKS_UPDATE", event, intent=Intent.GUILD_WEBHOOKS, place=channel)
