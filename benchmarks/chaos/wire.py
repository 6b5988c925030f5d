"""The world around the bot: both platforms and the models in this process, which sees each event as it happens."""

from __future__ import annotations

import asyncio
import importlib.resources
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from benchmarks.chaos.models import KEY, Models, Moment, Pace
from benchmarks.chaos.places import OnDiscord, OnSlack, Place
from benchmarks.chaos.process import Bot, format_toml
from benchmarks.limits import FEW_PEOPLE
from storage.locations import Location
from tests.servers.discord import DiscordServer
from tests.servers.discord.faults import Fault
from tests.servers.discord.routing import Request
from tests.servers.discord.world import EPHEMERAL, walk
from tests.servers.slack import SlackServer
from tests.servers.slack.web_api import Request as SlackRequest

SEATS = {"ann": "Ann", "bob": "Bob", "cyd": "Cyd", "eve": "Eve"}  # Eve chairs and judges
PANEL = ["ann", "bob", "cyd"]
NO_CONTRACT = Path("no contract")  # checking calls against the platform's own description would take its time
WEBHOOK, MESSAGES, ANSWER = (
    "/webhooks/{webhook_id}/{webhook_token}",
    "/channels/{channel_id}/messages",
    "/interactions/{interaction_id}/{interaction_token}/callback",
)

# A kill can be aimed at a model's moments; at a post that a platform has taken, before the bot knows its id; and at a
# post, or an answer to a person, that got lost on its way.
Aim = Moment | Literal["taken", "lost", "unanswered"]


@dataclass(slots=True)
class Fresh:
    """A wait on one platform for the first text that is new since a kill. Times are in loop seconds."""

    read: Mapping[str, str]  # what each message of a seat read then
    ready_at: float | None = None
    seen_at: float | None = None
    runs_at: dict[str, float] = field(default_factory=dict)  # by the thread or the board it stands under

    def see_text(self, place: str, message: str, text: str, now: float) -> None:
        before = self.read.get(message, "")
        if KEY.search(text) and len(text) > len(before) and self.ready_at is not None:
            self.seen_at = self.seen_at or now
            self.runs_at.setdefault(place, now)


@dataclass
class World:
    """The world around the bot.

    `on_moment` is called at every moment at which a kill can be aimed, before the bot hears of it.
    """

    discord: OnDiscord
    slack: OnSlack
    models: Models
    bot: Bot
    location: Location  # of the database
    on_moment: Callable[[Aim], None] = lambda aim: None
    fresh: dict[str, Fresh] = field(default_factory=dict)  # by platform

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.discord, self.slack)

    def count_connections(self) -> tuple[int, int]:
        return len(self.discord.server.hub.gateway.connects), len(self.slack.server.sockets.hellos)

    def lose_next(self, what: Literal["lost", "unanswered"]) -> None:
        """Tear the next such request before it has any effect."""
        faults = self.discord.server.faults
        if what == "unanswered":
            faults.add(Fault("POST", "/interactions/*", 0))
        else:
            faults.add(Fault("POST", "/webhooks/*", 0))
            faults.add(Fault("POST", "/channels/*/messages", 0))
            self.slack.server.faults.reset("chat.postMessage")

    def heal(self) -> None:
        self.discord.server.faults.clear()
        self.slack.server.faults.clear()

    def forget_texts(self) -> None:
        """Count as new, from now on, all text that is not shown yet; to be called at a kill."""
        for place in self.places:
            self.fresh[place.name] = Fresh(_read_texts(place))

    def on_discord_request(self, seen: Request) -> None:
        if seen.method == "POST" and seen.route in (WEBHOOK, MESSAGES, ANSWER):
            if seen.status == 0:
                self.on_moment("unanswered" if seen.route == ANSWER else "lost")
            elif seen.status < 300 and (seen.route != ANSWER or _is_board(seen.body)):
                self.on_moment("taken")
        if seen.status == 200 and seen.route.startswith(WEBHOOK) and (fresh := self._find_fresh("Discord")):
            text = "\n".join(c["content"] for c in walk(seen.body.get("components") or []) if "content" in c)
            message = seen.path.rpartition("/messages/")[2] if seen.method == "PATCH" else ""
            fresh.see_text(seen.query.get("thread_id", ""), message, text, asyncio.get_running_loop().time())

    def on_slack_request(self, seen: SlackRequest) -> None:
        if seen.method == "chat.postMessage":
            if seen.status == 0:
                self.on_moment("lost")
            elif seen.answer.get("ok"):
                self.on_moment("taken")
        if (
            seen.method in ("chat.postMessage", "chat.update")
            and seen.answer.get("ok")
            and (f := self._find_fresh("Slack"))
        ):
            text = "\n".join(b["text"] for b in seen.args.get("blocks", ()) if b["type"] == "markdown")
            world = self.slack.server.world
            message = world.posts[seen.args["channel"], seen.answer["ts"]]  # type: ignore[index]  # a Ref is such a pair
            if message.username:
                f.see_text(message.thread_ts, message.ts, text, asyncio.get_running_loop().time())

    def _find_fresh(self, platform: str) -> Fresh | None:
        """Return the wait on a platform, marked ready once the bot has connected there again."""
        fresh = self.fresh.get(platform)
        if fresh is None:
            return None
        if fresh.ready_at is None and self.bot.is_alive:
            greeted = self.discord.server.hub.gateway.connects[-1].at, self.slack.server.sockets.hellos[-1]
            fresh.ready_at = greeted[platform == "Slack"]
        return fresh


def _read_texts(place: Place) -> dict[str, str]:
    """Return the text of each seat's message by the platform's id."""
    posts = [post for board in place.list_boards() for post in place.read_thread(board) if post.seat]
    return {post.ref.rpartition("/")[2].removesuffix("@face"): post.text for post in posts}


def _is_board(body: Any) -> bool:
    """Return whether an interaction is answered with a message for all to see."""
    return body.get("type") == 4 and not (body.get("data") or {}).get("flags", 0) & EPHEMERAL


@asynccontextmanager
async def open_world(
    rooms: int,
    pace: Pace,
    concurrency: int = 1000,
    models: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    **settings: Mapping[str, Any],
) -> AsyncIterator[World]:
    """Open both platforms with `rooms` channels each, and the bot's folder; the bot is not started yet.

    `settings` are added to the tables of its moot.toml, and `models` to that of its models, by their keys;
    `concurrency`: answers at once. The bot is killed at the end.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = await stack.enter_async_context(Models(pace))
        discord = OnDiscord(await stack.enter_async_context(DiscordServer(contract=None)))
        slack = OnSlack(await stack.enter_async_context(SlackServer(contract=NO_CONTRACT)))
        await discord.furnish(rooms)
        slack.furnish(rooms)
        bot = Bot(folder, lambda: made.count_connections())
        location = settings.get("storage", {}).get("url", bot.store)
        made = World(discord, slack, served, bot, location)
        stack.callback(made.bot.end)
        discord.server.router.on_request = made.on_discord_request
        slack.server.api.on_request = made.on_slack_request
        served.on_moment = lambda moment: made.on_moment(moment)
        _fill_folder(folder, _make_settings(made, concurrency, models, settings))
        yield made


def _make_settings(
    world: World,
    concurrency: int,
    models: Mapping[str, Mapping[str, Any]],
    more: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    discord, slack = world.discord.server, world.slack.server
    tables: dict[str, dict[str, Any]] = {
        "panels": {"default": {"seats": PANEL, "chair": "eve"}},
        "models": {
            key: {
                "litellm": f"hosted_vllm/{key}",
                "name": SEATS.get(key, key),
                "api_base": f"{world.models.url}/{key}",
                "concurrency": concurrency,
                **models.get(key, {}),
            }
            for key in {**SEATS, **models}
        },
        "discord": {"token": discord.token, "api_base": discord.api_base, "gateway_url": discord.gateway_url},
        "slack": {
            "bot_token": world.slack.team.bot_token,
            "app_token": slack.world.app.app_token,
            "api_base": slack.api_base,
            "listen": True,  # brings the scopes to read what stands in a thread
        },
    }
    limits = {"limits": {**FEW_PEOPLE, **more.get("limits", {})}}
    return {"prompts": "prompts", **tables, **more, **limits}


def _fill_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write moot.toml, and prompts whose first words tell the models their stage."""
    (folder / "moot.toml").write_text(format_toml(settings), "utf-8")
    (folder / "prompts").mkdir()
    for prompt in (importlib.resources.files("bot.formats") / "prompts").iterdir():
        stage = prompt.name.removesuffix(".md")
        text = f"[stage {stage}] {prompt.read_text('utf-8')}"
        (folder / "prompts" / prompt.name).write_text(text, "utf-8")
