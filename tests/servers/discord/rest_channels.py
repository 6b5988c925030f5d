"""Routes of channels, threads and their members."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import errors, messages, payloads, threads
from tests.servers.discord.checks import check_thread_name
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.permissions import P, require, require_send
from tests.servers.discord.routing import Call, Route
from tests.servers.discord.world import Channel, ChannelKind


def get(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P(0))
    return payloads.channel(call.hub.world, call.channel)


def edit(call: Call) -> Any:
    """Change name, archived, locked and auto-archive; an archived thread can only be opened again."""
    channel, body = call.channel, call.body
    _require_to_edit(call, channel)
    if channel.archived and body.get("archived", True):
        raise DiscordError(400, 50083, "Thread is archived")
    if "name" in body:
        check_thread_name(body["name"])
    channel.name = body.get("name", channel.name)
    channel.archived = body.get("archived", channel.archived)
    channel.locked = body.get("locked", channel.locked)
    channel.auto_archive_minutes = body.get("auto_archive_duration", channel.auto_archive_minutes)
    threads.emit_update(call.hub, channel)
    return payloads.channel(call.hub.world, channel)


def _require_to_edit(call: Call, channel: Channel) -> None:
    """Raise unless the bot may make this edit.

    The one who opened a thread may rename and archive it. Only moderators may lock it.
    """
    own = channel.is_thread and channel.owner_id == call.me and "locked" not in call.body and not channel.locked
    right = P.MANAGE_THREADS if channel.is_thread else P.MANAGE_CHANNELS
    require(call.hub.world, channel, call.me, P(0) if own else right)


def delete(call: Call) -> Any:
    channel = call.channel
    require(call.hub.world, channel, call.me, P.MANAGE_THREADS if channel.is_thread else P.MANAGE_CHANNELS)
    shape = payloads.channel(call.hub.world, channel)
    threads.remove(call.hub, channel)
    return shape


def start_thread_from_message(call: Call) -> Any:
    parent = call.channel
    if parent.kind is not ChannelKind.TEXT:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    require(call.hub.world, parent, call.me, P.CREATE_PUBLIC_THREADS | P.READ_MESSAGE_HISTORY)
    check_thread_name(call.body["name"])
    starter = call.hub.world.message(parent.id, call.id("message_id"))
    thread = threads.open_thread(
        call.hub, parent, call.me, call.body["name"], starter=starter, minutes=_archive_minutes(call.body)
    )
    return payloads.channel(call.hub.world, thread)


def start_thread(call: Call) -> Any:
    """Open a thread without a starter message, or a post with its first message in a forum.

    In a text channel Discord announces the thread with a message.
    """
    parent, body = call.channel, call.body
    check_thread_name(body["name"])
    if parent.kind is ChannelKind.FORUM:
        return _create_forum_post(call, parent)
    if parent.kind is not ChannelKind.TEXT:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    private = body.get("type", 12) == ChannelKind.PRIVATE_THREAD  # 12 is the default of this route
    require(call.hub.world, parent, call.me, P.CREATE_PRIVATE_THREADS if private else P.CREATE_PUBLIC_THREADS)
    thread = threads.open_thread(
        call.hub, parent, call.me, body["name"], minutes=_archive_minutes(body), private=private
    )
    if not private:
        messages.announce(call.hub, parent, call.hub.world.bot, threads.THREAD_CREATED, body["name"])
    return payloads.channel(call.hub.world, thread)


def _create_forum_post(call: Call, forum: Channel) -> Any:
    """Open a post, whose first message has the thread's id.

    https://docs.discord.com/developers/topics/threads#forums
    """
    require_send(call.hub.world, forum, call.me)
    thread = threads.open_thread(call.hub, forum, call.me, call.body["name"], minutes=_archive_minutes(call.body))
    try:
        bot, body = call.hub.world.bot, call.body["message"]
        first = messages.post(call.hub, thread, bot, body, call.uploads, under=thread.id)
    except DiscordError:
        threads.remove(call.hub, thread)
        raise
    shape = payloads.channel(call.hub.world, thread)
    return {**shape, "message": payloads.message(call.hub.world, first)}


def _archive_minutes(body: dict[str, Any]) -> int:
    return body.get("auto_archive_duration") or 1440


def members(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P(0))
    return [_member_json(call.channel, i) for i in call.channel.member_ids]


def member(call: Call) -> Any:
    if call.id("user_id") not in call.channel.member_ids:
        raise errors.unknown_member()
    return _member_json(call.channel, call.id("user_id"))


def _member_json(thread: Channel, user_id: int) -> dict[str, Any]:
    return {"id": str(thread.id), "user_id": str(user_id), "join_timestamp": payloads.JOINED, "flags": 0}


def add_member(call: Call) -> Any:
    require_send(call.hub.world, call.channel, call.me)
    messages.require_open(call.channel)
    threads.join(call.hub, call.channel, _target_id(call))
    return None


def remove_member(call: Call) -> Any:
    whom = _target_id(call)
    require(call.hub.world, call.channel, call.me, P(0) if whom == call.me else P.MANAGE_THREADS)
    messages.require_open(call.channel)
    threads.leave(call.hub, call.channel, whom)
    return None


def _target_id(call: Call) -> int:
    return call.hub.world.user(call.id("user_id")).id if "user_id" in call.path else call.me


def archived_threads(call: Call) -> Any:
    require(call.hub.world, call.channel, call.me, P.READ_MESSAGE_HISTORY)
    found = [t for t in call.hub.world.threads_of(call.channel.id) if t.archived]
    found = [t for t in found if t.kind is ChannelKind.PUBLIC_THREAD]
    shown = found[-int(call.query.get("limit", 50)) :]
    listed = [payloads.channel(call.hub.world, t) for t in reversed(shown)]
    mine = [_member_json(t, call.me) for t in shown if call.me in t.member_ids]
    return {"threads": listed, "members": mine, "has_more": len(found) > len(shown)}


_CHANNEL = "/channels/{channel_id}"
_MEMBERS = _CHANNEL + "/thread-members"

ROUTES = (
    Route("GET", _CHANNEL, get),
    Route("PATCH", _CHANNEL, edit),
    Route("DELETE", _CHANNEL, delete),
    Route("POST", _CHANNEL + "/messages/{message_id}/threads", start_thread_from_message, "thread.create", status=201),
    Route("POST", _CHANNEL + "/threads", start_thread, "thread.create", status=201),
    Route("GET", _CHANNEL + "/threads/archived/public", archived_threads),
    Route("GET", _MEMBERS, members),
    Route("PUT", _MEMBERS + "/@me", add_member),
    Route("DELETE", _MEMBERS + "/@me", remove_member),
    Route("GET", _MEMBERS + "/{user_id}", member),
    Route("PUT", _MEMBERS + "/{user_id}", add_member),
    Route("DELETE", _MEMBERS + "/{user_id}", remove_member),
)
