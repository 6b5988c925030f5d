"""Webhooks by which seats speak under their own names: one per channel, found again after a restart."""

from __future__ import annotations

from asyncio import Lock
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from adapters.discord.api import Rest
from bot.ports.surface import Forbidden, SurfaceError

WEBHOOK_NAME = "Moot"
SUFFIX = " · Moot"  # keeps people from taking a seat for a person
NAME_CHARS = 80
# https://discord.com/developers/docs/resources/webhook#create-webhook: names may not contain these
RESERVED = {"clyde": "cl-yde", "discord": "dis-cord"}


@dataclass(frozen=True, slots=True)
class Webhook:
    id: int
    token: str


class Webhooks:
    """Our webhooks by channel. None for a channel: Discord refused one there, and the bot itself speaks."""

    def __init__(self, rest: Rest, application_id: int) -> None:
        self._rest = rest
        self._application_id = application_id
        self._known: dict[int, Webhook | None] = {}  # channel → webhook
        self._locks: defaultdict[int, Lock] = defaultdict(Lock)
        self._prefetched: set[int] = set()  # servers

    def is_refused(self, channel: int) -> bool:
        """Return whether Discord has refused a webhook in a channel."""
        return channel in self._known and self._known[channel] is None

    async def find_or_create(self, channel: int, *, allowed: bool) -> Webhook | None:
        """Return the channel's webhook, making one if needed. Raises SurfaceError.

        `allowed`: the bot may manage webhooks there.
        """
        async with self._locks[channel]:
            if channel not in self._known and allowed:
                self._note(channel, await self._look_up_or_create(channel))
            return self._known.get(channel)

    async def prefetch(self, guild: int) -> None:
        """Find all of ours in a server with one call, since runs may go on in many of its channels.

        It needs Manage Webhooks in the whole server; without it `find_or_create` looks at each channel by itself.
        """
        async with self._locks[guild]:
            if guild in self._prefetched:
                return
            self._prefetched.add(guild)
            with suppress(SurfaceError):
                found = await self._rest.call("GET", "/guilds/{guild_id}/webhooks", guild_id=guild)
                for webhook in self._select_own(found["list"]):
                    if (channel := int(webhook["channel_id"])) not in self._known:
                        self._note(channel, Webhook(int(webhook["id"]), webhook["token"]))

    def forget(self, channel: int) -> None:
        """Forget a webhook that was deleted: the next seat that speaks makes a new one."""
        self._known.pop(channel, None)

    def forget_refusal(self, channel: int) -> None:
        """Forget a refusal, which may have been taken back since: the next seat that speaks finds out."""
        if self.is_refused(channel):
            self.forget(channel)

    async def _look_up_or_create(self, channel: int) -> Webhook | None:
        try:
            found = await self._rest.call("GET", "/channels/{channel_id}/webhooks", channel_id=channel)
            for webhook in self._select_own(found["list"]):
                return Webhook(int(webhook["id"]), webhook["token"])
            created = await self._rest.call(
                "POST", "/channels/{channel_id}/webhooks", {"name": WEBHOOK_NAME}, channel_id=channel
            )
        except Forbidden:
            return None
        except SurfaceError as error:
            if error.status == 400:  # the channel has its 15 webhooks
                return None
            raise
        return Webhook(int(created["id"]), created["token"])

    def _note(self, channel: int, webhook: Webhook | None) -> None:
        self._known[channel] = webhook
        if webhook is not None:
            self._rest.buckets.note_webhook(webhook.id, channel)

    def _select_own(self, webhooks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [
            webhook
            for webhook in webhooks
            if str(webhook.get("application_id")) == str(self._application_id) and webhook.get("token")
        ]


def webhook_username(title: str) -> str:
    """Return a seat's name as a webhook may carry it: without reserved words, with our suffix, not too long."""
    name = title
    for word, harmless in RESERVED.items():
        at = name.lower().find(word)
        while at >= 0:
            name = name[:at] + harmless + name[at + len(word) :]
            at = name.lower().find(word)
    return name[: NAME_CHARS - len(SUFFIX)].rstrip() + SUFFIX
