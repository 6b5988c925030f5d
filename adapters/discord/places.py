"""Where runs stand on Discord: new places, those of an earlier process, and whose a message or a thread is."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import discord

from adapters.common.messages import Delete, erase, look_up
from adapters.discord.api import Rest, mending
from adapters.discord.layout import person_id
from adapters.discord.people import Channel
from adapters.discord.surface import Address, DiscordSurface, Opening, age_s, message_ref, read_address
from adapters.discord.webhooks import Webhooks
from bot.concurrency import SingleFlight
from bot.domain.transcript import Transcript
from bot.domain.word_filter import WordFilter
from bot.ports import PostedPage, Store, Surface

REMEMBERED = 1_000  # messages that runs were asked with


class Places:
    """`words` gives a server's word list."""

    def __init__(
        self, store: Store, rest: Rest, faces: Webhooks, client: discord.Client, words: Callable[[str], WordFilter]
    ) -> None:
        self._store = store
        self._found = SingleFlight(store.find_page)
        self._rest = rest
        self._faces = faces
        self._client = client
        self._words = words
        self._asked: OrderedDict[int, str] = OrderedDict()  # message → the run that was asked with it
        self._inside: dict[int, str] = {}  # the latest run in a thread or direct message that is not its own

    def new(
        self,
        run: str,
        title: str,
        channel: Channel,
        granted: discord.Permissions,
        starter: int | None,
        opening: Opening | None,
    ) -> DiscordSurface:
        """A new place for a run. `granted`: what the bot may do there."""
        spot = spot_of(channel)
        if spot.kind == "inside":
            self._inside[spot.channel] = run
        return DiscordSurface(
            self._rest,
            self._faces,
            spot,
            run=run,
            title=title,
            words=self._words(f"discord:{spot.guild}"),
            may_have_faces=granted.manage_webhooks,
            opening=opening,
            starter=starter if spot.guild else None,
        )

    async def reopen(self, address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        """The place of a run that began in another process, whose messages are `placed` there; None when it is not
        Discord's, or out of reach."""
        spot = read_address(address)
        if spot is None or (spot.guild and self._client.get_channel(spot.parent) is None):
            return None
        if spot.kind == "inside":
            self._inside[spot.channel] = run
        if spot.guild:
            await self._faces.prefetch(spot.guild)
        return self._again(spot, run, placed, t)

    async def erase(self, run: str) -> list[str]:
        """Delete the run's messages; why each of those that are left could not be."""

        async def deletes(address: str) -> Delete | None:
            if (spot := read_address(address)) is None:
                return None
            surface = self._again(spot, run, ())
            return lambda ref: mending(partial(surface.delete, ref))

        return await erase(self._store, run, deletes)

    def asked_with(self, message: int, run: str) -> None:
        self._asked[message] = run
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)

    def run_asked_with(self, message: int) -> str:
        """The run that this message started; "" when it started none, or long ago."""
        return self._asked.get(message, "")

    async def find(self, channel: int, message: int) -> tuple[str, PostedPage] | None:
        """The run and the page that a message shows."""
        refs = (message_ref(channel, message, face=face) for face in (True, False))
        return await look_up(self._found.get, *refs, age_s=age_s(message))

    def sees(self, address: str, user: discord.abc.User, here: int) -> bool:
        """Whether somebody who is in channel `here` can look at an address of their server."""
        spot = read_address(address)
        if spot is None or spot.guild is None or spot.channel == here:
            return spot is not None
        channel: Channel = self._client.get_channel(spot.channel) or self._client.get_channel(spot.parent)
        if channel is None or not isinstance(user, discord.Member):
            return False
        known = channel.id == spot.channel  # of a thread that is archived it is not known whether it is private
        rights = channel.permissions_for(user)
        return rights.view_channel and (rights.manage_threads or (known and not _is_private(channel)))

    async def run_of(self, channel: Channel) -> str:
        """The run whose thread this is; "" when it is none's."""
        if channel.id in self._inside:
            return self._inside[channel.id]
        if not isinstance(channel, discord.Thread):
            return ""
        # a board's thread has its message's id, a forum post's first message that of its thread
        at = channel.id
        refs = (message_ref(channel.parent_id, at), message_ref(at, at))
        found = await look_up(self._found.get, *refs, age_s=age_s(at))
        return found[0] if found else ""

    def _again(
        self, spot: Address, run: str, placed: Sequence[PostedPage], t: Transcript | None = None
    ) -> DiscordSurface:
        """`placed`: what stands there. With `t` the run goes on there."""
        starter = person_id(t.started.by) if t and spot.guild else ""
        parent: Channel = self._client.get_channel(spot.parent)
        guild = getattr(parent, "guild", None)
        return DiscordSurface(
            self._rest,
            self._faces,
            spot,
            run=run,
            title=t.started.question if t else "",
            words=self._words(t.started.server if t else ""),
            may_have_faces=bool(guild and parent.permissions_for(guild.me).manage_webhooks),
            starter=int(starter) if starter else None,
            placed=[p for p in placed if p.ref],
            began_at=t.entries[0].at if t else None,
        )


def _is_private(channel: Channel) -> bool:
    """A thread that only those see who are in it, and moderators of threads."""
    return isinstance(channel, discord.Thread) and channel.is_private()


def spot_of(channel: Channel) -> Address:
    nonce = secrets.token_hex(4)
    guild = channel.guild.id if getattr(channel, "guild", None) else None
    match channel:
        case discord.Thread():
            return Address(guild, channel.id, channel.parent_id, "inside", nonce)
        case discord.TextChannel():
            return Address(guild, channel.id, channel.id, "channel", nonce)
        case discord.ForumChannel():
            return Address(guild, channel.id, channel.id, "forum", nonce)
        case _:  # a direct message, or the chat of a voice channel, which has no threads
            return Address(guild, channel.id, channel.id, "inside", nonce)
