"""The methods chat.startStream, appendStream and stopStream: a message that grows for at most five minutes.

https://docs.slack.dev/reference/methods/chat.startStream. In a channel a call must name a recipient. Only the recipient
sees the text live; everybody else sees it when the stream has stopped.
"""

from __future__ import annotations

from tests.servers.slack import blocks as kit
from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import message_json
from tests.servers.slack.web_api_chat import (
    MARKDOWN_TEXT,
    check_blocks,
    find_thread,
    place_message,
    read_author,
    read_metadata,
    require_writable,
)
from tests.servers.slack.world import Json, Message


def start(call: Call) -> Json:
    channel = require_writable(call)
    if channel.kind != "im":
        for needed in ("recipient_user_id", "recipient_team_id"):
            if not call.text(needed):
                raise SlackError(f"missing_{needed}")
        if call.text("recipient_user_id") not in call.world.users:
            raise SlackError("user_not_found")
    name, icon = read_author(call)
    message = Message(channel.id, call.world.ts(), call.bot.bot_user, call.world.now(), _read_markdown(call))
    message.bot_id, message.username, message.icon = call.bot.bot_id, name, icon
    message.thread_ts = find_thread(call, channel)
    message.stream, message.recipient = "streaming", call.text("recipient_user_id")
    place_message(call, message)
    return {"channel": channel.id, "ts": message.ts}


def append(call: Call) -> Json:
    message = _require_open(call)
    said = _read_markdown(call)
    if not said:
        raise SlackError("no_text")
    _append_text(call, message, said)
    return {"channel": message.channel, "ts": message.ts}


def stop(call: Call) -> Json:
    message = _require_open(call)
    blocks, kept = check_blocks(call.args.get("blocks")), read_metadata(call)
    _append_text(call, message, _read_markdown(call), blocks)
    message.metadata, message.stream = kept or message.metadata, "stopped"
    return {"channel": message.channel, "ts": message.ts, "message": message_json(call.world, message)}


def _require_open(call: Call) -> Message:
    require_writable(call)
    message = call.message()
    if message.bot_id != call.bot.bot_id:
        raise SlackError("message_not_owned_by_app")
    if message.stream == "streaming" and call.world.now() - message.at >= call.times.stream_s:
        message.stream = "expired"
    if message.stream == "halted" and call.method == "chat.appendStream":
        raise SlackError("stopped_by_user")
    if message.stream != "streaming":
        raise SlackError("message_not_in_streaming_state")
    return message


def _append_text(call: Call, message: Message, said: str, blocks: list[Json] | None = None) -> None:
    if len(message.text) + len(said) > kit.CHARACTERS_A_MESSAGE:
        raise SlackError("msg_blocks_too_long")
    message.text, message.blocks = message.text + said, blocks or []
    message.record_form(call.world.now())


def _read_markdown(call: Call) -> str:
    """Read the Markdown of this call, which is given plainly or as chunks."""
    chunks = call.args.get("chunks") or []
    if not isinstance(chunks, list) or not all(isinstance(c, dict) and "type" in c for c in chunks):
        raise SlackError("invalid_chunks")
    said = call.text("markdown_text") + "".join(c["text"] for c in chunks if c["type"] == "markdown_text")
    if len(said) > MARKDOWN_TEXT:
        raise SlackError("msg_blocks_too_long")
    return said


STREAMS = {
    "chat.startStream": Method(start, "chat:write", "t2"),
    "chat.appendStream": Method(append, "chat:write", "t4"),
    "chat.stopStream": Method(stop, "chat:write", "t2"),
}
