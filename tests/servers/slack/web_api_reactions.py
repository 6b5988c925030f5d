"""The methods reactions.add, remove and get."""

from __future__ import annotations

import re

from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import message_json
from tests.servers.slack.world import Json

_NAME = re.compile(r"[a-z0-9_'+-]+(::skin-tone-[2-6])?")


def add(call: Call) -> Json:
    if call.channel().archived:
        raise SlackError("is_archived")
    message, users = call.message("timestamp"), _users(call)
    if call.bot.bot_user in users:
        raise SlackError("already_reacted")
    message.reactions[call.text("name")] = [*users, call.bot.bot_user]
    return {}


def remove(call: Call) -> Json:
    users = _users(call)
    if call.bot.bot_user not in users:
        raise SlackError("no_reaction")
    users.remove(call.bot.bot_user)
    return {}


def get(call: Call) -> Json:
    if not call.text("timestamp"):
        raise SlackError("no_item_specified")
    message = call.message("timestamp")
    return {"type": "message", "channel": message.channel, "message": message_json(call.world, message)}


def _users(call: Call) -> list[str]:
    if not _NAME.fullmatch(call.text("name")):
        raise SlackError("invalid_name")
    return call.message("timestamp").reactions.get(call.text("name"), [])


REACTIONS = {
    "reactions.add": Method(add, "reactions:write", "t3"),
    "reactions.remove": Method(remove, "reactions:write", "t2"),
    "reactions.get": Method(get, "reactions:read", "t3"),
}
