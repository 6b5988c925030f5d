"""Places of runs on Discord: new ones, those of an earlier process, and the run of a message or thread."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import discord

from adapters.common.people import person_id
from adapters.common.posted_messages import DeleteMessage, erase_messages, find_posted
from adapters.common.recent import RecentDict
from adapters.discord.addresses import Address, message_ref, read_address
from adapters.discord.api import CALL_ERRORS, Rest, retry_missing
from adapters.discord.surface import BoardReply, DiscordSurface, age_s
from adapters.discord.webhooks import Webhooks
from bot.actions.permissions import NO_RIGHTS, Rights
from bot.concurrency import SingleFlight
from bot.domain.transcript import Transcript
from bot.domain.word_filter import WordFilter
from bot.ports.process import Clock
from bot.ports.store import PostedPage, Store
from bot.ports.surface import Surface

Channel = Any  # discord.py's many kinds of channels
FRESH_S = 60.0  # a channel that the gateway has not shown, such as an archived thread, is asked for again after that
CACHE_SIZE = 1_000


class Places:
    """The places of all runs on Discord. `words` returns the word list of servers.

    `rules` returns the servers whose rules hold in one, which may be somebody's direct messages; None: each its own.
    """

    def __init__(
        self,
        store: Store,
        rest: Rest,
        webhooks: Webhooks,
        client: discord.Client,
        words: Callable[..., WordFilter],
        rules: Callable[[str], Awaitable[Sequence[str]]] | None = None,
        time: Clock = time.monotonic,
        *,
        hears: bool = True,
    ) -> None:
        """Take what places need. `hears`: the gateway tells which channels there are, and what we may do there."""
        self._store = store
        self._pages = SingleFlight(store.find_page)
        self._erasing = SingleFlight(self._erase)  # whoever has deleted a run does it, and so does who looks for such
        self._rest = rest
        self._webhooks = webhooks
        self._client = client
        self._words = words
        self._rules = rules
        self._fetched: RecentDict[int, Channel] = RecentDict(size=CACHE_SIZE, age_s=FRESH_S, clock=time)
        self._hears = hears
        self._inside: dict[int, str] = {}  # thread or direct message that no run opened → the latest run there

    def create(
        self,
        run: str,
        title: str,
        channel: Channel,
        granted: discord.Permissions,
        starter: int | None,
        opening: BoardReply | None,
        rules: Sequence[str] = (),
    ) -> DiscordSurface:
        """Return a new place for a run. `granted`: the bot's permissions there.

        `rules`: the servers whose rules hold; its own where left out.
        """
        address = new_address(channel)
        if address.kind == "inside":
            self._inside[address.channel] = run
        return DiscordSurface(
            self._rest,
            self._webhooks,
            address,
            run=run,
            title=title,
            words=self._words(*rules or [f"discord:{address.guild}"]),
            may_use_webhooks=granted.manage_webhooks,
            opening=opening,
            starter=starter if address.guild else None,
        )

    async def reopen(self, address_text: str, run: str, t: Transcript, posted: Sequence[PostedPage]) -> Surface | None:
        """Return the place of a run that began in another process, with the messages that were `posted` there.

        None: the address is another platform's, or out of reach.
        """
        address = read_address(address_text)
        if address is None:
            return None
        if self._hears and address.guild and self._client.get_channel(address.parent) is None:
            return None
        if address.kind == "inside":
            self._inside[address.channel] = run
        if address.guild:
            await self._webhooks.prefetch(address.guild)
        return self._rebuild(address, run, posted, t, await self._find_rules(t.started.server))

    async def erase(self, run: str) -> list[str]:
        """Delete a run's messages; return, for each that is left, why it could not be deleted."""
        return await self._erasing.get(run)

    async def _erase(self, run: str) -> list[str]:
        async def delete_at(address_text: str) -> DeleteMessage | None:
            if (address := read_address(address_text)) is None:
                return None
            surface = self._rebuild(address, run, ())
            return lambda ref: retry_missing(partial(surface.delete, ref))

        return await erase_messages(self._store, run, delete_at)

    async def find_page(self, channel: int, message: int) -> tuple[str, PostedPage] | None:
        """Return the run and the page that a message shows; None: it shows none."""
        refs = (message_ref(channel, message, by_webhook=by_webhook) for by_webhook in (True, False))
        return await find_posted(self._pages.get, *refs, age_s=age_s(message))

    def may_see(self, address_text: str, user: discord.abc.User, here: int) -> bool:
        """Return whether a user who acts in channel `here` can see an address of their server."""
        address = read_address(address_text)
        if address is None or address.guild is None or address.channel == here:
            return address is not None
        channel: Channel = self._client.get_channel(address.channel) or self._client.get_channel(address.parent)
        if channel is None or not isinstance(user, discord.Member):
            return False
        known = channel.id == address.channel  # an archived thread is unknown, and may be private
        rights = channel.permissions_for(user)
        return rights.view_channel and (rights.manage_threads or (known and not _is_private(channel)))

    async def find_rights(
        self, address_text: str, *, user: discord.abc.User, here: Channel, granted: discord.Permissions
    ) -> Rights | None:
        """Return the rights of a user who acts in channel `here` at an address of their server; None: it is gone.

        `granted`: their permissions here, which Discord has sent along.
        """
        address = read_address(address_text)
        if address is None:
            return NO_RIGHTS
        if address.guild is None:  # their own direct messages, as nobody else is in that server
            return Rights(see=True, write=True)
        if address.channel in (here.id, getattr(here, "parent_id", None)):
            return _rights_in(here, granted)
        try:
            channel: Channel = self._client.get_channel(address.channel) or await self._fetch_channel(address.channel)
            if channel is None or not isinstance(user, discord.Member):
                return None if channel is None else NO_RIGHTS
            rights = channel.permissions_for(user)
            if _is_private(channel) and not rights.manage_threads:
                await channel.fetch_member(user.id)
        except CALL_ERRORS:  # neither they nor we can see it, or Discord does not say
            return NO_RIGHTS
        return _rights_in(channel, rights)

    async def _fetch_channel(self, channel: int) -> Channel | None:
        """Return a channel that the gateway has not shown; None: there is none. Raises the errors in CALL_ERRORS."""
        if found := self._fetched.get(channel):
            return found
        try:
            return self._fetched.put(channel, await self._client.fetch_channel(channel))
        except discord.NotFound:
            return None

    async def find_run(self, channel: Channel) -> str:
        """Return the run that a thread or direct message belongs to; "" where it belongs to none."""
        if channel.id in self._inside:
            return self._inside[channel.id]
        if not isinstance(channel, discord.Thread):
            return ""
        # a board's thread has its message's id, a forum post's first message that of its thread
        at = channel.id
        refs = (message_ref(channel.parent_id, at), message_ref(at, at))
        found = await find_posted(self._pages.get, *refs, age_s=age_s(at))
        return found[0] if found else ""

    async def _find_rules(self, server: str) -> Sequence[str]:
        return await self._rules(server) if self._rules else [server]

    def _rebuild(
        self,
        address: Address,
        run: str,
        posted: Sequence[PostedPage],
        t: Transcript | None = None,
        rules: Sequence[str] = (),
    ) -> DiscordSurface:
        """Return the place of an earlier run. With `t` the run goes on there, under the `rules` of servers."""
        starter = person_id(t.started.by) if t and address.guild else ""
        parent: Channel = self._client.get_channel(address.parent)
        guild = getattr(parent, "guild", None)
        return DiscordSurface(
            self._rest,
            self._webhooks,
            address,
            run=run,
            title=t.started.title if t else "",
            words=self._words(*rules),
            # who hears nothing finds out by trying
            may_use_webhooks=not self._hears or bool(guild and parent.permissions_for(guild.me).manage_webhooks),
            starter=int(starter) if starter else None,
            posted=[p for p in posted if p.ref],
            began_at=t.entries[0].at if t else None,
        )


def may_write(channel: Channel, granted: discord.Permissions) -> bool:
    """Return whether somebody with these permissions may write in a channel, in its threads, or to us directly."""
    if granted.administrator or getattr(channel, "guild", None) is None:
        return True
    if isinstance(channel, discord.Thread):
        return granted.manage_threads or (granted.send_messages_in_threads and not channel.locked)
    return granted.send_messages


def _rights_in(channel: Channel, granted: discord.Permissions) -> Rights:
    """Return the rights in a channel where runs stand in threads."""
    is_thread = isinstance(channel, discord.Thread)
    return Rights(
        see=granted.view_channel or granted.administrator,
        write=may_write(channel, granted) or (not is_thread and granted.send_messages_in_threads),
        moderate=granted.manage_messages or granted.administrator,
    )


def _is_private(channel: Channel) -> bool:
    """Return whether only the members of a thread see it, and moderators of threads."""
    return isinstance(channel, discord.Thread) and channel.is_private()


def new_address(channel: Channel) -> Address:
    """Return an address for a new run that is asked in a channel, thread, forum or direct message."""
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
