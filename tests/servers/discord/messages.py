"""Changes to messages, by the bot or by people, with their checks, pings and events."""

from __future__ import annotations

import re
from typing import Any

from tests.servers.discord import payloads
from tests.servers.discord.checks import check_message
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.gateway import Intent
from tests.servers.discord.hub import Hub
from tests.servers.discord.permissions import P, channel_permissions
from tests.servers.discord.world import EPHEMERAL, LOADING, SILENT, V2, Channel, Edit, Message, Upload, User, walk

Json = dict[str, Any]
USER, ROLE, EVERYONE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>"), re.compile(r"@(everyone|here)")
_SETTABLE = 1 << 2 | SILENT | V2 | EPHEMERAL | LOADING  # flags that a request may give; Discord ignores others


def post(
    hub: Hub,
    channel: Channel,
    author: User,
    body: Json,
    uploads: list[Upload],
    *,
    webhook_id: int | None = None,
    under: int | None = None,
    extra: Json | None = None,
) -> Message:
    """Post a message, and show it to everybody unless it is ephemeral.

    `under` is its id where that is not new, `extra` what its JSON has besides. Raises 50035, 50006, 160005.
    """
    world = hub.world
    reference = body.get("message_reference") or {}
    message = Message(
        id=0,
        channel_id=channel.id,
        author=author,
        content=body.get("content") or "",
        created_at=world.now(),
        embeds=_mark_as_rich(body.get("embeds") or []),
        components=_number_components(body.get("components") or []),
        attachments=uploads,
        flags=(body.get("flags") or 0) & _SETTABLE,
        webhook_id=webhook_id,
        avatar_url=body.get("avatar_url"),
        allowed_mentions=body.get("allowed_mentions"),
        reply_to=int(reference["message_id"]) if reference else None,
        nonce=body.get("nonce"),
        kind=19 if reference else 0,
        extra=extra or {},
    )
    if not message.flags & LOADING and not message.extra:
        check_message(message)
    reopen(hub, channel, author.id)
    message.id = under or world.new_id()
    message.attachments = hub.store_uploads(channel, uploads)
    message.mentions, message.notified = _resolve_pings(hub, channel, message)
    world.messages[channel.id][message.id] = message
    if not message.ephemeral:
        emit_creation(hub, message)
    return message


def emit_creation(hub: Hub, message: Message) -> None:
    """Emit the gateway's event of a new message."""
    channel = hub.world.channel(message.channel_id)
    hub.emit_message("MESSAGE_CREATE", _message_with_member(hub, channel, message), channel)


def announce(hub: Hub, channel: Channel, author: User, kind: int, content: str) -> None:
    """Post a message of Discord's own, such as the one that announces a new thread."""
    message = Message(hub.world.new_id(), channel.id, author, content, hub.world.now(), kind=kind)
    hub.world.messages[channel.id][message.id] = message
    emit_creation(hub, message)


def edit(hub: Hub, message: Message, body: Json, uploads: list[Upload]) -> None:
    """Change the fields that `body` names, and keep what the message read before.

    Components V2 cannot be taken back. Raises as `post`.
    """
    channel = hub.world.channel(message.channel_id)
    before = Edit(hub.world.now(), message.content, message.embeds, message.components)
    kept = body.get("attachments")
    wanted = Message(
        id=message.id,
        channel_id=channel.id,
        author=message.author,
        content=(body["content"] or "") if "content" in body else message.content,
        created_at=message.created_at,
        embeds=_mark_as_rich(body["embeds"] or []) if "embeds" in body else message.embeds,
        components=_number_components(body["components"] or []) if "components" in body else message.components,
        attachments=message.attachments if kept is None else _remaining_uploads(message, kept),
        flags=_merge_flags(message.flags, body.get("flags")),
    )
    wanted.attachments = [*wanted.attachments, *uploads]
    check_message(wanted)
    message.edits.append(before)
    message.edited_at = before.at
    message.content, message.embeds, message.components = wanted.content, wanted.embeds, wanted.components
    message.flags = wanted.flags
    message.attachments = [a for a in wanted.attachments if a.id] + hub.store_uploads(channel, uploads)
    if "allowed_mentions" in body:
        message.allowed_mentions = body["allowed_mentions"]
    if not message.ephemeral:
        hub.emit_message("MESSAGE_UPDATE", _message_with_member(hub, channel, message), channel)


def show_preview(hub: Hub, message: Message, embed: Json) -> None:
    """Show what a link in a message leads to, which edits nothing."""
    message.embeds = [*message.embeds, {**embed, "type": "article"}]
    channel = hub.world.channel(message.channel_id)
    hub.emit_message("MESSAGE_UPDATE", _message_with_member(hub, channel, message), channel)


def delete(hub: Hub, message: Message) -> None:
    channel = hub.world.channel(message.channel_id)
    del hub.world.messages[channel.id][message.id]
    if not message.ephemeral:
        hub.emit_message("MESSAGE_DELETE", {"id": str(message.id), "channel_id": str(channel.id)}, channel)


def react(hub: Hub, message: Message, emoji: str, user_id: int, *, add: bool) -> None:
    """Add or remove a reaction; do nothing where it is already so.

    Raises 30010 above 20 distinct emoji.
    """
    channel = hub.world.channel(message.channel_id)
    by = message.reactions.get(emoji, [])
    if (user_id in by) == add:
        return
    if add:
        if not by and len(message.reactions) >= 20:
            raise DiscordError(400, 30010, "Maximum number of reactions reached (20)")
        message.reactions[emoji] = [*by, user_id]
    elif len(by) == 1:
        del message.reactions[emoji]
    else:
        message.reactions[emoji] = [u for u in by if u != user_id]
    event: Json = {
        "user_id": str(user_id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "emoji": payloads.emoji(emoji),
        "message_author_id": str(message.author.id),
        "burst": False,
        "type": 0,
    }
    if add and channel.guild_id is not None:
        guild = hub.world.guild(channel.guild_id)
        event["member"] = payloads.member(guild.members[user_id], hub.world.user(user_id))
    hub.emit_message(f"MESSAGE_REACTION_{'ADD' if add else 'REMOVE'}", event, channel, reaction=True)


def require_open(channel: Channel) -> None:
    """Raise 50083 in an archived thread, where nothing can be changed."""
    if channel.archived:
        raise DiscordError(400, 50083, "Thread is archived")


def reopen(hub: Hub, channel: Channel, user_id: int) -> None:
    """Open an archived thread again for a post. Raises 160005 in a locked one, where only moderators may post."""
    if channel.locked and P.MANAGE_THREADS not in channel_permissions(hub.world, channel, user_id):
        raise DiscordError(400, 160005, "Thread is locked")
    if channel.archived:
        channel.archived = False
        place = payloads.channel(hub.world, channel)
        hub.gateway.emit("THREAD_UPDATE", place, intent=Intent.GUILDS, place=channel)


def _message_with_member(hub: Hub, channel: Channel, message: Message) -> Json:
    data = payloads.message(hub.world, message)
    guild = hub.world.guilds.get(channel.guild_id or 0)
    if guild is not None and message.webhook_id is None and message.author.id in guild.members:
        data["member"] = payloads.member(guild.members[message.author.id], None)
    return data


def _mark_as_rich(embeds: list[Json]) -> list[Json]:
    return [{"type": "rich", **embed} for embed in embeds]


def _number_components(components: list[Json]) -> list[Json]:
    """Return the components with ids, in reading order; an id from the request stays."""
    counter = iter(range(1, 10_000))

    def number(component: Json) -> Json:
        copy = {"id": component.get("id") or next(counter), **component}
        if copy.get("components"):
            copy["components"] = [number(c) for c in copy["components"]]
        if copy.get("accessory"):
            copy["accessory"] = number(copy["accessory"])
        return copy

    return [number(c) for c in components]


def _merge_flags(now: int, asked: int | None) -> int:
    """Return the flags of a message after an edit.

    An edit may hide embeds, show them again, or turn a message into Components V2. It ends the loading of an answer.
    """
    if asked is None:
        return now & ~LOADING
    return (now & ~(LOADING | 1 << 2)) | (asked & (V2 | 1 << 2))


def _remaining_uploads(message: Message, kept: list[Json]) -> list[Upload]:
    ids = {int(k["id"]) for k in kept}
    return [a for a in message.attachments if a.id in ids]


def _resolve_pings(hub: Hub, channel: Channel, message: Message) -> tuple[list[int], list[int]]:
    """Return the users named in a message, and those who are really pinged.

    Embeds never ping, and a silent message mentions without a ping.

    https://docs.discord.com/developers/resources/message#allowed-mentions-object
    """
    shown = [message.content, *(c["content"] for c in walk(message.components) if c["type"] == 10)]
    text = "\n".join(shown)
    allowed = message.allowed_mentions
    parse = ["users", "roles", "everyone"] if allowed is None else allowed.get("parse") or []
    users = {int(u) for u in USER.findall(text)} & hub.world.users.keys()
    if "users" not in parse:
        users &= {int(u) for u in (allowed or {}).get("users") or []}
    replied = hub.world.messages[channel.id].get(message.reply_to or 0)
    if replied is not None and (allowed is None or allowed.get("replied_user")):
        users |= {replied.author.id} & hub.world.users.keys()
    reached = set(users)
    guild = hub.world.guilds.get(channel.guild_id or 0)
    if guild is not None:
        roles = {int(r) for r in ROLE.findall(text)}
        if "roles" not in parse:
            roles &= {int(r) for r in (allowed or {}).get("roles") or []}
        if roles:
            reached |= {i for i, m in guild.members.items() if roles & set(m.role_ids)}
        may = message.webhook_id is not None or P.MENTION_EVERYONE in channel_permissions(
            hub.world, channel, message.author.id
        )
        if EVERYONE.search(text) and "everyone" in parse and may:
            reached |= guild.members.keys()
    reached.discard(message.author.id)
    return sorted(users), [] if message.flags & (SILENT | EPHEMERAL) else sorted(reached)
