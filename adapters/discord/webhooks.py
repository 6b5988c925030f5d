"""Seats speak under their own names: by one webhook of ours a channel, found again after a restart."""

from __future__ import annotations

from asyncio import Lock
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from adapters.discord.api import Rest
from bot.ports import Forbidden, SurfaceError

NAME = "Moot"
SUFFIX = " · Moot"  # so that nobody takes a seat for a person
NAME_CHARS = 80
# https://discord.com/developers/docs/resources/webhook#create-webhook: names may not contain these
RESERVED = {"clyde": "cl-yde", "discord": "dis-cord"}


@dataclass(frozen=True, slots=True)
class Webhook:
    id: int
    token: str


class Webhooks:
    """The webhooks by channel. `None`: we may not have one there, and the bot speaks itself."""

    def __init__(self, rest: Rest, application_id: int) -> None:
        self._rest = rest
        self._application_id = application_id
        self._known: dict[int, Webhook | None] = {}
        self._looking: defaultdict[int, Lock] = defaultdict(Lock)
        self._looked_over: set[int] = set()  # servers

    def refused(self, channel: int) -> bool:
        """Whether we have looked and may not have one there."""
        return channel in self._known and self._known[channel] is None

    async def find(self, channel: int, *, allowed: bool) -> Webhook | None:
        """`allowed`: whether the bot may manage webhooks there. Raises SurfaceError."""
        async with self._looking[channel]:
            if channel not in self._known and allowed:
                self._stands(channel, await self._look(channel))
            return self._known.get(channel)

    async def prefetch(self, guild: int) -> None:
        """Find all of ours in a server at once, where runs go on in many of its channels. It takes Manage Webhooks in
        the whole server; without it each channel is looked at by itself.
        """
        async with self._looking[guild]:
            if guild in self._looked_over:
                return
            self._looked_over.add(guild)
            with suppress(SurfaceError):
                found = await self._rest.call("GET", "/guilds/{guild_id}/webhooks", guild_id=guild)
                for hook in self._ours(found["list"]):
                    if (channel := int(hook["channel_id"])) not in self._known:
                        self._stands(channel, Webhook(int(hook["id"]), hook["token"]))

    def forget(self, channel: int) -> None:
        """It was deleted: the next seat that speaks makes it again."""
        self._known.pop(channel, None)

    def retry_refused(self, channel: int) -> None:
        """A refusal may have been taken back since: the next seat that speaks finds out."""
        if self.refused(channel):
            self.forget(channel)

    async def _look(self, channel: int) -> Webhook | None:
        try:
            found = await self._rest.call("GET", "/channels/{channel_id}/webhooks", channel_id=channel)
            for hook in self._ours(found["list"]):
                return Webhook(int(hook["id"]), hook["token"])
            made = await self._rest.call("POST", "/channels/{channel_id}/webhooks", {"name": NAME}, channel_id=channel)
        except Forbidden:
            return None
        except SurfaceError as error:
            if error.status == 400:  # the channel has its 15 webhooks
                return None
            raise
        return Webhook(int(made["id"]), made["token"])

    def _stands(self, channel: int, hook: Webhook | None) -> None:
        self._known[channel] = hook
        if hook is not None:
            self._rest.found(hook.id, channel)

    def _ours(self, hooks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [h for h in hooks if str(h.get("application_id")) == str(self._application_id) and h.get("token")]


def username(title: str) -> str:
    """The name of a seat as a webhook's message carries it."""
    name = title
    for word, harmless in RESERVED.items():
        at = name.lower().find(word)
        while at >= 0:
            name = name[:at] + harmless + name[at + len(word) :]
            at = name.lower().find(word)
    return name[: NAME_CHARS - len(SUFFIX)].rstrip() + SUFFIX
