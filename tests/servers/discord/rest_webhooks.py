"""Routes of channel webhooks, and of an interaction's follow-ups, which share their paths."""

from __future__ import annotations

import secrets
from typing import Any

from tests.servers.discord import errors, messages, payloads, rest_followups, threads
from tests.servers.discord.checks import check_name, check_thread_name
from tests.servers.discord.errors import DiscordError, Problem, invalid_form
from tests.servers.discord.permissions import P, guild_permissions, require
from tests.servers.discord.rest_messages import spend_old_edit
from tests.servers.discord.routing import Call, Route, snowflake
from tests.servers.discord.world import Channel, ChannelKind, Message, User, Webhook


def create(call: Call) -> Any:
    """Create a webhook: at most 15 a channel (30007), and none in a thread (50024)."""
    channel = call.channel
    if channel.kind not in (ChannelKind.TEXT, ChannelKind.FORUM):
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    require(call.hub.world, channel, call.me, P.MANAGE_WEBHOOKS)
    check_name(call.body["name"], "name")
    if len(_webhooks_of(call, channel)) >= 15:
        raise DiscordError(400, 30007, "Maximum number of webhooks reached (15)")
    number, token = call.hub.world.new_id(), secrets.token_urlsafe(51)
    webhook = Webhook(number, channel.id, call.body["name"], token, call.me)
    call.hub.world.webhooks[number] = webhook
    threads.emit_webhooks_update(call.hub, channel)
    return payloads.webhook(call.hub.world, webhook)


def channel_webhooks(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P.MANAGE_WEBHOOKS)
    return [payloads.webhook(call.hub.world, w) for w in _webhooks_of(call, call.channel)]


def guild_webhooks(call: Call) -> Any:
    guild = call.hub.world.guild(call.id("guild_id"))
    if P.MANAGE_WEBHOOKS not in guild_permissions(guild, call.me):
        raise errors.missing_permissions()
    found = [w for c in call.hub.world.channels_of(guild.id) for w in _webhooks_of(call, c)]
    return [payloads.webhook(call.hub.world, w) for w in found]


def _webhooks_of(call: Call, channel: Channel) -> list[Webhook]:
    return [w for w in call.hub.world.webhooks.values() if w.channel_id == channel.id]


def get(call: Call) -> Any:
    return payloads.webhook(call.hub.world, _find_webhook(call))


def rename(call: Call) -> Any:
    webhook = _find_webhook(call)
    if "name" in call.body:
        check_name(call.body["name"], "name")
        webhook.name = call.body["name"]
    threads.emit_webhooks_update(call.hub, call.hub.world.channel(webhook.channel_id))
    return payloads.webhook(call.hub.world, webhook)


def delete(call: Call) -> Any:
    webhook = _find_webhook(call)
    del call.hub.world.webhooks[webhook.id]
    threads.emit_webhooks_update(call.hub, call.hub.world.channel(webhook.channel_id))
    return None


def _find_webhook(call: Call) -> Webhook:
    """Return a webhook by its token, or by the bot's right to manage it. Raises 10015."""
    webhook = call.hub.world.webhooks.get(call.id("webhook_id"))
    if webhook is None or call.path.get("webhook_token", webhook.token) != webhook.token:
        raise errors.unknown_webhook()
    if "webhook_token" not in call.path:
        require(call.hub.world, call.hub.world.channel(webhook.channel_id), call.me, P.MANAGE_WEBHOOKS)
    return webhook


def execute(call: Call) -> Any:
    """Post through a webhook, or post a follow-up with an interaction's token.

    A webhook answers nothing without `wait`.
    """
    pending = rest_followups.find_pending(call)
    if pending is not None:
        return rest_followups.create(call, pending)
    webhook = _find_webhook(call)
    name = call.body.get("username") or webhook.name
    check_name(name)
    channel = _find_channel(call, webhook)
    author = User(webhook.id, name, bot=True)
    message = messages.post(call.hub, channel, author, call.body, call.uploads, webhook_id=webhook.id)
    waits = call.query.get("wait") in ("1", "true", "True")
    return payloads.message(call.hub.world, message) if waits else None


def _find_channel(call: Call, webhook: Webhook) -> Channel:
    """Return the webhook's channel or a thread of it.

    In a forum `thread_name` opens a post. Raises 220001 there without `thread_name` and `thread_id`.
    """
    channel = call.hub.world.channel(webhook.channel_id)
    if "thread_id" in call.query:
        thread = call.hub.world.channel(snowflake(call.query["thread_id"], "thread_id"))
        if thread.parent_id != channel.id:
            raise errors.unknown_channel()
        return thread
    if channel.kind is not ChannelKind.FORUM:
        return channel
    name = call.body.get("thread_name")
    if name is None:
        raise DiscordError(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
    check_thread_name(name)
    return threads.open_thread(call.hub, channel, webhook.id, name)


def get_message(call: Call) -> Any:
    return payloads.message(call.hub.world, _find_message(call))


def edit_message(call: Call) -> Any:
    """Edit a message; its name and avatar cannot be changed."""
    pending = rest_followups.find_pending(call)
    message = _find_message(call)
    if pending is None:
        messages.require_open(call.hub.world.channel(message.channel_id))
        spend_old_edit(call, message)
        if "username" in call.body or "avatar_url" in call.body:
            raise invalid_form([Problem("username", "UNKNOWN_FIELD", "An edit cannot change who spoke")])
    messages.edit(call.hub, message, call.body, call.uploads)
    return payloads.message(call.hub.world, message)


def delete_message(call: Call) -> Any:
    message = _find_message(call)
    messages.require_open(call.hub.world.channel(message.channel_id))
    messages.delete(call.hub, message)
    return None


def _find_message(call: Call) -> Message:
    """Return one of this webhook's own messages, in its channel or the thread of the query. Raises 10008."""
    pending = rest_followups.find_pending(call)
    if pending is not None:
        return rest_followups.find_message(call, pending)
    webhook = _find_webhook(call)
    place = snowflake(call.query.get("thread_id", str(webhook.channel_id)), "thread_id")
    message = call.hub.world.message(call.hub.world.channel(place).id, call.id("message_id"))
    if message.webhook_id != webhook.id:
        raise errors.unknown_message()
    return message


_ONE = "/webhooks/{webhook_id}"
_TOKEN = _ONE + "/{webhook_token}"
_ORIGINAL = _TOKEN + "/messages/@original"
_MESSAGE = _TOKEN + "/messages/{message_id}"

ROUTES = (
    Route("POST", "/channels/{channel_id}/webhooks", create),
    Route("GET", "/channels/{channel_id}/webhooks", channel_webhooks),
    Route("GET", "/guilds/{guild_id}/webhooks", guild_webhooks),
    Route("GET", _ONE, get),
    Route("PATCH", _ONE, rename),
    Route("DELETE", _ONE, delete),
    Route("GET", _TOKEN, get, by_token=True),
    Route("PATCH", _TOKEN, rename, by_token=True),
    Route("DELETE", _TOKEN, delete, by_token=True),
    Route("POST", _TOKEN, execute, "webhook.execute", by_token=True),
    Route("GET", _ORIGINAL, get_message, by_token=True),
    Route("PATCH", _ORIGINAL, edit_message, "webhook.edit", by_token=True),
    Route("DELETE", _ORIGINAL, delete_message, "webhook.delete", by_token=True),
    Route("GET", _MESSAGE, get_message, by_token=True),
    Route("PATCH", _MESSAGE, edit_message, "webhook.edit", by_token=True),
    Route("DELETE", _MESSAGE, delete_message, "webhook.delete", by_token=True),
)
