"""A small workspace on the Slack server, and the real slack_sdk and slack_bolt in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import Ref, SlackServer
from tests.servers.slack.contract import DIRECTORY
from tests.servers.slack.world import Channel, Team, User

Listener = TypeVar("Listener", bound=Callable[..., Awaitable[None]])
BUTTON = {"type": "button", "action_id": "skip", "text": {"type": "plain_text", "text": "Skip"}, "value": "gpt"}
ACTIONS = {"type": "actions", "block_id": "controls", "elements": [BUTTON]}
TOPIC = {"type": "plain_text_input", "action_id": "topic"}
ROUNDS = {
    "type": "static_select",
    "action_id": "rounds",
    "options": [{"text": {"type": "plain_text", "text": n}, "value": n} for n in "12"],
    "initial_option": {"text": {"type": "plain_text", "text": "1"}, "value": "1"},
}
MODAL = {
    "type": "modal",
    "callback_id": "debate",
    "title": {"type": "plain_text", "text": "Debate"},
    "submit": {"type": "plain_text", "text": "Start"},
    "notify_on_close": True,
    "blocks": [
        {"type": "input", "block_id": b, "label": {"type": "plain_text", "text": b}, "element": e}
        for b, e in (("t", TOPIC), ("r", ROUNDS))
    ],
}
HOME = {"type": "home", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Your runs*"}}]}


@dataclass
class Scene:
    """A workspace with one person, and one channel that the bot is in."""

    server: SlackServer
    team: Team
    ann: User
    hall: Channel
    client: Any

    async def find_error(self, method: str, **args: object) -> str:
        """Call a method that must fail and return the code of its error."""
        with pytest.raises(SlackApiError) as caught:
            await self.client.api_call(method, json=args)
        return str(caught.value.response["error"])

    async def post(self, text: str = "hello", **args: object) -> Ref:
        """Post a message as the bot."""
        answer = await self.client.chat_postMessage(channel=self.hall.id, text=text, **args)
        return Ref(answer["channel"], answer["ts"])


@asynccontextmanager
async def open_scene(contract: Path = DIRECTORY) -> AsyncIterator[Scene]:
    """Open a workspace on a server that checks calls against this contract."""
    async with SlackServer(contract=contract) as server:
        team = server.world.add_team("acme")
        ann = server.world.add_user(team.id, "ann", "admin")
        hall = server.world.add_channel(team.id, "hall", [ann.id])
        yield Scene(server, team, ann, hall, AsyncWebClient(team.bot_token, base_url=server.api_base))


@asynccontextmanager
async def connect_sockets(scene: Scene, app: Any, sockets: int = 1) -> AsyncIterator[None]:
    """Connect Bolt's own handlers to the app."""
    handlers = [
        AsyncSocketModeHandler(app, scene.server.world.app.app_token, ping_interval=0.2) for _ in range(sockets)
    ]
    for handler in handlers:
        await handler.connect_async()
    await scene.server.sockets.wait_for_connections(sockets)
    try:
        yield
    finally:
        for handler in handlers:
            await handler.close_async()
            await asyncio.gather(handler.client.message_processor, return_exceptions=True)  # closing only cancels it


def make_bolt(scene: Scene, **options: Any) -> Any:
    """Return an app of Bolt's for the scene."""
    secret = scene.server.world.app.signing_secret
    return AsyncApp(signing_secret=secret, **{"client": scene.client, **options})


def listen(register: Any) -> Callable[[Listener], Listener]:
    """Return Bolt's decorator with types, so that a listener keeps its own: `@listen(app.command("/debate"))`."""
    decorate: Callable[[Listener], Listener] = register
    return decorate


def make_section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@asynccontextmanager
async def serve_http(scene: Scene, app: Any) -> AsyncIterator[None]:
    """Serve the app's Request URL with Bolt's own aiohttp server."""
    runner = web.AppRunner(app.server(port=0).web_app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        scene.server.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield
    finally:
        await runner.cleanup()
