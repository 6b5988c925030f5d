"""The methods chat.postMessage, update, delete, postEphemeral and getPermalink, with their limits.

https://docs.slack.dev/reference/methods/chat.postMessage and chat.update
"""

from __future__ import annotations

import json

from tests.servers.slack import blocks as kit
from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import message_event, message_json
from tests.servers.slack.world import Channel, Ephemeral, Json, Message, Ref

TEXT_POSTED = 40_000  # longer text is cut, with a warning
TEXT_UPDATED = 4_000
MARKDOWN_TEXT = 12_000
METADATA = 16_384
ATTACHMENTS = 100


def require_writable(call: Call, archived: str = "is_archived", name: str = "channel") -> Channel:
    """Return the channel, if the bot may write there now; raise the refusal otherwise."""
    channel = call.channel(name)
    if channel.archived:
        raise SlackError(archived)
    if call.bot.bot_user not in channel.members and not (
        channel.kind == "public" and "chat:write.public" in call.bot.scopes and call.method == "chat.postMessage"
    ):
        raise SlackError("not_in_channel")
    return channel


def check_blocks(blocks: object) -> list[Json]:
    """Return the blocks with a block_id each. Raises invalid_blocks with Slack's messages."""
    if blocks is None or blocks == "":
        return []
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if wrong := kit.find_faults(blocks):
        raise SlackError("invalid_blocks", errors=wrong, response_metadata={"messages": wrong})
    if kit.count_characters(blocks) > kit.CHARACTERS_A_MESSAGE:
        raise SlackError("msg_blocks_too_long")
    return [{"block_id": f"b{i}", **block} for i, block in enumerate(blocks)]


def read_content(call: Call, longest: int, too_long: str = "msg_too_long") -> tuple[str, list[Json]]:
    """Read the text and blocks of a message from a call, and check them."""
    text, markdown = call.text("text"), call.text("markdown_text")
    if markdown and (text or call.args.get("blocks")):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > MARKDOWN_TEXT:
        raise SlackError("msg_too_long" if call.method == "chat.update" else "msg_blocks_too_long")
    if too_long and len(text) > longest:
        raise SlackError(too_long)
    if markdown:
        return markdown, check_blocks([{"type": "markdown", "text": markdown}])
    blocks = check_blocks(call.args.get("blocks"))
    if not (text or blocks or call.args.get("attachments")):
        raise SlackError("no_text")
    return text[:longest], blocks


def read_attachments(call: Call) -> list[Json]:
    given = call.args.get("attachments") or []
    if not isinstance(given, list):
        raise SlackError("invalid_attachments")
    if len(given) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    return given


def read_metadata(call: Call) -> Json | None:
    given = call.args.get("metadata")
    if given is None:
        return None
    if not isinstance(given, dict) or (given and not {"event_type", "event_payload"} <= given.keys()):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(given)) > METADATA:
        raise SlackError("metadata_too_large")
    return given


def read_author(call: Call) -> tuple[str, str]:
    """Return the name and icon asked for.

    Slack wants chat:write.customize for any but the app's own.
    """
    name, icon = call.text("username"), call.text("icon_emoji") or call.text("icon_url")
    if (name or icon) and "chat:write.customize" not in call.bot.scopes:
        provided = ",".join(sorted(call.bot.scopes))
        raise SlackError("missing_scope", needed="chat:write.customize", provided=provided)
    return name, icon


def find_thread(call: Call, channel: Channel) -> str:
    """Return the thread's parent, whatever message of the thread was named."""
    named = call.text("thread_ts")
    if not named:
        return ""
    parent = call.world.posts.get(Ref(channel.id, named))
    if parent is None:
        raise SlackError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def place_message(call: Call, message: Message) -> Message:
    """Place a finished message in its channel, and send its event to the app."""
    call.world.put(message, named=call.flag("link_names") or call.text("parse") == "full")
    channel = call.world.channels[message.channel]
    call.courier.deliver_event(channel.team, message_event(call.world, message), channel)
    return message


def post(call: Call) -> Json:
    channel = require_writable(call)
    text, blocks = read_content(call, TEXT_POSTED, too_long="")
    name, icon = read_author(call)
    message = Message(channel.id, call.world.ts(), call.bot.bot_user, call.world.now(), text, blocks)
    message.attachments, message.metadata = read_attachments(call), read_metadata(call)
    message.bot_id, message.username, message.icon = call.bot.bot_id, name, icon
    message.thread_ts = find_thread(call, channel)
    message.broadcast = bool(message.thread_ts) and call.flag("reply_broadcast")
    place_message(call, message)
    answer: Json = {"channel": channel.id, "ts": message.ts, "message": message_json(call.world, message)}
    if len(call.text("text")) > TEXT_POSTED:
        answer |= {"warning": "message_truncated", "response_metadata": {"messages": ["message_truncated"]}}
    return answer


def require_own(call: Call, refusal: str) -> Message:
    message = call.message()
    if message.bot_id != call.bot.bot_id:
        raise SlackError(refusal)
    return message


def update(call: Call) -> Json:
    """Change a message: text alone drops the blocks, blocks hide "(edited)", the name and icon stay."""
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_inactive")
    message = require_own(call, "cant_update_message")
    window = call.world.teams[channel.team].edit_window_s
    if window is not None and call.world.now() - message.at > window:
        raise SlackError("edit_window_closed")
    if message.stream == "streaming":
        raise SlackError("streaming_state_conflict")
    message.text, message.blocks = read_content(call, TEXT_UPDATED)
    if "attachments" in call.args:
        message.attachments = read_attachments(call)
    given = read_metadata(call)
    message.metadata = message.metadata if given is None else (given or None)
    message.edited = not message.blocks
    message.record_form(call.world.now())
    stands = message_json(call.world, message)
    changed = message_event(call.world, message) | {"subtype": "message_changed", "message": stands}
    call.courier.deliver_event(channel.team, changed, channel)
    placeless = {k: v for k, v in stands.items() if k not in ("ts", "thread_ts", "parent_user_id")}
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": placeless}


def delete(call: Call) -> Json:
    message = require_own(call, "cant_delete_message")
    message.deleted = True
    return {"channel": message.channel, "ts": message.ts}


def post_ephemeral(call: Call) -> Json:
    channel = require_writable(call)
    if call.text("user") not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = read_content(call, TEXT_POSTED)
    read_author(call)
    shown = Ephemeral(channel.id, call.text("user"), call.world.now(), text, blocks, find_thread(call, channel))
    shown.ts = call.world.ts()
    call.world.ephemerals.append(shown)
    return {"message_ts": shown.ts}


def permalink(call: Call) -> Json:
    message = call.message("message_ts")
    team = call.world.teams[call.world.channels[message.channel].team]
    link = f"https://{team.name}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
    query = f"?thread_ts={message.thread_ts}&cid={message.channel}" if message.thread_ts else ""
    return {"channel": message.channel, "permalink": link + query}


CHAT = {
    "chat.postMessage": Method(post, "chat:write", "t5"),
    "chat.update": Method(update, "chat:write", "t3"),
    "chat.delete": Method(delete, "chat:write", "t3"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write", "t4"),
    "chat.getPermalink": Method(permalink, "", "t5"),
}
