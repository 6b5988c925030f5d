"""The world's things as JSON, in Discord's shapes.

https://docs.discord.com/developers/resources
"""

from __future__ import annotations

import datetime
import re
from typing import Any, assert_never
from urllib.parse import unquote

from tests.servers.discord.permissions import channel_permissions
from tests.servers.discord.world import (
    DISCORD_EPOCH_MS,
    Channel,
    ChannelKind,
    Guild,
    Member,
    Message,
    Role,
    Upload,
    User,
    Webhook,
    World,
)

Json = dict[str, Any]
JOINED = "2020-01-01T00:00:00+00:00"


def iso(wall_s: float) -> str:
    return datetime.datetime.fromtimestamp(wall_s, datetime.UTC).isoformat()


def creation_time(snowflake: int) -> str:
    return iso(((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000)


def user(u: User) -> Json:
    return {
        "id": str(u.id),
        "username": u.name,
        "global_name": None if u.bot else u.name,
        "discriminator": "0000",
        "avatar": None,
        "bot": u.bot,
        "public_flags": 0,
    }


def member(m: Member, u: User | None) -> Json:
    """Return a member; messages carry it without its user (`u` is None)."""
    bare: Json = {
        "roles": [str(r) for r in m.role_ids],
        "nick": None,
        "avatar": None,
        "joined_at": JOINED,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
    }
    return bare if u is None else {**bare, "user": user(u)}


def role(r: Role, position: int = 1) -> Json:
    return {
        "id": str(r.id),
        "name": r.name,
        "permissions": str(r.permissions),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": r.bot_id is not None,
        "mentionable": True,
        "flags": 0,
        **({} if r.bot_id is None else {"tags": {"bot_id": str(r.bot_id)}}),
    }


def channel(world: World, c: Channel) -> Json:
    match c.kind:
        case ChannelKind.DM:
            others = [user(world.users[i]) for i in c.member_ids if i != world.bot.id]
            return {"id": str(c.id), "type": 1, "recipients": others, "last_message_id": None, "flags": 0}
        case ChannelKind.PUBLIC_THREAD | ChannelKind.PRIVATE_THREAD:
            return _thread(world, c)
        case ChannelKind.TEXT | ChannelKind.FORUM:
            return _guild_channel(c)
        case kind:
            assert_never(kind)


def _thread(world: World, c: Channel) -> Json:
    joined = {"id": str(c.id), "user_id": str(world.bot.id), "join_timestamp": creation_time(c.id), "flags": 0}
    return {
        "id": str(c.id),
        "type": int(c.kind),
        "name": c.name,
        "guild_id": str(c.guild_id),
        "parent_id": str(c.parent_id),
        "owner_id": str(c.owner_id),
        "last_message_id": None,
        "message_count": len(world.messages[c.id]),
        "total_message_sent": len(world.messages[c.id]),
        "member_count": len(c.member_ids),
        "rate_limit_per_user": 0,
        "flags": 0,
        "thread_metadata": {
            "archived": c.archived,
            "locked": c.locked,
            "auto_archive_duration": c.auto_archive_minutes,
            "archive_timestamp": creation_time(c.id),
            "create_timestamp": creation_time(c.id),
        },
        **({"member": joined} if world.bot.id in c.member_ids else {}),
    }


def _guild_channel(c: Channel) -> Json:
    overwrites = [
        {"id": str(i), "type": int(o.member), "allow": str(o.allow), "deny": str(o.deny)}
        for i, o in c.overwrites.items()
    ]
    return {
        "id": str(c.id),
        "type": int(c.kind),
        "name": c.name,
        "guild_id": str(c.guild_id),
        "position": 0,
        "permission_overwrites": overwrites,
        "nsfw": False,
        "topic": None,
        "parent_id": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "flags": 0,
        **({"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None, "template": ""}
           if c.kind is ChannelKind.FORUM else {}),
    }  # fmt: skip


def guild(g: Guild) -> Json:
    return {
        "id": str(g.id),
        "name": g.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": str(g.owner_id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "roles": [role(r, position=int(r.id != g.id)) for r in g.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
    }


def guild_create(world: World, g: Guild) -> Json:
    """Return a guild in the gateway's fuller form, with its channels, live threads and members."""
    here = [c for c in world.channels_of(g.id) if channel_permissions(world, c, world.bot.id)]
    return {
        **guild(g),
        "joined_at": JOINED,
        "large": False,
        "unavailable": False,
        "member_count": len(g.members),
        "members": [member(m, world.users[i]) for i, m in g.members.items()],
        "channels": [channel(world, c) for c in here if not c.is_thread],
        "threads": [channel(world, c) for c in here if c.is_thread and not c.archived],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def upload(u: Upload) -> Json:
    return {
        "id": str(u.id),
        "filename": u.filename,
        "size": len(u.data),
        "content_type": u.content_type,
        "url": u.url,
        "proxy_url": u.url,
    }


def webhook(world: World, w: Webhook) -> Json:
    return {
        "id": str(w.id),
        "type": 1,
        "name": w.name,
        "avatar": None,
        "channel_id": str(w.channel_id),
        "guild_id": str(world.channels[w.channel_id].guild_id),
        "application_id": None if w.application_id is None else str(w.application_id),
        "token": w.token,
        "user": user(world.bot),
    }


def emoji(name: str) -> Json:
    """Return an emoji from its form in a path: `👍` or `name:id`, maybe percent-encoded."""
    text, _, number = unquote(name).partition(":")
    return {"id": number or None, "name": text}


def snapshot(world: World, m: Message) -> Json:
    """Return a message as a forward of it contains it: without its author."""
    kept = ("type", "content", "timestamp", "edited_timestamp", "flags", "mentions", "mention_roles", "attachments")
    data = message(world, m, quoted=False)
    return {"message": {k: data[k] for k in (*kept, "embeds", "components", "sticker_items") if k in data}}


def message(world: World, m: Message, *, quoted: bool = True) -> Json:
    """Return a message as REST answers it; the gateway adds guild and member.

    With `quoted` it contains the message that it replies to.
    """
    c = world.channels[m.channel_id]
    author = {**user(m.author), **({"avatar": None, "discriminator": "0000"} if m.webhook_id else {})}
    data: Json = {
        "id": str(m.id),
        "type": m.kind,
        "channel_id": str(m.channel_id),
        "author": author,
        "content": m.content,
        "timestamp": creation_time(m.id),
        "edited_timestamp": None if m.edited_at is None else iso(world.wall() - (world.now() - m.edited_at)),
        "tts": False,
        "mention_everyone": False,
        "mentions": [user(world.users[i]) for i in m.mentions],
        "mention_roles": re.findall(r"<@&(\d+)>", m.content),
        "attachments": [upload(u) for u in m.attachments],
        "embeds": m.embeds,
        "components": m.components,
        "pinned": False,
        "flags": m.flags,
        "reactions": [
            {
                "emoji": emoji(name),
                "count": len(by),
                "me": world.bot.id in by,
                "me_burst": False,
                "count_details": {"burst": 0, "normal": len(by)},
                "burst_colors": [],
            }
            for name, by in m.reactions.items()
        ],
    }
    if m.nonce is not None:
        data["nonce"] = m.nonce
    if m.webhook_id is not None:
        data["webhook_id"] = str(m.webhook_id)
    if m.webhook_id is not None or m.author.id == world.bot.id:
        data["application_id"] = str(world.bot.id)
    if m.id in world.channels:  # a thread that was started from a message has the message's id
        data["thread"] = channel(world, world.channels[m.id])
    data |= m.extra
    if m.reply_to is not None:
        data["message_reference"] = {"message_id": str(m.reply_to), "channel_id": str(c.id), "type": 0}
        quote = world.messages[c.id].get(m.reply_to)
        if quoted:
            data["referenced_message"] = None if quote is None else message(world, quote, quoted=False)
    return data
