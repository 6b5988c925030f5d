"""Routes of channel webhooks, and of an interaction's follow-ups, which share their paths."""

from __future__ import annotations

import secrets
from typing import Any

from tests.servers.discord import errors, messages, payloads, rest_followups, threads
from tests.servers.discord.checks import check_name, check_thread_name
from tests.servers.discord.errors import DiscordError, Problem, invalid_form
from tests.servers.discord.permissions import P, in_guild, require
from tests.servers.discord.rest_messages import spend_old
from tests.servers.discord.routing import Call, Route, snowflake
from tests.servers.discord.world import Channel, ChannelKind, Message, User, Webhook


def create(call: Call) -> Any:
    """Create a webhook: at most 15 a channel (30007), and none in a thread (50024)."""
    channel = call.channel
    if channel.kind not in (ChannelKind.TEXT, ChannelKind.FORUM):
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    require(call.hub.world, channel, call.me, P.MANAGE_WEBHOOKS)
    check_name(call.body["name"], "name")
    if len(_of(call, channel)) >= 15:
        raise DiscordError(400, 30007, "Maximum number of webhooks reached (15)")
    number, token = call.hub.world.new_id(), secrets.token_urlsafe(51)
    webhook = Webhook(number, channel.id, call.body["name"], token, call.me)
    call.hub.world.webhooks[number] = webhook
    threads.webhooks_changed(call.hub, channel)
    return payloads.webhook(call.hub.world, webhook)


def of_channel(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P.MANAGE_WEBHOOKS)
    return [payloads.webhook(call.hub.world, w) for w in _of(call, call.channel)]


def of_guild(call: Call) -> Any:
    guild = call.hub.world.guild(call.id("guild_id"))
    if P.MANAGE_WEBHOOKS not in in_guild(guild, call.me):
        raise errors.missing_permissions()
    found = [w for c in call.hub.world.channels_of(guild.id) for w in _of(call, c)]
    return [payloads.webhook(call.hub.world, w) for w in found]


def _of(call: Call, channel: Channel) -> list[Webhook]:
    return [w for w in call.hub.world.webhooks.values() if w.channel_id == channel.id]


def get(call: Call) -> Any:
    return payloads.webhook(call.hub.world, _webhook(call))


def rename(call: Call) -> Any:
    webhook = _webhook(call)
    if "name" in call.body:
        check_name(call.body["name"], "name")
        webhook.name = call.body["name"]
    threads.webhooks_changed(call.hub, call.hub.world.channel(webhook.channel_id))
    return payloads.webhook(call.hub.world, webhook)


def delete(call: Call) -> Any:
    webhook = _webhook(call)
    del call.hub.world.webhooks[webhook.id]
    threads.webhooks_changed(call.hub, call.hub.world.channel(webhook.channel_id))
    return None


def _webhook(call: Call) -> Webhook:
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
    pending = rest_followups.of(call)
    if pending is not None:
        return rest_followups.create(call, pending)
    webhook = _webhook(call)
    name = call.body.get("username") or webhook.name
    check_name(name)
    channel = _place(call, webhook)
    author = User(webhook.id, name, bot=True)
    message = messages.post(call.hub, channel, author, call.body, call.uploads, webhook_id=webhook.id)
    waits = call.query.get("wait") in ("1", "true", "True")
    return payloads.message(call.hub.world, message) if waits else None


def _place(call: Call, webhook: Webhook) -> Channel:
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
    return payloads.message(call.hub.world, _message(call))


def edit_message(call: Call) -> Any:
    """Edit a message; its name and avatar cannot be changed."""
    pending = rest_followups.of(call)
    message = _message(call)
    if pending is None:
        messages.require_open(call.hub.world.channel(message.channel_id))
        spend_old(call, message)
        if "username" in call.body or "avatar_url" in call.body:
            raise invalid_form([Problem("username", "UNKNOWN_FIELD", "An edit cannot change who spoke")])
    messages.edit(call.hub, message, call.body, call.uploads)
    return payloads.message(call.hub.world, message)


def delete_message(call: Call) -> Any:
    message = _message(call)
    messages.require_open(call.hub.world.channel(message.channel_id))
    messages.delete(call.hub, message)
    return None


def _message(call: Call) -> Message:
    """Return one of this webhook's own messages, in its channel or the thread of the query. Raises 10008."""
    pending = rest_followups.of(call)
    if pending is not None:
        return rest_followups.message(call, pending)
    webhook = _webhook(call)
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
    Route("GET", "/channels/{channel_id}/webhooks", of_channel),
    Route("GET", "/guilds/{guild_id}/webhooks", of_guild),
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
