"""Messages and reactions of people: mentions, remarks, votes, and questions that are changed after the start."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import aiohttp
import discord
import structlog
from discord import ui

from adapters.common.attachments import attach_files
from adapters.common.deliveries import DeliveryLog
from adapters.common.failures import report_failure
from adapters.common.question_log import QuestionLog
from adapters.common.quotes import Content
from adapters.common.retry import retry_while_store_fails
from adapters.discord.api import CALL_ERRORS
from adapters.discord.files import discord_files
from adapters.discord.layout import build_buttons
from adapters.discord.names import DiscordReader
from adapters.discord.people import Admissions, channel_words, require_permissions
from adapters.discord.places import Channel, Places
from adapters.discord.reader import HOLDERS, WRITTEN, message_json
from bot.actions.actions import Actions
from bot.actions.offers import MustAgree
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused, StoreFailed
from bot.ports.surface import Surface
from bot.settings.platforms import DiscordSettings
from commands import dispatch
from commands.command import Here, Offered, Quotation, Started, Told
from commands.controls import MENUS

log = structlog.get_logger()

ABOUT = next(name for name, action in MENUS.items() if action == "ask_about")
NOBODY = discord.AllowedMentions.none()
ROLE_ALONE = (
    "Discord shows me what you wrote only if you mention me by name, not by my role: choose the one with APP beside it."
)


class Listener:
    """The listener to messages and reactions.

    `settings`: what messages start, and whether every message in a run's thread is a remark (`listen`), not only those
    that mention the bot.
    """

    def __init__(
        self,
        actions: Actions,
        places: Places,
        admissions: Admissions,
        client: discord.Client,
        deliveries: DeliveryLog,
        order: KeyedSemaphore,
        questions: QuestionLog,
        reader: DiscordReader,
        session: aiohttp.ClientSession,
        settings: DiscordSettings,
    ) -> None:
        self._actions = actions
        self._places = places
        self._admissions = admissions
        self._client = client
        self._deliveries = deliveries
        self._order = order
        # of one person; while one waits for the store, their buttons need not: those are told at once that it is away
        self._reaction_order = KeyedSemaphore()
        self._questions = questions
        self._reader = reader
        self._session = session
        self._settings = settings

    async def take_message(self, message: discord.Message) -> None:
        """Take a message as a question or a remark. In a direct message each one is for us.

        Whoever writes in a run's thread has joined it, even if Discord does not show us the text.
        """
        if message.author.bot or message.type.value not in WRITTEN:
            return
        run = await retry_while_store_fails(lambda: self._places.find_run(message.channel))
        if run and message.guild is not None:
            await self._join(run, message.channel, message.author)
        by_role = message.guild is not None and message.guild.self_role in message.role_mentions
        mentioned = self._client.user in message.mentions or by_role
        if not mentioned and not (self._settings.listen and run) and message.guild is not None:
            return
        if not self._deliveries.take(str(message.id)):
            return
        await self._deliveries.save(str(message.id))
        await self._deliveries.expire()
        try:
            with self._actions.refusals.watch(str(message.author.id)):
                await self._take_content(message, run, is_addressed=mentioned or message.guild is None)
        except MustAgree as offer:
            await self._tell(message, str(offer), build_buttons(offer.controls, offer.run))
        except (Refused, StoreFailed) as error:
            await self._tell(message, error.for_people)
        except CALL_ERRORS as error:  # the place is closed to us, or gone
            log.info("a message could not be answered", reason=str(error))
        except Exception:
            with suppress(*CALL_ERRORS):
                await self._tell(message, report_failure("a message could not be handled"))

    async def _take_content(self, message: discord.Message, run: str, *, is_addressed: bool) -> None:
        """Read a message that may be for us and do what it says. Raises Refused."""
        raw = message_json(message)
        raw["content"] = self._without_mention(message)
        content = await self._reader.read_message(raw, message.channel, message.author)
        if content.is_empty and not is_addressed:
            return
        if message.guild and not message.content and self._client.user not in message.mentions and not content.files:
            raise Refused(ROLE_ALONE)
        reply = _find_reply(message)
        quoted = await self._reader.quote(message_json(reply), message.channel, message.author) if reply else Content()
        if quoted.is_empty:
            content.require_readable()
        files = discord_files(self._session, [*content.files, *quoted.files])

        def quote() -> Quotation:
            _require_reply(message)
            quoted.require_readable()
            about = quoted if quoted.said else content
            return Quotation(quoted.carried, about.who, about.said)

        answer = await dispatch.mention(
            self._actions,
            content.text,
            await self._locate(message, run),
            is_addressed=is_addressed,
            starts=self._settings.start_of(is_direct=message.guild is None),
            read_files=lambda text: attach_files(text, files, self._actions.services.settings.limits),
            quoted=quote,
            carried=content.context,
        )
        match answer:
            case Started():
                self._questions.add(str(message.id), answer.run)
            case Offered(text, controls):
                await self._tell(message, text, build_buttons(controls, ""))
            case Told(text, must_read=True):
                await self._tell(message, text)

    async def _tell(self, message: discord.Message, text: str, buttons: ui.View | None = None) -> None:
        await message.reply(
            text[:2000],
            mention_author=False,
            allowed_mentions=NOBODY,
            silent=True,
            view=buttons,  # type: ignore[arg-type]  # None is none, as in discord.py's own signature of `send`
        )

    async def take_reaction(self, event: discord.RawReactionActionEvent, *, added: bool) -> None:
        """Take a reaction to a message of ours as the press of the button that does the same."""
        action = dispatch.reaction_action(str(event.emoji), added=added)
        if not action or (self._client.user and event.user_id == self._client.user.id):
            return

        async def press() -> None:
            async with self._order.of(str(event.user_id)):
                found = await self._places.find_page(event.channel_id, event.message_id)
                await dispatch.react(self._actions, action, found, lambda: self._find_reacting(event))

        async with self._reaction_order.of(str(event.user_id)):
            await retry_while_store_fails(press)

    async def take_member(self, member: discord.ThreadMember) -> None:
        """Note that somebody has joined a thread. Discord sends this only with the server-members intent."""
        guild = member.thread.guild
        if run := await self._places.find_run(member.thread):
            user = guild.get_member(member.id) or await guild.fetch_member(member.id)
            if not user.bot:
                await self._join(run, member.thread, user)

    async def _join(self, run: str, channel: Channel, user: discord.abc.User) -> None:
        with suppress(Refused, StoreFailed):  # nobody waits for an answer
            await self._actions.steering.note_joined(run, await self._find_person(channel, user))

    async def take_change(self, message: int, change: Literal["edited", "deleted"]) -> None:
        """Note on the board of the run that a message has started how that message was changed."""
        if run := self._questions.find_run(str(message)):
            dispatch.note_change(self._actions, run, change)

    async def _locate(self, message: discord.Message, run: str) -> Here:
        """Return who asks and where. Raises Refused where they may not."""
        by = await self._find_person(message.channel, message.author)
        return Here(
            by, lambda new, title: self._create_place(message, new, title, by), channel_words(message.channel), run
        )

    def _create_place(self, message: discord.Message, run: str, title: str, by: Person) -> Surface:
        granted = discord.Permissions.none()
        if message.guild is not None:
            granted = message.channel.permissions_for(message.guild.me)
            require_permissions(granted, message.channel)
        return self._places.create(run, title, message.channel, granted, message.author.id, None, by.ruled_by)

    async def _find_person(self, channel: Channel, user: discord.abc.User) -> Person:
        """Return who acts. Raises Refused where they may not."""
        guild = getattr(channel, "guild", None)
        known = guild is not None and isinstance(user, discord.Member)
        granted = channel.permissions_for(user) if known else discord.Permissions.none()
        return await self._admissions.find_person(user, channel, guild.id if guild else None, granted)

    async def _find_reacting(self, event: discord.RawReactionActionEvent) -> Person | None:
        channel = self._client.get_channel(event.channel_id)
        if event.guild_id is None:
            user = self._client.get_user(event.user_id) or await self._client.fetch_user(event.user_id)
            return None if user.bot else await self._find_person(channel or discord.Object(event.channel_id), user)
        guild = self._client.get_guild(event.guild_id)
        if guild is None or channel is None:
            return None
        member = event.member or guild.get_member(event.user_id) or await guild.fetch_member(event.user_id)
        return None if member.bot else await self._find_person(channel, member)

    def _without_mention(self, message: discord.Message) -> str:
        """Return the text without the mentions of us at its ends; one amid the words is one of its words."""
        me = self._client.user.id if self._client.user else 0
        role = message.guild.self_role if message.guild else None
        ours = (f"<@{me}>", f"<@!{me}>", f"<@&{role.id}>" if role else f"<@{me}>")
        text = message.content.strip()
        while text.startswith(ours) or text.endswith(ours):
            for mark in ours:
                text = text.removeprefix(mark).removesuffix(mark).strip()
        return text


def _find_reply(message: discord.Message) -> discord.Message | None:
    """Return the message that this one replies to; None where there is none, or it is gone."""
    about = message.reference.resolved if message.reference else None
    return about if message.type is discord.MessageType.reply and isinstance(about, discord.Message) else None


def _require_reply(message: discord.Message) -> None:
    """Raise Refused where a message replies to one that is gone, or that Discord does not show us."""
    if message.type is not discord.MessageType.reply:
        return
    if (about := _find_reply(message)) is None:
        raise Refused("The message that you reply to is gone, so I cannot read it: ask in your own words.")
    raw = message_json(about)
    if not any(raw[held] for held in HOLDERS):
        raise Refused(f"Discord does not show me that message: use its menu → Apps → “{ABOUT}”.")
