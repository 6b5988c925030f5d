"""Uploads in their three steps, and downloads with a token.

https://docs.slack.dev/messaging/working-with-files: ask for a URL, send the bytes there, complete.
"""

from __future__ import annotations

from aiohttp import web

from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.payloads import file_json
from tests.servers.slack.web_api_chat import find_thread, place_message, require_writable
from tests.servers.slack.world import File, Json, Message, World


def upload_url(call: Call) -> Json:
    if not call.text("filename") or not call.text("length").isdigit():
        raise SlackError("missing_argument")
    file = File(call.world.id("F"), call.team, call.bot.bot_user, call.text("filename"), int(call.text("length")))
    call.world.files[file.id] = file
    return {"upload_url": f"{call.world.base}/upload/{file.id}", "file_id": file.id}


def complete(call: Call) -> Json:
    """Complete uploads, and share them all as one message when `channel_id` names a channel."""
    given = call.args.get("files")
    if not isinstance(given, list):
        raise SlackError("invalid_arguments")
    files = [_complete_file(call, item) for item in given]
    if call.text("channel_id"):
        _share(call, files)
    return {"files": [file_json(call.world, f) for f in files]}


def info(call: Call) -> Json:
    file = call.world.files.get(call.text("file"))
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    return {"file": file_json(call.world, file), "comments": []}


def _complete_file(call: Call, item: Json) -> File:
    file = call.world.files.get(str(item.get("id")))
    if file is None or file.content is None or file.done:
        raise SlackError("file_not_found")
    file.title, file.done = str(item.get("title") or file.name), True
    return file


def _share(call: Call, files: list[File]) -> None:
    channel = require_writable(call, "posting_to_channel_denied", "channel_id")
    message = Message(channel.id, call.world.ts(), call.bot.bot_user, call.world.now(), call.text("initial_comment"))
    message.bot_id, message.thread_ts = call.bot.bot_id, find_thread(call, channel)
    message.files = [f.id for f in files]
    for file in files:
        file.channels.append(channel.id)
    place_message(call, message)


class Store:
    """The file host, to which bytes are sent and from which they are loaded."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def upload(self, http: web.Request) -> web.Response:
        file = self._world.files.get(http.match_info["file"])
        if file is None:
            return web.Response(status=404)
        content = await http.read()
        if len(content) != file.length:
            return web.Response(status=400, text="length differs")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, http: web.Request) -> web.Response:
        """Send a file, or without a good token a sign-in page, as Slack does."""
        token = self._world.tokens.get(http.headers.get("Authorization", "").removeprefix("Bearer "))
        file = self._world.files.get(http.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=404)
        if token is None or token.revoked or "files:read" not in token.scopes:
            return web.Response(text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html")
        return web.Response(body=file.content, content_type="text/plain")


FILES = {
    "files.getUploadURLExternal": Method(upload_url, "files:write", "t4"),
    "files.info": Method(info, "files:read", "t4"),
    "files.completeUploadExternal": Method(complete, "files:write", "t4"),
}
