"""The bot as one process serves it on Discord and on Slack, with a channel of each and people in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli import serve
from bot.live.budget import SlidingWindow
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Channel, Ephemeral, Message, User
from tests.support.discord_bot import Moot, run_moot
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.slack_messages import has_button

PATIENCE_S = 60.0  # until a run is over; the first of a process waits for the import of litellm


@dataclass
class SlackHall:
    """A channel on Slack that the bot is in, with one person in it."""

    server: SlackServer
    ann: User
    channel: Channel

    async def finish_run(self, command: str, question: str, **options: Any) -> tuple[Message, list[Message]]:
        """Play a run to its end; return the board and the replies to it."""
        board = await self.begin_run(command, question, **options)
        return board, await self.wait_for_end(board)

    async def begin_run(self, command: str, question: str, **options: Any) -> Message:
        """Start a run and return its board, without waiting for anything else."""
        first, *rest = command.split()
        flags = [f"--{name} {value}".lower() for name, value in options.items()]
        world = self.server.world
        known = len(world.messages(self.channel.id))
        typed = " ".join([*rest, question, *flags])
        await (await self.server.people.command(self.ann.id, self.channel.id, f"/{first}", typed))
        await wait_until(lambda: len(world.messages(self.channel.id)) > known)
        return world.messages(self.channel.id)[known]

    async def wait_for_end(self, board: Message) -> list[Message]:
        """Return the replies to a board once its run is over."""
        await wait_until(lambda: any(has_button(m, "more") for m in self.read_thread(board)), PATIENCE_S)
        await wait_until(lambda: "Result:" in board.text)
        return self.read_thread(board)

    def read_thread(self, board: Message) -> list[Message]:
        """Return the replies to a board."""
        return self.server.world.messages(self.channel.id, board.ts)[1:]

    async def press(self, message: Message | Ephemeral, action_id: str) -> None:
        """Press a button as Ann, and wait until something has come of it for her."""
        before = self._count_answers()
        people = self.server.people
        pressing = (
            people.click_ephemeral(message, action_id)
            if isinstance(message, Ephemeral)
            else people.click(self.ann.id, message, action_id)
        )
        await (await pressing)
        await wait_until(lambda: self._count_answers() != before)

    async def press_for_notice(self, message: Message, action_id: str) -> Ephemeral:
        """Press a button as Ann; return the notice with buttons that she alone reads then."""
        known = len(self.server.world.ephemerals)
        found: list[Ephemeral] = []

        def is_there() -> bool:
            found[:] = [e for e in self.server.world.ephemerals[known:] if any("elements" in b for b in e.blocks)]
            return bool(found)

        await self.press(message, action_id)
        await wait_until(is_there)
        return found[0]

    def _count_answers(self) -> tuple[int, ...]:
        world = self.server.world
        notices = [e for e in world.ephemerals if not e.deleted]
        texts = hash(tuple(e.text for e in notices))
        return len(notices), texts, len(world.views), len(world.posts), len(world.files)


@asynccontextmanager
async def serve_both(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Moot, SlackHall]]:
    """Serve the bot on both wire servers; its database is in the folder `path`."""
    monkeypatch.setitem(serve.BUDGETS, "slack", lambda name, started: SlidingWindow(1_000, 1.0))
    async with open_workspace() as (slack, team):
        slack.limits.set("chat.update", None)
        async with run_moot(path, slack=make_settings(slack, team)) as moot:
            await slack.sockets.wait_for_connections()
            ann = next(u for u in slack.world.users.values() if u.name == "ann")
            hall = next(c for c in slack.world.channels.values() if c.name == "hall")
            yield moot, SlackHall(slack, ann, hall)
