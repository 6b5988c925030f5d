"""Slack's surface on the test server, with the real slack_sdk: in every kind of place where a run can stand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

import aiohttp

from adapters.slack.addresses import read_ref
from adapters.slack.api import Api, Workspace
from adapters.slack.places import Places
from adapters.slack.workspaces import Workspaces
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.ports.surface import MessageRef, Surface
from tests.servers.slack import Ref, SlackServer
from tests.servers.slack.world import Message, User
from tests.support.slack_app import open_workspace
from tests.support.stores import MemoryStore
from tests.support.surface_stages.base import (
    RETRY_S,
    RUN,
    Ability,
    Refusal,
    SeenMessage,
    SurfaceCase,
    make_transcript,
    store_pages,
)

METHODS = ("postMessage", "update", "delete", "startStream", "appendStream", "stopStream")
MANY = 100


class SlackStage:
    def __init__(
        self, server: SlackServer, ann: User, api: Api, workspaces: Workspaces, at: Workspace, channel: str, thread: str
    ) -> None:
        self.person = f"slack:{ann.id}"
        self._server = server
        self._ann = ann
        self._api = api
        self._workspaces = workspaces
        self._at = at
        self._channel = channel
        self._thread = thread
        self._store = MemoryStore(time.time)
        self._places = self._make_places()
        self.surface = self._make_surface()

    async def open_another(self) -> Surface:
        return self._make_surface()

    async def read_messages(self) -> list[SeenMessage]:
        return [SeenMessage(_read_text(m), _button_labels(m)) for m in self._own_messages()]

    def list_pings(self) -> list[str]:
        return [f"slack:{person}" for m in self._own_messages() for person in (*m.notified, *m.mentions)]

    async def delete_as_person(self, ref: MessageRef) -> None:
        await self._server.people.delete_message(Ref(*read_ref(ref)))

    async def refuse(self, how: Refusal) -> None:
        for method in (f"chat.{name}" for name in METHODS):
            match how:
                case "for now":
                    self._server.faults.fail(method, "ratelimited", retry_after_s=int(RETRY_S), times=MANY)
                case "for good":
                    self._server.faults.fail(method, "token_revoked", times=MANY)
                case "by a fault":
                    self._server.faults.fail(method, status=500, times=MANY)
                case "by a torn connection":
                    self._server.faults.reset(method, times=MANY)

    async def heal(self) -> None:
        self._server.faults.clear()

    def list_requests(self) -> list[str]:
        """Return the method of each request; posts are counted by channel."""
        return [
            f"{r.method} {r.args['channel']}" if r.method == "chat.postMessage" else r.method
            for r in self._server.requests
        ]

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        await store_pages(self._store, self.surface, placed)
        return await self._make_places().reopen(
            self.surface.address, RUN, make_transcript(self._at.server), await self._store.posted_pages(RUN)
        )

    def _make_places(self) -> Places:
        """Return the places as a process that has just begun knows them."""
        return Places(self._store, self._api, self._workspaces, lambda server: WordFilter([]), time.time, listen=False)

    def _make_surface(self) -> Surface:
        return self._places.create(RUN, self._at, self._at.server, self._channel, self._thread, self._ann.id, None)

    def _own_messages(self) -> list[Message]:
        """Return the messages of the app, in the order in which they appeared: by time stamp."""
        found = [m for m in self._server.world.posts.values() if m.bot_id and not m.deleted]
        return sorted(found, key=lambda m: m.ts)


def _read_text(message: Message) -> str:
    """Return what people see: the blocks, else the text."""
    return "\n".join(b["text"] for b in message.blocks if b["type"] == "markdown") or message.text


def _button_labels(message: Message) -> tuple[str, ...]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return tuple(str(element["text"]["text"]) for row in rows for element in row)


Where = Literal["channel", "thread", "direct message"]


@asynccontextmanager
async def open_slack(where: Where, *, faces: bool = True) -> AsyncIterator[SlackStage]:
    async with open_workspace() as (server, team), aiohttp.ClientSession() as session:
        if not faces:
            server.world.tokens[team.bot_token].scopes.discard("chat:write.customize")
        ann = next(user for user in server.world.users.values() if user.name == "ann")
        hall = next(channel for channel in server.world.channels.values() if channel.name == "hall")
        asked = (await server.people.say(ann.id, hall.id, "Tea?")).event["ts"]
        direct = server.world.im(ann.id)
        api = Api(session, server.api_base)
        workspaces = Workspaces(api, team.bot_token, None)
        at = await workspaces.find_only()
        channel = direct.id if where == "direct message" else hall.id
        yield SlackStage(server, ann, api, workspaces, at, channel, asked if where == "thread" else "")


ALL: frozenset[Ability] = frozenset({"buttons", "whole", "people", "refuses", "counts", "reopens", "bounded"})
# A stream takes no buttons before its end, and some calls send nothing.
STREAMED = ALL - {"buttons", "whole", "counts"}

CASES = (
    SurfaceCase("Slack, a channel", ALL, partial(open_slack, "channel")),
    SurfaceCase("Slack, a channel without names", ALL, partial(open_slack, "channel", faces=False)),
    SurfaceCase("Slack, a thread", ALL, partial(open_slack, "thread")),
    SurfaceCase("Slack, a direct message", STREAMED, partial(open_slack, "direct message")),
)
