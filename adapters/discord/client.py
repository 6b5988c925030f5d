"""The bot on Discord: one client, its events, and its connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
import structlog
from discord.backoff import ExponentialBackoff

from adapters.common.deliveries import DeliveryLog
from adapters.common.question_log import QuestionLog
from adapters.common.seals import Seal
from adapters.discord import gateway
from adapters.discord.api import CALL_ERRORS, Rest, set_up_library
from adapters.discord.definitions import define_commands, fingerprint
from adapters.discord.interactions import InteractionHandler
from adapters.discord.listening import Listener
from adapters.discord.memberships import NOT_ALLOWED, Memberships
from adapters.discord.names import DiscordReader
from adapters.discord.owner_notices import OwnerNotices
from adapters.discord.people import Admissions
from adapters.discord.permissions import wanted_intents
from adapters.discord.places import Places
from adapters.discord.sharding import LeasedClient
from adapters.discord.webhooks import Webhooks
from bot.actions.actions import Actions
from bot.concurrency import KeyedSemaphore
from bot.errors import Misconfigured
from bot.network import describe_certificate_error, find_proxy
from bot.ports.shards import ShardLeases
from bot.ports.store import DocumentStore, Store
from bot.settings.platforms import DiscordSettings
from commands import COMMANDS
from commands.controls import MENUS

log = structlog.get_logger()


async def _go_on() -> None:
    """Connect at once."""


MAX_CONNECTIONS = 100  # with Discord's REST at once: in a flood discord.py would open one for each answer
GUILD_WAIT_S = 0.2  # discord.py is ready when no guild came for so long; a later guild's runs go on when it comes


def make_client(settings: DiscordSettings, rest: Rest, leases: ShardLeases | None = None) -> discord.Client:
    """Make a client that is not connected yet. It caches no messages, since our own store has what we need of them.

    `leases`: which shards it hears, where several gateways share them.
    """
    options: dict[str, Any] = {
        "intents": wanted_intents(listen=settings.listen, members=settings.members),
        "chunk_guilds_at_startup": False,  # we need no list of all members
        "http_trace": rest.trace,
        "max_messages": None,
        "allowed_mentions": discord.AllowedMentions.none(),
        "guild_ready_timeout": GUILD_WAIT_S,
        "connector": aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        "proxy": find_proxy(settings.api_base),
    }
    set_up_library(settings.api_base, settings.gateway_url)
    gateway.install_gateway()
    if leases is not None:
        return LeasedClient(leases, settings.shard_ids, shard_count=settings.shard_count or 1, **options)
    if settings.shard_count or settings.shard_ids:
        shards: dict[str, Any] = {"shard_ids": settings.shard_ids, "shard_count": settings.shard_count}
        return discord.AutoShardedClient(**shards, **options)
    return discord.Client(**options)


class DiscordBot:
    """Moot on Discord. `serve` runs it; `places.reopen` finds the runs of an earlier process once `ready` is set."""

    name = "discord"
    session: aiohttp.ClientSession  # fetches attached files; `serve` opens it before the log-in

    def __init__(
        self,
        client: discord.Client,
        rest: Rest,
        actions: Actions,
        store: Store,
        documents: DocumentStore,
        settings: DiscordSettings,
        *,
        connects: bool = True,
    ) -> None:
        """Take what the bot needs. Without `connects` it only calls Discord, and another process hears it."""
        self.ready = asyncio.Event()
        self.widened = asyncio.Event()
        self._client = client
        self._rest = rest
        self._actions = actions
        self._store = store
        self._documents = documents
        self._settings = settings
        self._connects = connects
        rest.use_client(client)
        client.event(self.on_ready)
        client.event(self.setup_hook)

    async def setup_hook(self) -> None:
        """Build all parts between login and connection, when the application's id is known."""
        application = self._client.application_id
        assert application is not None, "login has asked for it"
        webhooks = Webhooks(self._rest, application)
        services, loop_time = self._actions.services, asyncio.get_running_loop().time
        self._memberships = Memberships(
            self._client, lambda server: server in services.settings.servers, self._settings, loop_time
        )
        self.places = Places(
            self._store,
            self._rest,
            webhooks,
            self._client,
            services.words.of,
            self._memberships.list_rules,
            loop_time,
            hears=self._connects,
        )
        admissions = Admissions(self.places, self._memberships, services.server_settings)
        deliveries = DeliveryLog("discord", self._documents, time.time)
        await deliveries.load()
        self._owner_notices = OwnerNotices(self._documents)
        order, questions, reader = KeyedSemaphore(), QuestionLog(), DiscordReader(self._client)
        self.interactions = InteractionHandler(
            self._actions,
            self.places,
            admissions,
            Seal(self._settings.token.get_secret_value()),
            self._owner_notices,
            self._client,
            deliveries,
            order,
            questions,
            reader,
            self.session,
        )
        self._listener = Listener(
            self._actions,
            self.places,
            admissions,
            self._client,
            deliveries,
            order,
            questions,
            reader,
            self.session,
            self._settings,
        )
        for event in (
            self.on_interaction,
            self.on_message,
            self.on_raw_reaction_add,
            self.on_raw_reaction_remove,
            self.on_raw_message_edit,
            self.on_raw_message_delete,
            self.on_thread_member_join,
            self.on_guild_remove,
            self.on_guild_available,
            self.on_guild_join,
        ):
            self._client.event(event)
        await self._register(application)

    async def on_ready(self) -> None:
        if not self.ready.is_set():
            self.ready.set()
            await self._check_operator_channel()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        await self.interactions.take(interaction)

    async def on_message(self, message: discord.Message) -> None:
        await self._listener.take_message(message)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        await self._listener.take_reaction(event, added=True)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        await self._listener.take_reaction(event, added=False)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        if event.data.get("edited_timestamp"):  # else Discord has shown the preview of a link, or somebody pinned it
            await self._listener.take_change(event.message_id, "edited")

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._listener.take_change(event.message_id, "deleted")

    async def on_guild_available(self, guild: discord.Guild) -> None:
        self.widened.set()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.widened.set()
        if not self._memberships.is_allowed(guild.id):
            await self._owner_notices.refuse(guild, NOT_ALLOWED.format(guild.id))

    async def on_thread_member_join(self, member: discord.ThreadMember) -> None:
        await self._listener.take_member(member)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self._actions.stop_runs_of(f"discord:{guild.id}")

    async def is_connected(self) -> bool:
        """Return whether the gateway is connected now, of each shard."""
        if not self.ready.is_set() or self._client.is_closed():
            return False
        if not self._connects:
            return True
        if isinstance(self._client, LeasedClient):
            return self._client.is_connected()
        if isinstance(self._client, discord.AutoShardedClient):
            return not any(shard.is_closed() for shard in self._client.shards.values())
        return self._client.ws.open

    def describe(self) -> str:
        """Return what is up: the bot's name, and the number of its servers, as far as it hears of them."""
        if not self._connects:
            return f"Discord: {self._client.user}, which other processes hear"
        if isinstance(self._client, LeasedClient) and not self._client.shard_ids:
            return f"Discord: {self._client.user}, in reserve, as other gateways hear all shards"
        servers = len(self._client.guilds)
        return f"Discord: {self._client.user} in {servers} server{'' if servers == 1 else 's'}"

    async def serve(self, accepted: Callable[[], Awaitable[None]] = _go_on) -> None:
        """Serve until cancelled; connect once `accepted`, which is called when Discord takes the token, returns.

        Raises Misconfigured when Discord refuses the token or an intent, or another gateway hears its shards.
        """
        try:
            async with self._client, aiohttp.ClientSession() as self.session:
                await self._log_in()
                self._check_intents()
                await accepted()
                if not self._connects:
                    self.ready.set()
                    await asyncio.Event().wait()
                await self._stay_connected()
        except discord.LoginFailure as error:
            raise Misconfigured(
                "discord.token: Discord refuses it. The developer portal makes a new one (Bot → Reset Token)."
            ) from error
        except discord.PrivilegedIntentsRequired as error:
            raise Misconfigured(
                "discord.listen needs the Message Content Intent, discord.members the Server Members Intent: switch it "
                "on in the developer portal (Bot), or set listen = false and members = false."
            ) from error

    async def tell_operator(self, text: str) -> None:
        """Write to the operators' channel, and in any case to the log."""
        log.warning("for the operator", text=text)
        if self._settings.operator_channel and self.ready.is_set():
            try:
                channel = self._client.get_partial_messageable(int(self._settings.operator_channel))
                await channel.send(text[:2000])
            except (ValueError, *CALL_ERRORS) as error:
                log.error("the operators' channel cannot be written", reason=str(error))

    async def _log_in(self) -> None:
        """Log in, and again with back-off while Discord gives no answer or answers with an error."""
        backoff = ExponentialBackoff[Any]()
        while True:
            try:
                return await self._client.login(self._settings.token.get_secret_value())
            except discord.LoginFailure:
                raise
            except CALL_ERRORS as error:
                delay = backoff.delay()
                reason = describe_certificate_error(error) or str(error) or repr(error)
                log.warning("Discord is not reached; trying again", reason=reason, delay_s=round(delay, 1))
            await self._client.http.close()  # its next log-in makes a session anew
            self._client.http.connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
            await asyncio.sleep(delay)

    def _check_intents(self) -> None:
        """Raise PrivilegedIntentsRequired where the gateway would, so that it is known before anything is begun."""
        flags, settings = self._client.application_flags, self._settings
        content = flags.gateway_message_content or flags.gateway_message_content_limited
        members = flags.gateway_guild_members or flags.gateway_guild_members_limited
        if (settings.listen and not content) or (settings.members and not members):
            raise discord.PrivilegedIntentsRequired(None)

    async def _check_operator_channel(self) -> None:
        """Say in the log where the operators' channel cannot be found; runs go on all the same."""
        written = self._settings.operator_channel
        try:
            if written:
                await self._client.fetch_channel(int(written))
        except (ValueError, discord.InvalidData, *CALL_ERRORS) as error:
            log.error("discord.operator_channel names no channel that the bot can see", reason=str(error))

    async def _stay_connected(self) -> None:
        """Connect, and connect anew where discord.py gives up.

        It resumes and reconnects by itself, but ends on a first connection that is refused and on an event that it
        cannot read.
        """
        backoff = ExponentialBackoff[Any]()
        while not self._client.is_closed():
            try:
                await self._client.connect()
            except (discord.PrivilegedIntentsRequired, discord.LoginFailure, Misconfigured):
                raise
            except discord.ConnectionClosed as error:
                if error.code == 4004:
                    raise discord.LoginFailure from error
                raise
            except Exception as error:  # bugs of discord.py among them
                if self._client.is_closed():  # a client of several shards closes itself, and is of no more use
                    raise
                delay = backoff.delay()
                reason = describe_certificate_error(error) or repr(error)
                log.warning("the gateway was lost; connecting anew", reason=reason, delay_s=round(delay, 1))
                await asyncio.sleep(delay)

    async def _register(self, application: int) -> None:
        """Register our commands at Discord if they have changed since the last time."""
        commands = define_commands(COMMANDS, MENUS)
        key, mark = f"discord/commands/{application}", fingerprint(commands)
        if (await self._documents.documents(key)).get(key) != mark:
            await self._client.http.bulk_upsert_global_commands(application, commands)
            await self._documents.put(key, mark)
