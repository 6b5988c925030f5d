"""Methods of channels, people, workspaces and bots."""

from __future__ import annotations

from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import EPOCH, channel_json, message_json, user_json
from tests.servers.slack.world import Channel, Json, Ref, User


def info(call: Call) -> Json:
    return {"channel": channel_json(call.world, call.channel(), call.bot)}


def history(call: Call) -> Json:
    """Return a channel's messages, the newest first."""
    channel = _require_membership(call)
    oldest, latest = call.text("oldest"), call.text("latest") or "9999999999"
    found = [m for m in call.world.messages(channel.id) if oldest <= m.ts <= latest]
    page, cursor = call.take_page([_message(call, m.ts) for m in reversed(found)])
    counts: Json = {"channel_actions_ts": None, "channel_actions_count": 0, "pin_count": 0}
    return {"messages": page, "has_more": bool(cursor["next_cursor"]), **counts, "response_metadata": cursor}


def replies(call: Call) -> Json:
    """Return a thread's messages with their parent, the oldest first."""
    channel = call.channel()
    parent = call.world.posts.get(Ref(channel.id, call.text("ts")))
    if parent is None or parent.deleted:
        raise SlackError("thread_not_found")
    parent_ts = parent.thread_ts or parent.ts
    found = [m for m in call.world.messages(channel.id, parent_ts) if m.ts == parent_ts or _is_asked_for(call, m.ts)]
    page, cursor = call.take_page([_message(call, m.ts) for m in found])
    return {"messages": page, "has_more": bool(cursor["next_cursor"]), "response_metadata": cursor}


def _is_asked_for(call: Call, ts: str) -> bool:
    """Return whether a message stands between `oldest` and `latest`; at them with `inclusive`."""
    oldest, latest = call.text("oldest"), call.text("latest")
    if call.flag("inclusive") and ts in (oldest, latest):
        return True
    return (not oldest or ts > oldest) and (not latest or ts < latest)


def _require_membership(call: Call) -> Channel:
    channel = call.channel()
    if call.bot.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _message(call: Call, ts: str) -> Json:
    body = message_json(call.world, call.world.posts[Ref(call.text("channel"), ts)])
    if not call.flag("include_all_metadata"):
        body.pop("metadata", None)
    return body


def open_conversation(call: Call) -> Json:
    """Open a direct message with one person, or a group with several."""
    if call.text("channel"):
        return {"channel": {"id": call.channel().id}}
    users = [u for u in call.text("users").split(",") if u]
    if not users:
        raise SlackError("users_list_not_supplied")
    if any(u not in call.world.users for u in users):
        raise SlackError("user_not_found")
    if len(users) == 1:
        channel = call.world.im(users[0])
    else:
        channel = call.world.add_channel(call.team, f"mpdm-{'-'.join(users)}", users, "mpim")
    whole = channel_json(call.world, channel, call.bot)
    return {"channel": whole if call.flag("return_im") else {"id": channel.id}}


def members(call: Call) -> Json:
    page, cursor = call.take_page(call.channel().members)
    return {"members": page, "response_metadata": cursor}


def list_channels(call: Call) -> Json:
    page, cursor = call.take_page(_channels(call, only_own=False))
    return {"channels": page, "response_metadata": cursor}


def own_channels(call: Call) -> Json:
    """Answer users.conversations: the bot's channels, or those of a user that are public or shared."""
    user = call.text("user")
    shared = _channels(call, only_own=not user)
    if user:
        shared = [c for c in shared if user in call.world.channels[c["id"]].members]
    page, cursor = call.take_page(shared)
    return {"channels": page, "response_metadata": cursor}


def _channels(call: Call, only_own: bool) -> list[Json]:
    kinds = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
    wanted = {kinds[t.strip()] for t in (call.text("types") or "public_channel").split(",")}
    found = (c for c in call.world.channels.values() if c.kind in wanted and call.may_reach(c.team))
    if call.flag("exclude_archived"):
        found = (c for c in found if not c.archived)
    bot = call.bot.bot_user
    seen = (c for c in found if bot in c.members or (c.kind == "public" and not only_own))
    return [channel_json(call.world, c, call.bot) for c in seen]


def join(call: Call) -> Json:
    channel = call.channel()
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot.bot_user not in channel.members:
        channel.members.append(call.bot.bot_user)
    return {"channel": channel_json(call.world, channel, call.bot)}


def user_info(call: Call) -> Json:
    user = call.world.users.get(call.text("user"))
    if user is None:
        raise SlackError("user_not_found")
    if not call.may_reach(user.team) and not _is_visible(call, user):
        raise SlackError("user_not_visible")
    return {"user": user_json(call.world, user)}


def _is_visible(call: Call, user: User) -> bool:
    """Return whether a shared channel makes this user visible, as it does with strangers."""
    return any(user.id in c.members and call.may_reach(c.team) for c in call.world.channels.values())


def users(call: Call) -> Json:
    own = [user_json(call.world, u) for u in call.world.users.values() if call.may_reach(u.team)]
    page, cursor = call.take_page(own)
    return {"members": page, "cache_ts": EPOCH, "response_metadata": cursor}


def team_info(call: Call) -> Json:
    team = call.world.teams.get(call.text("team") or call.team)
    if team is None:
        raise SlackError("team_not_found")
    body: Json = {"id": team.id, "name": team.name, "domain": team.name, "url": f"https://{team.name}.slack.com/"}
    org = {"enterprise_id": team.enterprise, "enterprise_name": team.enterprise} if team.enterprise else {}
    return {"team": body | org}


def bot_info(call: Call) -> Json:
    wanted = call.text("bot") or call.bot.bot_id
    team = next((t for t in call.world.teams.values() if t.bot_id == wanted), None)
    if team is None:
        raise SlackError("bot_not_found")
    name = call.world.users[team.bot_user].name
    body: Json = {"id": team.bot_id, "deleted": False, "name": name, "updated": EPOCH, "app_id": call.world.app.id}
    return {"bot": body | {"user_id": team.bot_user}}


CONVERSATIONS = {
    "conversations.info": Method(info, "*:read", "t3"),
    "conversations.history": Method(history, "*:history", "t3"),
    "conversations.replies": Method(replies, "*:history", "t3"),
    "conversations.open": Method(open_conversation, "im:write", "t3"),
    "conversations.members": Method(members, "*:read", "t4"),
    "conversations.list": Method(list_channels, "*:read", "t2"),
    "conversations.join": Method(join, "channels:join", "t3"),
    "users.info": Method(user_info, "users:read", "t4"),
    "users.list": Method(users, "users:read", "t2"),
    "users.conversations": Method(own_channels, "*:read", "t3"),
    "team.info": Method(team_info, "team:read", "t3"),
    "bots.info": Method(bot_info, "users:read", "t3"),
}
