"""Routes of messages and reactions in channels."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.servers.discord import errors, messages, payloads
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.permissions import P, require, require_send
from tests.servers.discord.routing import Call, Route, snowflake
from tests.servers.discord.world import ChannelKind, Message

OLD_S = 3600.0
NONCE_S = 180.0  # Discord says "the past few minutes"


def create(call: Call) -> Any:
    """Post a message, or return the earlier one that had the same enforced nonce."""
    channel = call.channel
    if channel.kind is ChannelKind.FORUM:
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    also = P.ATTACH_FILES if call.uploads else P(0)
    reference = (call.body.get("message_reference") or {}).get("message_id")
    if reference is not None:
        also |= P.READ_MESSAGE_HISTORY
    require_send(call.hub.world, channel, call.me, also)
    if reference is not None and int(reference) not in call.hub.world.messages[channel.id]:
        raise errors.invalid_form([errors.Problem("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")])
    key = (channel.id, str(call.body.get("nonce")))
    before = call.hub.nonces.get(key) if call.body.get("enforce_nonce") else None
    if before is not None and call.hub.world.now() - before[0] < NONCE_S:
        return payloads.message(call.hub.world, call.hub.world.message(channel.id, before[1]))
    message = messages.post(call.hub, channel, call.hub.world.bot, call.body, call.uploads)
    call.hub.nonces[key] = (call.hub.world.now(), message.id)
    return payloads.message(call.hub.world, message)


def get(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P.READ_MESSAGE_HISTORY)
    return payloads.message(call.hub.world, _find_message(call))


def history(call: Call) -> Any:
    """Return a channel's messages, the newest first."""
    require(call.hub.world, call.channel, call.me, P.READ_MESSAGE_HISTORY)
    found = [m for m in call.hub.world.messages[call.channel.id].values() if not m.ephemeral]
    limit = int(call.query.get("limit", 50))
    edge = {k: snowflake(call.query[k], k) for k in ("before", "after", "around") if k in call.query}
    if "after" in edge:
        found = [m for m in found if m.id > edge["after"]][:limit]
    elif "around" in edge:
        found = sorted(sorted(found, key=lambda m: abs(m.id - edge["around"]))[:limit], key=lambda m: m.id)
    else:
        found = [m for m in found if m.id < edge.get("before", m.id + 1)][-limit:]
    return [payloads.message(call.hub.world, m) for m in reversed(found)]


def edit(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P(0))
    message = _find_message(call)
    others = message.author.id != call.me
    if others and (set(call.body) - {"flags"} or not call.body):
        raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
    if others:
        require(call.hub.world, call.channel, call.me, P.MANAGE_MESSAGES)
    messages.require_open(call.channel)
    spend_old_edit(call, message)
    messages.edit(call.hub, message, call.body, call.uploads)
    return payloads.message(call.hub.world, message)


def spend_old_edit(call: Call, message: Message) -> None:
    """Spend a call of the channel's limit on edits where the message is older than an hour."""
    if call.hub.world.now() - message.created_at > OLD_S:
        call.hub.buckets.take_old_edit(message.channel_id)


def delete(call: Call) -> Any:
    message = _find_message(call)
    require(call.hub.world, call.channel, call.me, P(0) if message.author.id == call.me else P.MANAGE_MESSAGES)
    messages.require_open(call.channel)
    messages.delete(call.hub, message)
    return None


def bulk_delete(call: Call) -> Any:
    """Delete 2 to 100 messages; those that are gone already do not matter."""
    channel = call.channel
    require(call.hub.world, channel, call.me, P.MANAGE_MESSAGES)
    if not 2 <= len(call.body["messages"]) <= 100:
        raise DiscordError(400, 50016, "Provided too few or too many messages to delete (2 to 100)")
    for number in map(int, call.body["messages"]):
        if number in call.hub.world.messages[channel.id]:
            messages.delete(call.hub, call.hub.world.message(channel.id, number))
    return None


def react(call: Call) -> Any:
    """Add a reaction; a new emoji asks for Add Reactions, one that is there already does not."""
    message, emoji = _find_message(call), unquote(call.path["emoji_name"])
    also = P(0) if emoji in message.reactions else P.ADD_REACTIONS
    require(call.hub.world, call.channel, call.me, P.READ_MESSAGE_HISTORY | also)
    messages.require_open(call.channel)
    messages.react(call.hub, message, emoji, call.me, add=True)
    return None


def unreact(call: Call) -> Any:
    person = call.id("user_id") if "user_id" in call.path else call.me
    require(call.hub.world, call.channel, call.me, P(0) if person == call.me else P.MANAGE_MESSAGES)
    messages.require_open(call.channel)
    messages.react(call.hub, _find_message(call), unquote(call.path["emoji_name"]), person, add=False)
    return None


def reactors(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P.READ_MESSAGE_HISTORY)
    by = _find_message(call).reactions.get(unquote(call.path["emoji_name"]), [])
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 25))
    return [payloads.user(call.hub.world.user(i)) for i in sorted(by) if i > after][:limit]


def clear_reactions(call: Call) -> Any:
    """Remove all reactions of a message, or all of one emoji."""
    require(call.hub.world, call.channel, call.me, P.MANAGE_MESSAGES)
    messages.require_open(call.channel)
    message = _find_message(call)
    chosen = [unquote(call.path["emoji_name"])] if "emoji_name" in call.path else list(message.reactions)
    for emoji in chosen:
        for person in message.reactions.get(emoji, []):
            messages.react(call.hub, message, emoji, person, add=False)
    return None


def typing(call: Call) -> Any:
    require_send(call.hub.world, call.channel, call.me)
    return None


def _find_message(call: Call) -> Message:
    message = call.hub.world.message(call.channel.id, call.id("message_id"))
    if message.ephemeral:
        raise errors.unknown_message()
    return message


_MESSAGES = "/channels/{channel_id}/messages"
_ONE = _MESSAGES + "/{message_id}"
_EMOJI = _ONE + "/reactions/{emoji_name}"

ROUTES = (
    Route("GET", _MESSAGES, history),
    Route("POST", _MESSAGES, create, "message.create"),
    Route("POST", _MESSAGES + "/bulk-delete", bulk_delete),
    Route("GET", _ONE, get),
    Route("PATCH", _ONE, edit, "message.edit"),
    Route("DELETE", _ONE, delete),
    Route("DELETE", _ONE + "/reactions", clear_reactions, "reaction"),
    Route("GET", _EMOJI, reactors),
    Route("DELETE", _EMOJI, clear_reactions, "reaction"),
    Route("PUT", _EMOJI + "/@me", react, "reaction"),
    Route("DELETE", _EMOJI + "/@me", unreact, "reaction"),
    Route("DELETE", _EMOJI + "/{user_id}", unreact, "reaction"),
    Route("POST", "/channels/{channel_id}/typing", typing),
)
