"""Commands, buttons, forms and menus: each becomes one call of `commands` and one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import discord
import structlog
from pydantic import ValidationError

from adapters.common.attachments import attach_files
from adapters.common.deliveries import DeliveryLog
from adapters.common.failures import report_failure
from adapters.common.question_log import QuestionLog
from adapters.common.seals import MARK, Seal
from adapters.discord.api import CALL_ERRORS
from adapters.discord.definitions import FILE, read_command
from adapters.discord.files import discord_files
from adapters.discord.forms import modal_fields, read_modal, read_uploads
from adapters.discord.layout import build_buttons
from adapters.discord.names import DiscordReader
from adapters.discord.owner_notices import OwnerNotices
from adapters.discord.people import Admissions, channel_words, require_permissions
from adapters.discord.places import Channel, Places, may_write
from adapters.discord.replies import Deferral, Reply
from bot.actions.actions import Actions
from bot.actions.offers import CANCEL, START, MustAgree
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore, TaskGroup
from bot.domain.controls import (
    ANOTHER_VERSION,
    Control,
    SeatRef,
    Target,
    about_text,
    press_id,
    read_press_id,
    read_target,
)
from bot.domain.run import Image
from bot.errors import Refused, StoreFailed
from bot.ports.surface import CanSee, Surface
from bot.text import join_names
from commands import COMMANDS, dispatch
from commands.command import Answer, Command, Form, Here, Offered, Started, StartOptions, Told, describe_mistakes
from commands.controls import MENUS, PRESSES
from commands.suggestions import LISTS, list_choices, suggest_values

log = structlog.get_logger()

AFRESH = SeatRef("run_again")  # the press whose run gets a thread of its own; kept with its offer
KEPT_CHARS = 72  # of a custom_id's 100, for the values that a form keeps; its seal takes 13


class InteractionHandler:
    """The handler of interactions: takes and answers each once.

    `limits` bound attachments; `order` lets one person's presses act one after the other.
    """

    def __init__(
        self,
        actions: Actions,
        places: Places,
        admissions: Admissions,
        seal: Seal,
        owner_notices: OwnerNotices,
        client: discord.Client,
        deliveries: DeliveryLog,
        order: KeyedSemaphore,
        questions: QuestionLog,
        reader: DiscordReader,
        session: aiohttp.ClientSession,
    ) -> None:
        self._actions = actions
        self._places = places
        self._admissions = admissions
        self._seal = seal
        self._owner_notices = owner_notices
        self._client = client
        self._order = order
        self._questions = questions
        self._reader = reader
        self._session = session
        self._commands: Mapping[tuple[str, ...], Command] = {c.path: c for c in COMMANDS}
        self._deliveries = deliveries

    async def take(self, interaction: discord.Interaction[Any]) -> None:
        """Do what an interaction asks for and answer it. Whatever goes wrong becomes one sentence to that person."""
        if not self._deliveries.take(str(interaction.id)):
            return
        async with TaskGroup() as tasks, Reply(interaction, _choose_deferral(interaction)) as reply:
            saving = tasks.create_task(self._save(interaction), name="save a delivery")
            try:
                await self._handle(interaction, reply, saving)
            except CALL_ERRORS as error:  # it is too late, the thread was locked meanwhile, or the connection broke
                log.info("an interaction could not be answered", interaction=interaction.id, reason=str(error))
            except Exception:
                saving.cancel()  # the note of a delivery ends with its work
                if interaction.client.is_closed():  # which aiohttp says by a RuntimeError
                    log.info("the bot stopped before an interaction was answered", interaction=interaction.id)
                    return
                told = report_failure("an interaction could not be handled")
                with suppress(*CALL_ERRORS):
                    if interaction.type is discord.InteractionType.autocomplete:
                        await reply.suggest(())  # it takes no sentence
                    else:
                        await reply.tell(told)

    async def _handle(self, interaction: discord.Interaction[Any], reply: Reply, saving: asyncio.Task[None]) -> None:
        """Do what an interaction asks for, and tell its person where it cannot be done."""
        try:
            with self._actions.refusals.watch(str(interaction.user.id)):
                await self._dispatch(interaction, reply)
            if interaction.guild is not None and interaction.type is discord.InteractionType.application_command:
                await self._owner_notices.notify(interaction.guild, interaction.app_permissions)
        except MustAgree as offer:
            await reply.offer(str(offer), build_buttons(_offer_controls(interaction, offer), offer.run))
        except (Refused, StoreFailed) as error:
            saving.cancel()  # it may be refused twice without harm, and most of a flood is refused
            await reply.tell(error.for_people)
        except ValidationError as error:
            await reply.tell(describe_mistakes(error))

    async def _save(self, interaction: discord.Interaction[Any]) -> None:
        """Save the delivery for the next process, beside the work: no answer waits for it.

        Discord delivers again to this process alone, which has the delivery in memory.
        """
        if interaction.type is not discord.InteractionType.autocomplete:
            await self._deliveries.save(str(interaction.id))
            await self._deliveries.expire()

    async def _dispatch(self, interaction: discord.Interaction[Any], reply: Reply) -> None:
        data: Any = interaction.data  # its five kinds have different fields
        match interaction.type:
            case discord.InteractionType.application_command if data.get("type") == 3:
                await self._take_menu(interaction, data, reply)
            case discord.InteractionType.application_command:
                await self._take_command(interaction, data, reply)
            case discord.InteractionType.autocomplete:
                await self._complete(interaction, data, reply)
            case discord.InteractionType.component:
                run, action, about = _require_ours(read_press_id(data["custom_id"]))
                await self._press(interaction, action, read_target(run, about), None, reply)
            case discord.InteractionType.modal_submit:
                found = _require_ours(read_press_id(self._seal.open(data["custom_id"], _name_asker(interaction))))
                values = await self._read_values(interaction, read_modal(data))
                await self._take_form(interaction, *found, values, read_uploads(data), reply)

    async def _take_command(self, interaction: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        path, values, _ = read_command(data)
        files = [data["resolved"]["attachments"][values.pop(FILE)]] if FILE in values else []
        values = await self._read_values(interaction, values)
        await self._run_command(interaction, self._find_command(path), values, files, reply)

    def _find_command(self, path: Sequence[str]) -> Command:
        if (command := self._commands.get(tuple(path))) is None:
            raise Refused(f"There is no `/{' '.join(path)}` in this version of mine: `/moot help` lists what there is.")
        return command

    async def _run_command(
        self,
        interaction: discord.Interaction[Any],
        command: Command,
        values: dict[str, Any],
        files: Sequence[Mapping[str, Any]],
        reply: Reply,
    ) -> None:
        into = command.options.file_into
        text, images = await attach_files(
            values.get(into, ""), discord_files(self._session, files), self._actions.services.settings.limits
        )
        if into and text:
            values[into] = text
        here = await self._locate(interaction, reply, images)
        answer = await command.handle(self._actions, command.options.model_validate(values), here)
        if isinstance(answer, Form) and files:
            raise Refused("The form has a place for files: open it without one, and attach them there.")
        await self._answer(interaction, answer, reply, press_id("", "command", _command_key(command.path, answer)))

    async def _complete(self, interaction: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        path, values, focused = read_command(data)
        options, can_see = self._find_command(path).options, self._can_see(interaction)
        try:
            by = await self._find_person(interaction)
            found = await suggest_values(self._actions, options, focused, str(values.get(focused, "")), by, can_see)
        except (Refused, StoreFailed):  # Discord shows no sentence while people type
            found = []
        await reply.suggest(found)

    async def _take_menu(self, interaction: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        raw = data["resolved"]["messages"][data["target_id"]]
        by_bot = raw["author"].get("bot")  # a person's message is no page: it needs no look-up before a form is shown
        found = await self._places.find_page(int(raw["channel_id"]), int(raw["id"])) if by_bot else None
        if (action := MENUS.get(data["name"])) is None:
            raise Refused(ANOTHER_VERSION)
        content = await self._reader.read_message(raw, interaction.channel, interaction.user)
        target = dispatch.menu_target(action, found, content.text, _author(raw), content.context)
        await self._press(interaction, action, target, None, reply, content.files)

    async def _take_form(
        self,
        interaction: discord.Interaction[Any],
        run: str,
        action: str,
        about: str,
        values: dict[str, Any],
        uploads: Sequence[Mapping[str, Any]],
        reply: Reply,
    ) -> None:
        if action == "command":
            path, _, kept_values = about.partition("?")
            command = self._find_command(path.split())
            await self._run_command(interaction, command, dict(parse_qsl(kept_values)) | values, uploads, reply)
            return
        target, files = await self._find_target(interaction, run, about)
        await self._press(interaction, action, target, values, reply, files)

    async def _find_target(
        self, interaction: discord.Interaction[Any], run: str, about: str
    ) -> tuple[Target, Sequence[Mapping[str, Any]]]:
        """Return what a form is about, and its files.

        That is a run, or a message of others, whose form has "channel/message" as `about`.
        """
        channel, _, message = about.partition("/")
        if run or not (channel and message):
            return read_target(run, about), ()
        raw: Any = await self._client.http.get_message(int(channel), int(message))
        content = await self._reader.read_message(raw, interaction.channel, interaction.user)
        return Target(text=content.text, author=_author(raw), carried=content.context), content.files

    async def _read_values(self, interaction: discord.Interaction[Any], values: Mapping[str, Any]) -> dict[str, Any]:
        data: Any = interaction.data
        return await self._reader.read_values(values, interaction.channel, interaction.user, data.get("resolved") or {})

    async def _press(
        self,
        interaction: discord.Interaction[Any],
        action: str,
        target: Target,
        values: dict[str, Any] | None,
        reply: Reply,
        files: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        answer = await dispatch.press(
            self._actions,
            action,
            target,
            values,
            person=partial(self._find_person, interaction),
            here=partial(self._locate, interaction, reply, afresh=AFRESH in (SeatRef(action), target.about)),
            read_files=lambda text: attach_files(
                text, discord_files(self._session, files), self._actions.services.settings.limits
            ),
            in_order=self._order.of(str(interaction.user.id)),
        )
        data: Any = interaction.data
        if interaction.message and interaction.message.flags.ephemeral:
            answer = dispatch.take_its_place(answer)
        if isinstance(answer, Started) and "target_id" in data:
            self._questions.add(str(data["target_id"]), answer.run)
        is_of_others = "target_id" in data and not target.run
        about = f"{interaction.channel_id}/{data['target_id']}" if is_of_others else about_text(target.about)
        try:
            await self._answer(interaction, answer, reply, press_id(target.run, action, about))
        finally:  # what was deleted goes, whether or not its person can be told
            left = await dispatch.finish_delete(self._actions, answer, self._places.erase)
        if left:
            await reply.tell(left)

    async def _answer(self, interaction: discord.Interaction[Any], answer: Answer, reply: Reply, key: str) -> None:
        match answer:
            case Told(text, in_place=True):
                await reply.replace(text)
            case Told(text, file, begins_at=begins_at):
                await reply.tell(text, file, begins_at)
            case Offered(text, controls, run, in_place=True):
                await reply.replace(text, build_buttons(controls, run))
            case Offered(text, controls, run):
                await reply.offer(text, build_buttons(controls, run))
            case Form():
                sealed = self._seal.close(key, _name_asker(interaction))
                by = await self._find_person(interaction)
                choices = await list_choices(self._actions, answer, by, self._can_see(interaction))
                answer = replace(answer, choices={field: choices[field] for field in choices if field not in LISTS})
                await reply.show_form(answer, sealed, self._actions.services.settings.limits.attachments)
            case Started():
                await reply.wait_until_shown()

    async def _locate(
        self, interaction: discord.Interaction[Any], reply: Reply, images: Sequence[Image] = (), *, afresh: bool = False
    ) -> Here:
        """Return who asks and where. A run that is asked for in a thread goes on there.

        `afresh`: it gets a thread, or a forum's post, of its own.
        """
        channel: Channel = interaction.channel
        by, run = await self._find_person(interaction), await self._places.find_run(channel)

        def show(run: str, question: str) -> Surface:
            parent = channel.parent if afresh and isinstance(channel, discord.Thread) else None
            place, granted = parent or channel, interaction.app_permissions
            if interaction.guild_id:
                require_permissions(granted, place)
            if parent is not None:
                reply.board_elsewhere = parent.mention
            opening = None if parent else reply
            return self._places.create(run, question, place, granted, interaction.user.id, opening, by.ruled_by)

        if afresh and isinstance(channel, discord.Thread):
            by = replace(by, may_write=may_write(channel.parent, interaction.permissions))
        return Here(by, show, channel_words(channel), run, tuple(images), self._can_see(interaction))

    def _can_see(self, interaction: discord.Interaction[Any]) -> CanSee:
        async def can_see(address: str) -> bool:
            return self._places.may_see(address, interaction.user, interaction.channel_id or 0)

        return can_see

    async def _find_person(self, interaction: discord.Interaction[Any]) -> Person:
        """Return who acts. Raises Refused where they may not."""
        return await self._admissions.find_person(
            interaction.user, interaction.channel, interaction.guild_id, interaction.permissions
        )


def _command_key(path: Sequence[str], answer: Answer) -> str:
    """Return a command's path with the values typed that its form has no room for.

    Raises Refused where a custom_id has no room for them either.
    """
    words = " ".join(path)
    if not isinstance(answer, Form):
        return words
    shown = modal_fields(answer.options, answer.fields)
    typed_before = {name: value for name, value in answer.values.items() if name not in shown}
    whole = f"{words}?{urlencode(typed_before)}" if typed_before else words
    if len(whole) > KEPT_CHARS:
        named = join_names(list(typed_before))
        raise Refused(f"A form cannot keep so much beside it: leave out the form, or shorten {named}.")
    return whole


def _name_asker(interaction: discord.Interaction[Any]) -> str:
    """Return for whom a form is sealed: that person, in that channel."""
    return f"{interaction.user.id}/{interaction.channel_id}"


def _offer_controls(interaction: discord.Interaction[Any], offer: MustAgree) -> Sequence[Control]:
    """Return the buttons of an offer; they keep that its run gets a thread of its own."""
    data: Any = interaction.data or {}
    found = read_press_id(data.get("custom_id", ""))
    is_afresh = found is not None and AFRESH in (SeatRef(found[1]), read_target("", found[2]).about)
    return [replace(control, about=AFRESH) for control in offer.controls] if is_afresh else offer.controls


def _choose_deferral(interaction: discord.Interaction[Any]) -> Deferral:
    """Return how the answer is put off: for all to see where it may be the board of a run."""
    data: Any = interaction.data or {}
    if interaction.type is discord.InteractionType.application_command:
        return "public" if data.get("type") == 3 or _shows_board(read_command(data)[0]) else "private"
    _, action, about = read_press_id(data.get("custom_id", "")) or ("", "", "")
    if action in (START.action, CANCEL.action):
        return "update"
    if action == "command":  # its form
        return "public" if _shows_board(about.partition(MARK)[0].partition("?")[0].split()) else "private"
    return "public" if action in PRESSES and PRESSES[action].starts_run else "private"


def _shows_board(path: Sequence[str]) -> bool:
    """Return whether the command of that path answers with the board of a run."""
    return any(c.path == tuple(path) and issubclass(c.options, StartOptions) for c in COMMANDS)


def _require_ours(found: tuple[str, str, str] | None) -> tuple[str, str, str]:
    """Return what an id says. Raises Refused where the id is not one of ours."""
    if found is None:
        raise Refused(ANOTHER_VERSION)
    return found


def _author(raw: Mapping[str, Any]) -> str:
    return str(raw["author"].get("global_name") or raw["author"]["username"])
