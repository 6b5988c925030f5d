"""A gateway with sessions that outlive their connections, events in order, and resumes.

https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

import asyncio
import enum
import json
import secrets
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from tests.servers.discord import payloads
from tests.servers.discord.permissions import channel_permissions
from tests.servers.discord.world import Channel, Guild, World

Json = dict[str, Any]
_Order = str | int | None  # a frame to send; a close code; None: tear the connection


class Intent(enum.IntFlag):
    """Intents of the gateway.

    https://docs.discord.com/developers/events/gateway#gateway-intents
    """

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_WEBHOOKS = 1 << 5
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT


@dataclass(slots=True)
class _Session:
    id: str
    intents: Intent
    shard: tuple[int, int]
    seq: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=2000))
    outbox: asyncio.Queue[_Order] | None = None  # None while nobody is connected


@dataclass(frozen=True, slots=True)
class Connect:
    """A gateway connection that has identified or resumed; `at` is loop time."""

    at: float
    kind: Literal["identify", "resume"]


class Gateway:
    """The gateway of one application; READY gives its `url` to the client for resumes."""

    def __init__(self, world: World, token: str, allowed: Intent, heartbeat_s: float) -> None:
        self.url = ""
        self.connects: list[Connect] = []
        self._world = world
        self._token = token
        self.allowed = allowed
        self._heartbeat_s = heartbeat_s
        self._sessions: dict[str, _Session] = {}
        self._outboxes: set[asyncio.Queue[_Order]] = set()
        self._refusals = 0

    def list_shards(self) -> list[int]:
        """Return the shards of the sessions that are connected now, one of two sessions twice."""
        return sorted(session.shard[0] for session in self._sessions.values() if session.outbox is not None)

    # faults

    def refuse(self, connects: int) -> None:
        self._refusals = connects

    def drop(self, *, resume: bool) -> None:
        """Tear all connections; without `resume` also forget the sessions, so that a RESUME is refused."""
        if not resume:
            self._sessions.clear()
        self._order_all(None)

    def ask_to_reconnect(self) -> None:
        self._order_all('{"op":7,"d":null,"s":null,"t":null}')

    def close(self, code: int) -> None:
        self._order_all(code)

    def _order_all(self, order: _Order) -> None:
        for outbox in self._outboxes:
            outbox.put_nowait(order)

    # events

    def emit(self, event: str, data: Json, *, intent: Intent | None, place: Channel | Guild | None = None) -> None:
        """Send an event to every session that may hear it.

        A session hears an event when it asked for the intent, has the guild on its shard, and its bot can see the
        channel.
        """
        if isinstance(place, Channel) and not self._may_see(place):
            return
        guild_id = place.guild_id if isinstance(place, Channel) else None if place is None else place.id
        for session in self._sessions.values():
            on_shard = ((guild_id or 0) >> 22) % session.shard[1] == session.shard[0]
            if on_shard and (intent is None or intent & session.intents):
                self._push(session, event, self._redact_event(session, event, data))

    def _may_see(self, channel: Channel) -> bool:
        return bool(channel_permissions(self._world, channel, self._world.bot.id))

    def _redact_event(self, session: _Session, event: str, data: Json) -> Json:
        """Return the event without what the session's intents do not cover.

        Without the members intent a guild comes with the bot alone. Without the message-content intent only DMs,
        mentions and the bot's own messages can be read.
        """
        bot = str(self._world.bot.id)
        if event == "GUILD_CREATE" and Intent.GUILD_MEMBERS not in session.intents:
            return {**data, "members": [m for m in data["members"] if m["user"]["id"] == bot]}
        if (
            event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
            or Intent.MESSAGE_CONTENT in session.intents
            or "guild_id" not in data
            or bot in (data["author"]["id"], data.get("application_id"))
            or bot in [u["id"] for u in data["mentions"]]
        ):
            return data
        bare = {k: v for k, v in data.items() if k not in ("poll", "message_snapshots")}
        return {**bare, "content": "", "embeds": [], "attachments": [], "components": []}

    def _push(self, session: _Session, event: str, data: Json) -> None:
        session.seq += 1
        frame = json.dumps({"op": 0, "t": event, "s": session.seq, "d": data})
        session.sent.append((session.seq, frame))
        if session.outbox is not None:
            session.outbox.put_nowait(frame)

    # one connection

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if self._refusals:
            self._refusals -= 1
            return web.Response(status=503)  # not a torn request, which aiohttp's client quietly repeats
        ws = web.WebSocketResponse(max_msg_size=0, compress=False)
        await ws.prepare(request)
        outbox: asyncio.Queue[_Order] = asyncio.Queue()
        self._outboxes.add(outbox)
        outbox.put_nowait(json.dumps({"op": 10, "d": {"heartbeat_interval": round(self._heartbeat_s * 1000)}}))
        packed = request.query.get("compress") == "zlib-stream"
        writer = asyncio.create_task(self._write(request, ws, outbox, packed))
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._receive(json.loads(message.data), outbox)
        finally:
            writer.cancel()
            self._outboxes.discard(outbox)
            for session in self._sessions.values():
                if session.outbox is outbox:
                    session.outbox = None
            await asyncio.gather(writer, return_exceptions=True)
        return ws

    async def _write(
        self, request: web.Request, ws: web.WebSocketResponse, outbox: asyncio.Queue[_Order], packed: bool
    ) -> None:
        send = _make_sender(ws) if packed else ws.send_str
        while True:
            order = await outbox.get()
            if isinstance(order, str):
                await send(order)
            elif isinstance(order, int):
                await ws.close(code=order)
                return
            else:
                if request.transport is not None:
                    request.transport.abort()
                return

    def _receive(self, frame: Json, outbox: asyncio.Queue[_Order]) -> None:
        match frame["op"]:
            case 1:
                outbox.put_nowait('{"op":11,"d":null}')
            case 2:
                self._identify(frame["d"], outbox)
            case 6:
                self._resume(frame["d"], outbox)
            case 8:
                self._send_members(frame["d"], outbox)
            case 3 | 4:
                pass  # presence and voice need no answer
            case _:
                outbox.put_nowait(4001)

    def _identify(self, data: Json, outbox: asyncio.Queue[_Order]) -> None:
        intents = Intent(data["intents"])
        if data["token"] != self._token:
            outbox.put_nowait(4004)
            return
        if intents & PRIVILEGED & ~self.allowed:
            outbox.put_nowait(4014)
            return
        index, count = data.get("shard", (0, 1))
        session = _Session(secrets.token_hex(16), intents, (index, count), outbox=outbox)
        self._sessions[session.id] = session
        self.connects.append(Connect(self._world.now(), "identify"))
        here = [g for g in self._world.guilds.values() if (g.id >> 22) % count == index and self._has_bot(g)]
        ready = {
            "v": 10,
            "user": {**payloads.user(self._world.bot), "verified": True, "mfa_enabled": False, "email": None},
            "guilds": [{"id": str(g.id), "unavailable": True} for g in here],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": [index, count],
            "application": {"id": str(self._world.bot.id), "flags": 0},
        }
        self._push(session, "READY", ready)
        for guild in here:
            whole = payloads.guild_create(self._world, guild)
            self._push(session, "GUILD_CREATE", self._redact_event(session, "GUILD_CREATE", whole))

    def _has_bot(self, guild: Guild) -> bool:
        return self._world.bot.id in guild.members

    def _resume(self, data: Json, outbox: asyncio.Queue[_Order]) -> None:
        session = self._sessions.get(data["session_id"])
        if session is None or data["token"] != self._token:
            outbox.put_nowait('{"op":9,"d":false}')
            return
        self.connects.append(Connect(self._world.now(), "resume"))
        session.outbox = outbox
        for seq, frame in session.sent:
            if seq > data["seq"]:
                outbox.put_nowait(frame)
        self._push(session, "RESUMED", {})

    def _send_members(self, data: Json, outbox: asyncio.Queue[_Order]) -> None:
        """Answer REQUEST_GUILD_MEMBERS, by ids or by the beginning of a name, in one chunk."""
        guild = self._world.guild(int(data["guild_id"]))
        ids = data.get("user_ids")
        wanted = None if ids is None else {int(i) for i in ([ids] if isinstance(ids, str | int) else ids)}
        hits = [
            payloads.member(m, self._world.users[i])
            for i, m in guild.members.items()
            if (wanted is None and self._world.users[i].name.startswith(data.get("query", ""))) or i in (wanted or ())
        ]
        chunk = {"guild_id": str(guild.id), "members": hits, "chunk_index": 0, "chunk_count": 1, "not_found": []}
        for session in self._sessions.values():
            if session.outbox is outbox:
                self._push(session, "GUILD_MEMBERS_CHUNK", {**chunk, "nonce": data.get("nonce")})


def _make_sender(ws: web.WebSocketResponse) -> Callable[[str], Any]:
    """Return a function that sends frames in one zlib stream, flushed after each frame."""
    stream = zlib.compressobj()

    async def send(frame: str) -> None:
        await ws.send_bytes(stream.compress(frame.encode()) + stream.flush(zlib.Z_SYNC_FLUSH))

    return send
