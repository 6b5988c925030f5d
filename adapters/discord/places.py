"""Places of runs on Discord: new ones, those of an earlier process, and the run of a message or thread."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial

import discord

from adapters.common.people import person_id
from adapters.common.posted_messages import DeleteMessage, erase_messages, find_posted
from adapters.discord.addresses import Address, message_ref, read_address
from adapters.discord.api import Rest, retry_missing
from adapters.discord.people import Channel
from adapters.discord.surface import BoardReply, DiscordSurface, age_s
from adapters.discord.webhooks import Webhooks
from bot.concurrency import SingleFlight
from bot.domain.transcript import Transcript
from bot.domain.word_filter import WordFilter
from bot.ports import PostedPage, Store, Surface


class Places:
    """The places of all runs on Discord. `words` returns a server's word list."""

    def __init__(
        self, store: Store, rest: Rest, webhooks: Webhooks, client: discord.Client, words: Callable[[str], WordFilter]
    ) -> None:
        self._store = store
        self._pages = SingleFlight(store.find_page)
        self._rest = rest
        self._webhooks = webhooks
        self._client = client
        self._words = words
        self._inside: dict[int, str] = {}  # thread or direct message that no run opened → the latest run there

    def create(
        self,
        run: str,
        title: str,
        channel: Channel,
        granted: discord.Permissions,
        starter: int | None,
        opening: BoardReply | None,
    ) -> DiscordSurface:
        """Return a new place for a run. `granted`: the bot's permissions there."""
        address = new_address(channel)
        if address.kind == "inside":
            self._inside[address.channel] = run
        return DiscordSurface(
            self._rest,
            self._webhooks,
            address,
            run=run,
            title=title,
            words=self._words(f"discord:{address.guild}"),
            may_use_webhooks=granted.manage_webhooks,
            opening=opening,
            starter=starter if address.guild else None,
        )

    async def reopen(self, address_text: str, run: str, t: Transcript, posted: Sequence[PostedPage]) -> Surface | None:
        """Return the place of a run that began in another process, with the messages that were `posted` there.

        None: the address is another platform's, or out of reach.
        """
        address = read_address(address_text)
        if address is None or (address.guild and self._client.get_channel(address.parent) is None):
            return None
        if address.kind == "inside":
            self._inside[address.channel] = run
        if address.guild:
            await self._webhooks.prefetch(address.guild)
        return self._rebuild(address, run, posted, t)

    async def erase(self, run: str) -> list[str]:
        """Delete a run's messages; return, for each that is left, why it could not be deleted."""

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

    def _rebuild(
        self, address: Address, run: str, posted: Sequence[PostedPage], t: Transcript | None = None
    ) -> DiscordSurface:
        """Return the place of an earlier run. With `t` the run goes on there."""
        starter = person_id(t.started.by) if t and address.guild else ""
        parent: Channel = self._client.get_channel(address.parent)
        guild = getattr(parent, "guild", None)
        return DiscordSurface(
            self._rest,
            self._webhooks,
            address,
            run=run,
            title=t.started.question if t else "",
            words=self._words(t.started.server if t else ""),
            may_use_webhooks=bool(guild and parent.permissions_for(guild.me).manage_webhooks),
            starter=int(starter) if starter else None,
            posted=[p for p in posted if p.ref],
            began_at=t.entries[0].at if t else None,
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
