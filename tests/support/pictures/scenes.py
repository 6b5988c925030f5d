"""Real runs of the bot on both wire servers, each played to its end: what people see of them is then drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.settings.settings import ModelSettings, PanelSettings
from tests.servers.discord import Message as DiscordMessage
from tests.servers.discord.world import walk
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Channel, User
from tests.servers.slack.world import Message as SlackMessage
from tests.support.discord_bot import Moot, run_moot
from tests.support.pictures.scripts import QUESTION, SCRIPTS, SEATS
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.slack_messages import find_button, has_button, press_more

COMMANDS = {"council": "council", "debate": "debate", "blind": "compare", "failed": "council"}
OPTIONS: dict[str, dict[str, Any]] = {"debate": {"rounds": 2}, "blind": {"blind": True}}
PRICES = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}
SETTLES_S = 3.0  # from the end card, which is the only message that notifies, to the last edits
PATIENCE_S = 300.0  # for the end of one run, on a busy machine


@dataclass
class Stage:
    """The bot on both platforms."""

    moot: Moot
    slack: SlackServer
    ann: User
    bea: User
    hall: Channel

    async def play_on_discord(self, scene: str) -> tuple[DiscordMessage, list[DiscordMessage]]:
        """Play a scene to its end; return the board and the messages of its thread."""
        moot = self.moot
        self._script(scene)
        board = await moot.ask(COMMANDS[scene], question=QUESTION, **OPTIONS.get(scene, {}))
        thread = await moot.find_thread(board)
        if scene == "blind":
            card = await moot.find(thread, lambda m: _offers(m, "vote"))
            await moot.press(moot.bob, card, "vote")
            await moot.press_more(moot.ada, card, "close")
        await moot.wait_until(
            lambda: any(m.notified for m in moot.read_messages(thread)) and not _offers(board, "stop"), PATIENCE_S
        )
        await asyncio.sleep(SETTLES_S)
        return board, moot.read_messages(thread)

    async def play_on_slack(self, scene: str) -> tuple[SlackMessage, list[SlackMessage]]:
        """Play a scene to its end; return the board and the replies to it."""
        self._script(scene)
        world, people = self.slack.world, self.slack.people
        before = len(world.messages(self.hall.id))
        typed = " ".join([QUESTION, *(f"--{name} {value}".lower() for name, value in OPTIONS.get(scene, {}).items())])
        await (await people.command(self.ann.id, self.hall.id, f"/{COMMANDS[scene]}", typed))
        await wait_until(lambda: len(world.messages(self.hall.id)) > before)
        board = world.messages(self.hall.id)[before]

        def replies() -> list[SlackMessage]:
            return world.messages(self.hall.id, board.ts)[1:]

        if scene == "blind":
            await wait_until(lambda: any(has_button(m, "vote") for m in replies()), PATIENCE_S)
            card = next(m for m in replies() if has_button(m, "vote"))
            await (await people.click(self.bea.id, card, find_button(card, "vote")))
            await press_more(self.slack, card, "close", self.ann.id)
        await wait_until(lambda: any(m.notified for m in replies()) and not has_button(board, "stop"), PATIENCE_S)
        await asyncio.sleep(SETTLES_S)
        return board, replies()

    def _script(self, scene: str) -> None:
        for seat, replies in SCRIPTS[scene].items():
            self.moot.script_model(seat, *replies)


@asynccontextmanager
async def open_stage(path: Path) -> AsyncIterator[Stage]:
    """Serve the bot on both wire servers, with seats of known prices; its database is in the folder `path`."""
    async with open_workspace() as (slack, team):
        given = make_settings(slack, team)
        async with run_moot(path, started=False) as moot:
            models = {
                key: ModelSettings(
                    litellm=f"hosted_vllm/{key}", name=name, api_base=f"{moot.models.url}/{key}", **PRICES
                )
                for key, name in {**SEATS, "chair": "Chair"}.items()
            }
            panels = {"default": PanelSettings(seats=list(SEATS), chair="chair")}
            moot.settings = moot.settings.model_copy(update={"models": models, "panels": panels, "slack": given})
            await moot.start()
            await slack.sockets.wait_for_connections()
            bea = slack.world.add_user(team.id, "bea")
            ann = next(u for u in slack.world.users.values() if u.name == "ann")
            hall = next(c for c in slack.world.channels.values() if c.name == "hall")
            hall.members.append(bea.id)
            yield Stage(moot, slack, ann, bea, hall)


def _offers(message: DiscordMessage, action: str) -> bool:
    """Return whether a message has a button that does this."""
    return any(f":{action}:" in part.get("custom_id", "") for part in walk(message.components))
