"""Acts of people, as methods of a script.

Each takes the world's things or their ids, and raises CannotAct or DiscordError where Discord would not let the person
act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.servers.discord import messages, payloads, threads
from tests.servers.discord.base import Base, Interaction
from tests.servers.discord.commands import CannotAct, build_slash_data, find_command, resolve
from tests.servers.discord.interactions import Answer, Pending
from tests.servers.discord.modals import fill_modal
from tests.servers.discord.permissions import P, channel_permissions, require, require_send
from tests.servers.discord.rest_app import open_dm
from tests.servers.discord.world import Channel, Message, Ref, Upload, id_of, walk

Json = dict[str, Any]
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
ENTITY_SELECTS = (5, 6, 7, 8)


class People(Base):
    async def dm(self, user: Ref) -> Channel:
        """Return the person's direct channel with the bot."""
        return open_dm(self.hub.world, id_of(user))

    async def say(
        self,
        user: Ref,
        channel: Ref,
        text: str,
        mentions: Sequence[Ref] = (),
        reply_to: Ref | None = None,
        attachments: Sequence[Upload] = (),
        embeds: Sequence[Json] = (),
        **extra: Any,
    ) -> Message:
        """Post a plain message; `mentions` are put before the text.

        `embeds` are those that Discord makes of links; `extra` are further fields of its JSON, such as `sticker_items`.
        """
        place = self.hub.world.channel(id_of(channel))
        require_send(self.hub.world, place, id_of(user))
        body: Json = {"content": " ".join([*(f"<@{id_of(m)}>" for m in mentions), text]).strip()}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(id_of(reply_to))}
        if embeds:
            body["embeds"] = list(embeds)
        return messages.post(self.hub, place, self.hub.world.user(id_of(user)), body, list(attachments), extra=extra)

    async def forward(self, user: Ref, channel: Ref, message: Ref, mentions: Sequence[Ref] = ()) -> Message:
        """Forward a message; clients send it without any text, so `mentions` come through other programs alone."""
        found = self._find_message(message)
        text = " ".join(f"<@{id_of(m)}>" for m in mentions)
        reference = {"type": 1, "message_id": str(found.id), "channel_id": str(found.channel_id)}
        snapshots = [payloads.snapshot(self.hub.world, found)]
        return await self.say(user, channel, text, message_snapshots=snapshots, message_reference=reference)

    async def deliver_again(self, message: Ref) -> None:
        """Send the bot the event of a message once more, as a resuming gateway does."""
        messages.emit_creation(self.hub, self._find_message(message))

    async def edit(self, user: Ref, message: Ref, text: str) -> None:
        found = self._find_message(message)
        if found.author.id != id_of(user):
            raise CannotAct("only one's own messages can be edited")
        messages.edit(self.hub, found, {"content": text}, [])

    async def show_preview(self, message: Ref, embed: Json) -> None:
        """Show what a link in a message leads to, as Discord does by itself."""
        messages.show_preview(self.hub, self._find_message(message), embed)

    async def delete(self, user: Ref, message: Ref) -> None:
        found = self._find_message(message)
        channel = self.hub.world.channel(found.channel_id)
        own = found.author.id == id_of(user)
        require(self.hub.world, channel, id_of(user), P(0) if own else P.MANAGE_MESSAGES)
        messages.delete(self.hub, found)

    async def react(self, user: Ref, message: Ref, emoji: str) -> None:
        found = self._find_message(message)
        channel = self.hub.world.channel(found.channel_id)
        require(self.hub.world, channel, id_of(user), P(0) if emoji in found.reactions else P.ADD_REACTIONS)
        messages.react(self.hub, found, emoji, id_of(user), add=True)

    async def unreact(self, user: Ref, message: Ref, emoji: str) -> None:
        messages.react(self.hub, self._find_message(message), emoji, id_of(user), add=False)

    async def thread(self, user: Ref, message: Ref, name: str) -> Channel:
        """Start a thread from a message."""
        found = self._find_message(message)
        channel = self.hub.world.channel(found.channel_id)
        require(self.hub.world, channel, id_of(user), P.CREATE_PUBLIC_THREADS)
        return threads.open_thread(self.hub, channel, id_of(user), name, starter=found)

    async def slash(self, user: Ref, channel: Ref, name: str, /, **options: object) -> Interaction:
        """Use a slash command.

        `name` is the command with its subcommands ("moot panel list"). An option's value is a string, number, boolean,
        an Upload, or a person, role or channel.
        """
        return self._use_command(id_of(user), id_of(channel), name, options, None)

    async def autocomplete(self, user: Ref, channel: Ref, name: str, focused: str, /, **options: object) -> Interaction:
        """Type in option `focused` of a slash command; `options` holds what has been typed so far."""
        return self._use_command(id_of(user), id_of(channel), name, {focused: "", **options}, focused)

    def _use_command(
        self, user_id: int, channel_id: int, name: str, options: Mapping[str, object], focused: str | None
    ) -> Interaction:
        place = self.hub.world.channel(channel_id)
        first, *path = name.split()
        command = find_command(self.hub, place, user_id, first, 1)
        data = build_slash_data(self.hub, place, command, path, options, focused)
        return self._start_interaction(COMMAND if focused is None else AUTOCOMPLETE, user_id, place, data)

    async def menu(self, user: Ref, message: Ref, name: str) -> Interaction:
        """Use a command of a message's menu."""
        found = self._find_message(message)
        place = self.hub.world.channel(found.channel_id)
        command = find_command(self.hub, place, id_of(user), name, 3)
        resolved = {"messages": {str(found.id): payloads.message(self.hub.world, found)}}
        data = {"id": command["id"], "name": name, "type": 3, "target_id": str(found.id), "resolved": resolved}
        return self._start_interaction(COMMAND, id_of(user), place, data)

    async def click(self, user: Ref, message: Ref, custom_id: str) -> Interaction:
        return self._use_component(id_of(user), self._find_message(message), custom_id, 2, {})

    async def select(self, user: Ref, message: Ref, custom_id: str, *values: str | Ref) -> Interaction:
        """Choose from a select: values of a string select, or people, roles, channels of the other kinds."""
        found = self._find_message(message)
        component = _find_component(found, custom_id)
        if not component.get("min_values", 1) <= len(values) <= component.get("max_values", 1):
            raise CannotAct("too few or too many values")
        place = self.hub.world.channel(found.channel_id)
        resolved: Json = {}
        if component["type"] in ENTITY_SELECTS:
            chosen = [resolve(self.hub, place, v, resolved) for v in values if not isinstance(v, str)]
        else:
            known = [o["value"] for o in component["options"]]
            chosen = [v for v in values if isinstance(v, str) and v in known]
        if len(chosen) != len(values):
            raise CannotAct(f"not all of {values} can be chosen")
        data: Json = {"values": chosen, **({"resolved": resolved} if resolved else {})}
        return self._use_component(id_of(user), found, custom_id, component["type"], data)

    def _use_component(self, user_id: int, message: Message, custom_id: str, kind: int, data: Json) -> Interaction:
        component = _find_component(message, custom_id)
        if component["type"] != kind or component.get("disabled"):
            raise CannotAct(f"{custom_id!r} cannot be used so")
        place = self.hub.world.channel(message.channel_id)
        full = {"custom_id": custom_id, "component_type": kind, "id": component["id"], **data}
        return self._start_interaction(COMPONENT, user_id, place, full, message)

    async def submit(
        self,
        user: Ref,
        modal: Ref,
        values: Mapping[str, Any],
        *,
        custom_id: str | None = None,
        where: Ref | None = None,
    ) -> Interaction:
        """Send the modal that interaction `modal` was answered with; `values` by custom id, files as Uploads.

        With another `custom_id` or `where` it is forged, as by a client of one's own.
        """
        asked = self.hub.interactions.get(id_of(modal))
        if asked.answer.modal is None:
            raise CannotAct("that interaction was not answered with a modal")
        shown = asked.answer.modal
        place = self.hub.world.channel(asked.channel_id if where is None else id_of(where))
        filled, resolved = fill_modal(self.hub, place, shown["components"], values)
        data = {
            "custom_id": shown["custom_id"] if custom_id is None else custom_id,
            "components": filled,
            **({"resolved": resolved} if resolved else {}),
        }
        return self._start_interaction(MODAL, id_of(user), place, data, asked.source)

    async def redeliver(self, interaction: Ref) -> None:
        """Send the bot the same interaction once more."""
        self._deliver(self.hub.interactions.get(id_of(interaction)))

    async def answer(self, interaction: Ref, timeout_s: float = 30.0) -> Answer:
        """Wait until the interaction is acknowledged, and return what its person sees. Raises TimeoutError."""
        return await self._wait_for_answer(self.hub.interactions.get(id_of(interaction)), timeout_s)

    def _start_interaction(
        self, kind: int, user_id: int, place: Channel, data: Json, source: Message | None = None
    ) -> Interaction:
        if not channel_permissions(self.hub.world, place, user_id):
            raise CannotAct("they cannot see this channel")
        if source is not None and source.ephemeral and not self.hub.interactions.is_shown_to(source, user_id):
            raise CannotAct("that message is shown to somebody else")
        pending = self.hub.interactions.open(self.hub.world.new_id(), kind, user_id, place.id, source)
        pending.event = {**self._build_event(pending, place), "data": data}
        self._deliver(pending)
        return Interaction(pending.id, self)

    def _deliver(self, pending: Pending) -> None:
        guild = self.hub.world.guilds.get(self.hub.world.channel(pending.channel_id).guild_id or 0)
        self.hub.gateway.emit("INTERACTION_CREATE", pending.event, intent=None, place=guild)

    def _build_event(self, pending: Pending, place: Channel) -> Json:
        world, who = self.hub.world, self.hub.world.user(pending.user_id)
        event: Json = {
            "id": str(pending.id),
            "application_id": str(world.bot.id),
            "type": pending.type,
            "token": pending.token,
            "version": 1,
            "channel_id": str(place.id),
            "channel": payloads.channel(world, place),
            "app_permissions": str(int(channel_permissions(world, place, world.bot.id))),
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(place.guild_id or 0)},
            "context": 1 if place.guild_id is None else 0,
            "attachment_size_limit": 10 * 2**20,
        }
        if pending.source is not None:
            event["message"] = payloads.message(world, pending.source)
        if place.guild_id is None:
            return {**event, "user": payloads.user(who)}
        guild = world.guild(place.guild_id)
        held = str(int(channel_permissions(world, place, who.id)))
        there = {**payloads.member(guild.members[who.id], who), "permissions": held}
        where = {"id": str(guild.id), "features": [], "locale": "en-US"}
        return {**event, "guild_id": str(guild.id), "guild": where, "guild_locale": "en-US", "member": there}

    def _find_message(self, message: Ref) -> Message:
        return self.hub.world.find_message(id_of(message))


def _find_component(message: Message, custom_id: str) -> Json:
    for component in walk(message.components):
        if component.get("custom_id") == custom_id:
            return component
    raise CannotAct(f"the message has nothing named {custom_id!r}")
