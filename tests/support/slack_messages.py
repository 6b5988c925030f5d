"""Messages of the app on Slack: their texts and buttons."""

from __future__ import annotations

import asyncio

from commands.more import REST_TEXT
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Ephemeral, Message
from tests.support.slack_app import App


def find_button(message: Message, action: str, about: str = "") -> str:
    """Return the action id of the button that does this."""
    for block in message.blocks:
        for element in block.get("elements", ()):
            parts = element.get("action_id", "").split(":", 3)
            if len(parts) == 4 and parts[2] == action and parts[3].startswith(about):
                return str(element["action_id"])
    raise AssertionError(f"no button {action!r} under {message.text!r}")


def has_button(message: Message | Ephemeral, action: str) -> bool:
    """Return whether a message has a button that does this."""
    return any(f":{action}:" in e.get("action_id", "") for b in message.blocks for e in b.get("elements", ()))


async def press(app: App, message: Message, action: str, user: str = "", about: str = "") -> None:
    """Press a button, as Ann if no `user` is given, and wait until it is acknowledged."""
    await (await app.server.people.click(user or app.ann.id, message, find_button(message, action, about)))


async def press_more(server: SlackServer, end: Message, action: str, user: str) -> None:
    """Press a button behind More… under an end card, and wait until it is acknowledged."""
    known = len(server.world.ephemerals)
    await (await server.people.click(user, end, find_button(end, "more")))
    async with asyncio.timeout(60):
        while not (found := [e for e in server.world.ephemerals[known:] if e.text == REST_TEXT]):
            await asyncio.sleep(0.005)
    await (await server.people.click_ephemeral(found[0], find_action(found[0], action)))


def read_text(message: Message) -> str:
    """Return the Markdown of a message."""
    return "\n".join(block["text"] for block in message.blocks if block["type"] == "markdown")


def find_action(notice: Ephemeral, action: str) -> str:
    """Return the action id of a button of a notice."""
    ids = [str(e["action_id"]) for block in notice.blocks for e in block.get("elements", ())]
    return next(i for i in ids if i.startswith("moot:") and f":{action}:" in i)
