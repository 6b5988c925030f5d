"""JSON in Slack's shapes: messages, users, channels, views, files, events and interactions."""

from __future__ import annotations

from typing import Any

from tests.servers.slack.app import Token
from tests.servers.slack.world import Channel, File, Json, Located, Message, Ref, User, View, World

EPOCH = 1_700_000_000


def _drop_empty(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def message_json(world: World, message: Message, reactions: bool = True) -> Json:
    parent = world.posts.get(Ref(message.channel, message.thread_ts or message.ts))
    replies = [m for m in world.messages(message.channel, message.ts) if m.ts != message.ts]
    optional: Json = {
        "subtype": "bot_message" if message.bot_id and message.username else "",
        "bot_id": message.bot_id,
        "app_id": world.app.id if message.bot_id else "",
        "username": message.username,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "metadata": message.metadata,
        "files": [*(file_json(world, world.files[f]) for f in message.files), *message.odd_files],
        "thread_ts": message.thread_ts or (message.ts if replies else ""),
        "parent_user_id": parent.user if parent and message.thread_ts else "",
        "reply_count": len(replies) or None,
        "reply_users": list(dict.fromkeys(r.user for r in replies)),
        "reply_users_count": len({r.user for r in replies}) or None,
        "latest_reply": replies[-1].ts if replies else "",
        "edited": {"user": message.user, "ts": message.ts} if message.edited else None,
        "reactions": reactions_json(message) if reactions else [],
    }
    fixed: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    fixed["team"] = world.users[message.user].team  # in a shared channel this is not always the channel's team
    return fixed | _drop_empty(optional)


def reactions_json(message: Message) -> list[Json]:
    return [{"name": n, "users": users, "count": len(users)} for n, users in message.reactions.items() if users]


def user_json(world: World, user: User) -> Json:
    guest = user.kind in ("guest", "single_channel_guest")
    body: Json = {
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.name.title(),
        "deleted": False,
        "profile": {"display_name": user.name, "real_name": user.name.title(), "team": user.team},
        "is_admin": user.kind in ("admin", "owner"),
        "is_owner": user.kind == "owner",
        "is_primary_owner": False,
        "is_restricted": guest,
        "is_ultra_restricted": user.kind == "single_channel_guest",
        "is_bot": user.kind == "bot",
        "is_app_user": False,
        "updated": EPOCH,
    }
    return body | ({"is_stranger": True} if user.kind == "stranger" else {})


def channel_json(world: World, channel: Channel, token: Token) -> Json:
    member = token.bot_user in channel.members
    if channel.kind == "im":
        other = next((m for m in channel.members if m != token.bot_user), "")
        return {"id": channel.id, "created": EPOCH, "is_im": True, "is_archived": channel.archived, "user": other}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": False,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "public",
        "is_archived": channel.archived,
        "is_general": False,
        "is_shared": channel.ext_shared,
        "is_ext_shared": channel.ext_shared,
        "is_org_shared": False,
        "is_member": member,
        "created": EPOCH,
        "creator": next(iter(channel.members), ""),
        "num_members": len(channel.members),
        "context_team_id": channel.team,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def view_json(world: World, view: View) -> Json:
    team = world.teams[view.team]
    fixed: Json = {
        "id": view.id,
        "team_id": view.team,
        "type": view.body.get("type", "modal"),
        "blocks": view.body.get("blocks", []),
        "private_metadata": view.body.get("private_metadata", ""),
        "callback_id": view.body.get("callback_id", ""),
        "external_id": view.body.get("external_id", ""),
        "state": {"values": view.state},
        "hash": view.hash,
        "clear_on_close": bool(view.body.get("clear_on_close")),
        "notify_on_close": bool(view.body.get("notify_on_close")),
        "root_view_id": view.root,
        "previous_view_id": view.previous or None,
        "app_id": world.app.id,
        "app_installed_team_id": view.team,
        "bot_id": team.bot_id,
    }
    return fixed | {name: view.body[name] for name in ("title", "submit", "close") if name in view.body}


def file_json(world: World, file: File) -> Json:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "user": file.user,
        "size": file.length,
        "created": EPOCH,
        "mimetype": "text/plain",
        "url_private": f"{world.base}/files/{file.id}",
        "url_private_download": f"{world.base}/files/{file.id}",
        "channels": list(file.channels),
    }


def event_json(world: World, team: str, event: Json, channel: Channel | None = None) -> Json:
    """Return an event in its envelope, as the Events API delivers it."""
    token = world.bot_token(team)
    org_wide = token is not None and not token.team
    enterprise = world.teams[team].enterprise or None
    authorization: Json = {
        "enterprise_id": enterprise,
        "team_id": None if org_wide else team,
        "user_id": world.teams[team].bot_user,
        "is_bot": True,
        "is_enterprise_install": org_wide,
    }
    return {
        "token": "verification",
        "team_id": team,
        "enterprise_id": enterprise,
        "api_app_id": world.app.id,
        "event": event,
        "type": "event_callback",
        "event_id": world.id("Ev"),
        "event_time": int(world.wall()),
        "authorizations": [authorization],
        "is_ext_shared_channel": channel is not None and channel.ext_shared,
        "event_context": world.id("ctx"),
    }


def message_event(world: World, message: Message) -> Json:
    """Return the `message` event of a fresh message."""
    channel = world.channels[message.channel]
    kind = {"public": "channel", "private": "group", "im": "im", "mpim": "mpim"}[channel.kind]
    place: Json = {"channel": channel.id, "channel_type": kind, "event_ts": message.ts}
    said = message_json(world, message, reactions=False)
    said.pop("app_id", None)  # only the Web API's answers name the app
    return said | place | {"client_msg_id": f"m-{message.ts}"}


def command_json(world: World, user: User, channel: Channel, command: str, text: str, response_url: str) -> Json:
    team = world.teams[channel.team]
    token = world.bot_token(team.id)
    body: Json = {
        "token": "verification",
        "api_app_id": world.app.id,
        "team_id": team.id,
        "team_domain": team.name,
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "response_url": response_url,
        "trigger_id": world.trigger(team.id, user.id),
        "is_enterprise_install": token is not None and not token.team,
    }
    return body | ({"enterprise_id": team.enterprise, "enterprise_name": team.enterprise} if team.enterprise else {})


def interaction_json(world: World, kind: str, user: User, team: str, **fields: Any) -> Json:
    """Return what every block action, shortcut and view submission starts with, and `fields`."""
    home = world.teams[team]
    enterprise = {"id": home.enterprise, "name": home.enterprise} if home.enterprise else None
    token = world.bot_token(team)
    return {
        "type": kind,
        "token": "verification",
        "api_app_id": world.app.id,
        "team": {"id": team, "domain": home.name},
        "enterprise": enterprise,
        "is_enterprise_install": token is not None and not token.team,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team},
        **fields,
    }


def location_json(world: World, message: Located) -> Json:
    """Return the channel and the message that an interaction points at."""
    channel = world.channels[message.channel]
    name = channel.name or "directmessage"
    stands = message_json(world, world.posts[Ref(message.channel, message.ts)])
    return {"channel": {"id": channel.id, "name": name}, "message": stands}
