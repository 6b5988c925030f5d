"""The parts of the server that every route and every act of a person works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.discord.gateway import Gateway, Intent
from tests.servers.discord.interactions import Interactions
from tests.servers.discord.limits import Buckets
from tests.servers.discord.world import Channel, Upload, World


@dataclass(slots=True)
class Hub:
    world: World
    gateway: Gateway
    buckets: Buckets
    interactions: Interactions
    token: str
    origin: str = ""  # "http://host:port", known once the server listens
    commands: dict[int | None, list[dict[str, Any]]] = field(default_factory=dict)  # by guild; None: global
    nonces: dict[tuple[int, str], tuple[float, int]] = field(default_factory=dict)  # loop time, message id

    def store_uploads(self, channel: Channel, uploads: list[Upload]) -> list[Upload]:
        """Store files, and return them with their ids and addresses on this server."""
        kept = []
        for given in uploads:
            number = self.world.new_id()
            url = f"{self.origin}/attachments/{channel.id}/{number}/{given.filename}"
            kept.append(Upload(given.filename, given.data, given.content_type, number, url))
            self.world.files[number] = kept[-1]
        return kept

    def emit_message(self, event: str, data: dict[str, Any], channel: Channel, *, reaction: bool = False) -> None:
        """Emit an event about a message, under the intent that its channel asks for."""
        if channel.guild_id is None:
            intent = Intent.DIRECT_MESSAGE_REACTIONS if reaction else Intent.DIRECT_MESSAGES
        else:
            intent = Intent.GUILD_MESSAGE_REACTIONS if reaction else Intent.GUILD_MESSAGES
            data = {**data, "guild_id": str(channel.guild_id)}
        self.gateway.emit(event, data, intent=intent, place=channel)
