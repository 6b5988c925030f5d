"""What comes in: commands, buttons, forms, menus; each becomes one call of `commands` and one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import discord
import structlog
from pydantic import ValidationError

from adapters.common.deliveries import DeliveryLog
from adapters.discord.api import UNANSWERED
from adapters.discord.definitions import FILE, typed
from adapters.discord.files import with_files
from adapters.discord.forms import left, values
from adapters.discord.owner_notices import OwnerNotices
from adapters.discord.people import Channel, channels, check_bot, person
from adapters.discord.places import Places
from adapters.discord.replies import Reply
from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore, TaskGroup
from bot.domain.controls import about_text
from bot.domain.run import Image
from bot.errors import Refused, StoreFailed
from bot.ports import CanSee, Surface
from bot.settings import LimitSettings
from commands import COMMANDS, dispatch
from commands.command import Answer, Command, Form, Here, Started, StartOptions, Told, mistakes
from commands.controls import MENUS, Target, press_id, read_press_id, read_target
from commands.suggestions import suggest

log = structlog.get_logger()

KEPT_CHARS = 80  # of a custom_id, for what a form keeps
STARTING = ("follow_up", "run_again", "ask_about", "ask_seat", "send_to", "summarise")  # their answer may be a board


class InteractionHandler:
    """Takes interactions, each once. `limits` bound what may be attached."""

    def __init__(
        self,
        actions: Actions,
        places: Places,
        owners: OwnerNotices,
        client: discord.Client,
        limits: LimitSettings,
        seen: DeliveryLog,
        order: KeyedSemaphore,
    ) -> None:
        self.actions = actions
        self._places = places
        self._owners = owners
        self._client = client
        self._limits = limits
        self._order = order
        self._commands: Mapping[tuple[str, ...], Command] = {c.path: c for c in COMMANDS}
        self._seen = seen

    async def interaction(self, given: discord.Interaction[Any]) -> None:
        """Answer it. Whatever goes wrong becomes one sentence to that person."""
        if not self._seen.first_time(str(given.id)):
            return
        async with TaskGroup() as tasks, Reply(given, public=_is_public(given)) as reply:
            noting = tasks.create_task(self._note(given), name="note a delivery")
            try:
                await self._take(given, reply)
                if given.guild is not None and given.type is discord.InteractionType.application_command:
                    await self._owners.tell(given.guild, given.app_permissions)
            except (Refused, StoreFailed) as error:
                noting.cancel()  # refused again it changes nothing either, and of a flood most are refused
                await reply.tell(str(error))
            except ValidationError as error:
                await reply.tell(mistakes(error))
            except UNANSWERED as error:  # too late, in a thread that was locked meanwhile, or the connection broke
                log.info("an interaction could not be answered", interaction=given.id, reason=str(error))

    async def _note(self, given: discord.Interaction[Any]) -> None:
        """For the next process, while it is acted on: Discord itself delivers again to this one alone, so that nobody's
        answer need wait for it."""
        if given.type is not discord.InteractionType.autocomplete:
            await self._seen.save(str(given.id))
            await self._seen.expire()

    async def _take(self, given: discord.Interaction[Any], reply: Reply) -> None:
        data: Any = given.data  # a union of what its five kinds carry
        match given.type:
            case discord.InteractionType.application_command if data.get("type") == 3:
                await self._menu(given, data, reply)
            case discord.InteractionType.application_command:
                await self._command(given, data, reply)
            case discord.InteractionType.autocomplete:
                await self._complete(given, data, reply)
            case discord.InteractionType.component:
                if found := read_press_id(data["custom_id"]):
                    run, action, about = found
                    await self._press(given, action, read_target(run, about), None, reply)
            case discord.InteractionType.modal_submit:
                if found := read_press_id(data["custom_id"]):
                    await self._submitted(given, *found, values(data), reply)

    async def _command(self, given: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        path, values, _ = typed(data)
        files = [data["resolved"]["attachments"][values.pop(FILE)]] if FILE in values else []
        await self._call(given, self._commands[path], values, files, reply)

    async def _call(
        self,
        given: discord.Interaction[Any],
        command: Command,
        values: dict[str, Any],
        files: Sequence[Mapping[str, Any]],
        reply: Reply,
    ) -> None:
        into = command.options.file_into
        text, images = await with_files(self._client, values.get(into, ""), files, self._limits)
        if into and text:
            values[into] = text
        here = await self.here(given, reply, images)
        answer = await command.handle(self.actions, command.options.model_validate(values), here)
        await self._answer(answer, reply, press_id("", "command", _kept(command.path, answer)))

    async def _complete(self, given: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        path, values, focused = typed(data)
        options, by, sees = self._commands[path].options, self._person(given), self._sees(given)
        await reply.suggest(await suggest(self.actions, options, focused, str(values.get(focused, "")), by, sees))

    async def _menu(self, given: discord.Interaction[Any], data: Mapping[str, Any], reply: Reply) -> None:
        raw = data["resolved"]["messages"][data["target_id"]]
        by_bot = raw["author"].get("bot")  # no page of ours is a person's message: a form for that can be shown at once
        found = await self._places.find(int(raw["channel_id"]), int(raw["id"])) if by_bot else None
        action = MENUS[data["name"]]
        target = dispatch.menu_target(action, found, _text_of(raw), raw["author"]["username"])
        await self._press(given, action, target, None, reply, raw.get("attachments", ()))

    async def _submitted(
        self,
        given: discord.Interaction[Any],
        run: str,
        action: str,
        about: str,
        values: dict[str, Any],
        reply: Reply,
    ) -> None:
        if action == "command":
            path, _, kept = about.partition("?")
            await self._call(given, self._commands[tuple(path.split())], dict(parse_qsl(kept)) | values, (), reply)
        else:
            await self._press(given, action, await self._target(run, about), values, reply)

    async def _target(self, run: str, about: str) -> Target:
        """A form about a message that is none of ours remembers which one: "channel/message"."""
        if run or "/" not in about:
            return read_target(run, about)
        channel, message = about.split("/")
        said = await self._client.get_partial_messageable(int(channel)).fetch_message(int(message))
        return Target(text=said.content, author=said.author.display_name)

    async def _press(
        self,
        given: discord.Interaction[Any],
        action: str,
        target: Target,
        values: dict[str, Any] | None,
        reply: Reply,
        files: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        async def get_person() -> Person:
            return self._person(given)

        answer = await dispatch.press(
            self.actions,
            action,
            target,
            values,
            person=get_person,
            here=partial(self.here, given, reply, afresh=action == "run_again"),
            read_files=lambda text: with_files(self._client, text, files, self._limits),
            in_order=self._order.of(str(given.user.id)),
        )
        data: Any = given.data
        if isinstance(answer, Started) and "target_id" in data:
            self._places.asked_with(int(data["target_id"]), answer.run)
        kept = about_text(target.about) if target.run else f"{given.channel_id}/{data.get('target_id', '')}"
        await self._answer(answer, reply, press_id(target.run, action, kept))
        if left := await dispatch.erase_deleted(self.actions, action, target.run, self._places.erase):
            await reply.tell(left)

    async def _answer(self, answer: Answer, reply: Reply, key: str) -> None:
        match answer:
            case Told(text, file):
                await reply.tell(text, file)
            case Form():
                await reply.ask(answer, key)
            case Started():
                await reply.started()

    async def here(
        self, given: discord.Interaction[Any], reply: Reply, images: Sequence[Image] = (), *, afresh: bool = False
    ) -> Here:
        """Who asks and where. A run that starts in the thread of another one goes on there; `afresh`: it gets a thread,
        or a forum's post, of its own.
        """
        channel: Channel = given.channel
        by, run = self._person(given), await self._places.run_of(channel)

        def show(run: str, question: str) -> Surface:
            parent = channel.parent if afresh and isinstance(channel, discord.Thread) else None
            place, granted = parent or channel, given.app_permissions
            if given.guild_id:
                check_bot(granted, place)
            if parent is not None:
                reply.board_elsewhere = parent.mention
            return self._places.new(run, question, place, granted, given.user.id, None if parent else reply)

        return Here(by, show, channels(channel), run, tuple(images), self._sees(given))

    def _sees(self, given: discord.Interaction[Any]) -> CanSee:
        async def sees(address: str) -> bool:
            return self._places.sees(address, given.user, given.channel_id or 0)

        return sees

    def _person(self, given: discord.Interaction[Any]) -> Person:
        return person(given.user, given.guild_id, given.permissions)


def _kept(path: Sequence[str], answer: Answer) -> str:
    """A command's path, and what was typed with it that its form has no room for; a custom_id has 100 characters."""
    words = " ".join(path)
    if not isinstance(answer, Form):
        return words
    typed_before = left(answer)
    whole = f"{words}?{urlencode(typed_before)}" if typed_before else words
    return whole if len(whole) <= KEPT_CHARS else words


def _is_public(given: discord.Interaction[Any]) -> bool:
    """Whether the answer may be a board, for all to see: of commands that start a run, and of what goes on from one."""
    data: Any = given.data or {}
    if given.type is discord.InteractionType.application_command:
        path = () if data.get("type") == 3 else typed(data)[0]
        starts = any(c.path == path and issubclass(c.options, StartOptions) for c in COMMANDS)
        return not path or starts or path == ("moot", "watch")
    found = read_press_id(data.get("custom_id", ""))
    return found is not None and found[1] in STARTING


def _text_of(raw: Mapping[str, Any]) -> str:
    """What a message says: its content, or the texts among its components."""
    return str(raw.get("content") or "\n".join(_texts(raw.get("components", ()))))


def _texts(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for part in components:
        if "content" in part:
            yield str(part["content"])
        yield from _texts(part.get("components", ()))
