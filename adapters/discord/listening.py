"""What people write and how they react: mentions, remarks, reactions, questions that change after they were asked."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import discord

from adapters.common.deliveries import DeliveryLog
from adapters.discord.files import with_files
from adapters.discord.people import Channel, channels, check_bot, person
from adapters.discord.places import Places
from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused, StoreFailed
from bot.ports import Surface
from bot.settings import LimitSettings
from commands import dispatch
from commands.command import Here, Started
from commands.controls import MENUS

ABOUT = next(name for name, action in MENUS.items() if action == "ask_about")
NOBODY = discord.AllowedMentions.none()


class Listener:
    """`listen`: whether plain messages in runs' threads are remarks; else only those that mention the bot."""

    def __init__(
        self,
        actions: Actions,
        places: Places,
        client: discord.Client,
        limits: LimitSettings,
        seen: DeliveryLog,
        order: KeyedSemaphore,
        *,
        listen: bool,
    ) -> None:
        self._actions = actions
        self._places = places
        self._client = client
        self._limits = limits
        self._seen = seen
        self._order = order
        self._listen = listen

    async def message(self, said: discord.Message) -> None:
        """A mention asks, or speaks into the run of its thread; in a direct message every word is for us. Whoever
        writes in a run's thread has joined it, though what they write is not shown to us."""
        if said.author.bot:
            return
        run = await self._places.run_of(said.channel)
        if run and said.guild is not None:
            await self._noted(run, self._person(said))
        if not (said.content or said.attachments):
            return
        called = self._client.user in said.mentions
        if not called and not (self._listen and run) and said.guild is not None:
            return
        if not self._seen.first_time(str(said.id)):
            return
        await self._seen.save(str(said.id))
        await self._seen.expire()
        text = self._without_mention(said.content)
        files = [file.to_dict() for file in said.attachments]
        try:
            answer = await dispatch.mention(
                self._actions,
                text,
                self._here(said, run),
                is_addressed=called or said.guild is None,
                read_files=lambda text: with_files(self._client, text, files, self._limits),
                quoted=lambda: _quoted(said),
            )
            if isinstance(answer, Started):
                self._places.asked_with(said.id, answer.run)
        except (Refused, StoreFailed) as error:
            await said.reply(str(error), mention_author=False, allowed_mentions=NOBODY, silent=True)

    async def reaction(self, event: discord.RawReactionActionEvent, *, added: bool) -> None:
        """A reaction to a message of ours is the press of the button that does the same."""
        action = dispatch.reaction_action(str(event.emoji), added=added)
        if not action or (self._client.user and event.user_id == self._client.user.id):
            return
        async with self._order.of(str(event.user_id)):
            found = await self._places.find(event.channel_id, event.message_id)
            await dispatch.react(self._actions, action, found, lambda: self._reacting(event))

    async def joined(self, member: discord.ThreadMember) -> None:
        """Somebody has come into a thread; Discord tells so only with the server-members intent."""
        guild = member.thread.guild
        if run := await self._places.run_of(member.thread):
            who = guild.get_member(member.id) or await guild.fetch_member(member.id)
            if not who.bot:
                await self._noted(run, _in(member.thread, who))

    async def _noted(self, run: str, by: Person) -> None:
        with suppress(StoreFailed):  # nobody has asked for it
            await self._actions.steering.join(run, by)

    async def changed(self, message: int, how: Literal["edited", "deleted"]) -> None:
        """Note on the board of the run that a message has started how that message was changed."""
        if run := self._places.run_asked_with(message):
            dispatch.note_change(self._actions, run, how)

    def _here(self, said: discord.Message, run: str) -> Here:
        return Here(self._person(said), lambda new, title: self._place(said, new, title), channels(said.channel), run)

    def _place(self, said: discord.Message, run: str, title: str) -> Surface:
        granted = discord.Permissions.none()
        if said.guild is not None:
            granted = said.channel.permissions_for(said.guild.me)
            check_bot(granted, said.channel)
        return self._places.new(run, title, said.channel, granted, said.author.id, None)

    def _person(self, said: discord.Message) -> Person:
        return _in(said.channel, said.author)

    async def _reacting(self, event: discord.RawReactionActionEvent) -> Person | None:
        channel = self._client.get_channel(event.channel_id)
        if event.guild_id is None:
            user = self._client.get_user(event.user_id) or await self._client.fetch_user(event.user_id)
            return None if user.bot else person(user, None, discord.Permissions.none())
        guild = self._client.get_guild(event.guild_id)
        if guild is None or channel is None:
            return None
        member = event.member or guild.get_member(event.user_id) or await guild.fetch_member(event.user_id)
        return None if member.bot else _in(channel, member)

    def _without_mention(self, text: str) -> str:
        me = self._client.user.id if self._client.user else 0
        return text.replace(f"<@{me}>", "").replace(f"<@!{me}>", "").strip()


def _in(channel: Channel, user: discord.abc.User) -> Person:
    guild = getattr(channel, "guild", None)
    rights = channel.permissions_for(user) if guild and isinstance(user, discord.Member) else discord.Permissions.none()
    return person(user, guild.id if guild else None, rights)


def _quoted(said: discord.Message) -> str:
    """Return the message that this one replies to, "" where it replies to none. Raises Refused."""
    about = said.reference.resolved if said.reference else None
    if not isinstance(about, discord.Message):
        return ""
    if not about.content:
        raise Refused(f"Discord does not show me that message: use its menu → Apps → “{ABOUT}”.")
    return f"{about.author.display_name}:\n{about.content}"
