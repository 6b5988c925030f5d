"""What comes in by commands, buttons, shortcuts and forms; each becomes one call of `commands` and one answer."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from adapters.common.attachments import Text, admit, joined, read
from adapters.slack import forms, syntax
from adapters.slack.api import Api, Workspace
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.replies import Asked, Reply, Unseen
from adapters.slack.surface import SHARE
from bot.actions.actions import Actions
from bot.actions.permissions import Person, require_may_steer
from bot.concurrency import KeyedSemaphore
from bot.domain.controls import about_text
from bot.domain.run import Image
from bot.errors import Refused, StoreFailed
from bot.ports import CanSee, Surface, SurfaceError
from bot.settings import LimitSettings
from commands import COMMANDS, dispatch
from commands.command import MORE, Answer, Command, Form, Here, Options, RunOptions, Started, Told, extra, mistakes
from commands.controls import PRESSES, Target, read_press_id, read_target
from commands.suggestions import suggest

log = structlog.get_logger()

Json = Mapping[str, Any]

QUOTED = 200  # messages that a form is open about
TITLES = {"council": "A council", "debate": "A debate", "compare": "A comparison"}


class InteractionHandler:
    """`limits` bound what may be attached."""

    def __init__(self, api: Api, actions: Actions, places: Places, people: People, limits: LimitSettings) -> None:
        self.actions = actions
        self.commands: Mapping[tuple[str, ...], Command] = {c.path: c for c in COMMANDS}
        self._api = api
        self._places = places
        self._people = people
        self.order = KeyedSemaphore()
        self._limits = limits
        self._quoted: OrderedDict[str, Target] = OrderedDict()

    async def command(self, at: Workspace, body: Json) -> None:
        """A slash command. Without what it needs it opens a form of all its options."""
        asked = Asked(at, body["user_id"], body["channel_id"], "", body.get("response_url", ""), body["trigger_id"])
        reply = Reply(self._api, asked)
        await self.answering(reply, self._command(reply, body["command"].lstrip("/"), syntax.typed(body["text"] or "")))

    async def press(self, at: Workspace, body: Json) -> None:
        """A button under a message of ours, or on the home tab."""
        found = read_press_id(body["actions"][0]["action_id"])
        if found is None:
            return
        run, action, about = found
        reply = Reply(self._api, _asked(at, body, body.get("container", {}).get("thread_ts", "")))
        await self.answering(reply, self._press(reply, action, read_target(run, about), None))

    async def shortcut(self, at: Workspace, body: Json) -> None:
        """A message shortcut. What it starts stands in the thread of the message."""
        message = body["message"]
        reply = Reply(self._api, _asked(at, body, message.get("thread_ts") or message["ts"]))
        await self.answering(reply, self._shortcut(reply, body["callback_id"], message))

    async def submitted(self, at: Workspace, body: Json) -> None:
        """A form, whose values are known to be valid."""
        kept = forms.kept(body["view"])
        reply = Reply(self._api, Asked(at, body["user"]["id"], kept["channel"], kept["thread"]))
        await self.answering(reply, self._submitted(reply, kept, forms.values(body["view"])))

    def mistakes(self, body: Json) -> dict[str, str]:
        """Field → what is wrong with it, in a form that is being sent."""
        kept = forms.kept(body["view"])
        return forms.wrong(self._options(kept), forms.values(body["view"]))

    async def answering(self, reply: Reply, work: Awaitable[None]) -> None:
        """Whatever goes wrong becomes one sentence to that person."""
        try:
            await work
        except (Refused, StoreFailed) as error:
            await reply.tell(str(error))
        except ValidationError as error:
            await reply.tell(mistakes(error))
        except SurfaceError as error:
            log.warning("Slack refused an answer", reason=str(error))

    async def call(self, reply: Reply, command: Command, values: Mapping[str, Any], files: Sequence[Json] = ()) -> None:
        """Do what a command says. Raises Refused."""
        given = dict(values)
        text, images = await self.read(reply.asked.at, given.get("question", ""), files)
        if "question" in given:
            given["question"] = text
        here = await self.here(reply, images)
        answer = await command.handle(self.actions, command.options.model_validate(given), here)
        await self._answer(reply, answer, here.by, {"command": " ".join(command.path)})

    async def here(self, reply: Reply, images: Sequence[Image] = ()) -> Here:
        """Who asks and where. Raises Refused where they may not."""
        asked = reply.asked
        channels = await self._people.check(asked.at, asked.channel) if asked.channel else ()
        by = await self._people.person(asked.at, asked.user, asked.channel)
        run = await self._places.run_of(asked.at.id, asked.channel, asked.thread)

        def show(run: str, question: str) -> Surface:
            if not asked.channel:
                raise Refused("Ask in a channel, or write to me directly.")
            return self._places.new(run, asked.at, by.server, asked.channel, asked.thread, asked.user, reply)

        return Here(by, show, channels, run, tuple(images), self._sees(asked, by))

    def _sees(self, asked: Asked, by: Person) -> CanSee:
        async def sees(address: str) -> bool:
            return await self._people.sees(asked.at, address, by, asked.channel)

        return sees

    async def read(self, at: Workspace, text: str, files: Sequence[Json]) -> tuple[str, list[Image]]:
        """Fetch files; return the text followed by those that are texts, and the images. Raises Refused."""
        admit([int(file.get("size", 0)) for file in files], self._limits)
        found = []
        for file in files:
            try:
                data = await self._api.download(at, file["url_private_download"], int(file.get("size", 0)))
            except SurfaceError as error:
                raise Refused(f"“{file['name']}” could not be fetched: {error}.") from error
            found.append(read(file["name"], file.get("mimetype", ""), data, self._limits))
        texts = [f for f in found if isinstance(f, Text)]
        return joined(text, texts), [f for f in found if isinstance(f, Image)]

    async def begun(self, reply: Reply, run: str, by: Person) -> None:
        """Waits until the run is seen; one that cannot be is ended, so that nobody pays for it. Raises Refused."""
        try:
            await reply.started()
        except Unseen as error:
            if len((await self.actions.transcript(run, by)).views) <= 1:  # it is not shown elsewhere
                await self.actions.stop(run, by)
            raise Refused(f"I cannot show it here: {error}.") from error

    async def _command(self, reply: Reply, first: str, text: str) -> None:
        found = syntax.find(self.commands, text, lead=(first,))
        if found is None and not text:
            found = syntax.find(self.commands, "help", lead=(first,))
        if found is None:
            known = ", ".join(f"`/{' '.join(path)}`" for path in self.commands if path[0] == first)
            raise Refused(f"I do not know that one. There is {known}.")
        command, rest = found
        values = syntax.read(command.options, rest)
        if syntax.complete(command.options, values) and values.get("panel") != MORE:
            await self.call(reply, command, values)
            return
        by = (await self.here(reply)).by
        title = TITLES.get(command.path[-1], command.help.rstrip("."))
        form = Form(title, command.options, list(command.options.model_fields), values)
        await self._ask(reply, form, by, {"command": " ".join(command.path)})

    async def _shortcut(self, reply: Reply, callback: str, message: Json) -> None:
        asked = reply.asked
        by_app = message.get("bot_id") == asked.at.bot_id  # else it is no page of ours
        found = await self._places.find(asked.at.id, asked.channel, message["ts"]) if by_app else None
        text = syntax.typed(message.get("text") or "")
        author = message.get("username") or message.get("user") or ""
        action = callback.partition(":")[2]
        target = dispatch.menu_target(action, found, text, author)
        await self._press(reply, action, target, None, message.get("files", ()))

    async def _submitted(self, reply: Reply, kept: Mapping[str, str], values: Mapping[str, Any]) -> None:
        if path := kept.get("command"):
            await self.call(reply, self.commands[tuple(path.split())], values)
            return
        target = read_target(kept["run"], kept["about"])
        if quoted := kept.get("quoted"):
            if (known := self._quoted.pop(quoted, None)) is None:
                raise Refused("I have been started anew meanwhile: use the shortcut once more.")
            target = known
        await self._press(reply, kept["action"], target, values)

    async def _press(
        self,
        reply: Reply,
        action: str,
        target: Target,
        values: Mapping[str, Any] | None,
        files: Sequence[Json] = (),
    ) -> None:
        if action == SHARE.action:
            await self._share(reply, target.run)
            return

        async def get_person() -> Person:
            return (await self.here(reply)).by

        answer = await dispatch.press(
            self.actions,
            action,
            target,
            values,
            person=get_person,
            here=lambda: self.here(reply),
            read_files=lambda text: self.read(reply.asked.at, text, files),
            in_order=self.order.of(reply.asked.user),
        )
        kept = {"action": action, **self._remembered(target)} if isinstance(answer, Form) else {}
        by = await self._people.person(reply.asked.at, reply.asked.user, reply.asked.channel)
        await self._answer(reply, answer, by, kept)
        if left := await dispatch.erase_deleted(self.actions, action, target.run, self._places.erase):
            await reply.tell(left)

    async def _share(self, reply: Reply, run: str) -> None:
        """The result, in the channel as well: by hand, since a thread's end tells its starter alone."""
        by = (await self.here(reply)).by
        t = await self.actions.transcript(run, by)
        require_may_steer(by, t, SHARE.label)
        verdict = next((p.text for p in reversed(await self.actions.thread(run, by)) if p.kind == "end"), None)
        if (place := await self._places.standing(run)) is None or not verdict:
            raise Refused("There is no result to share.")
        await place.share(f"**{' '.join(t.started.question.split())[:200]}**\n\n{verdict}")
        await reply.tell("Shared.")

    async def _answer(self, reply: Reply, answer: Answer, by: Person, kept: Mapping[str, str]) -> None:
        match answer:
            case Told(text, file):
                await reply.tell(text, file)
            case Form():
                await self._ask(reply, answer, by, kept)
            case Started(run):
                await self.begun(reply, run, by)

    async def _ask(self, reply: Reply, form: Form, by: Person, kept: Mapping[str, str]) -> None:
        suggested: dict[str, Sequence[str]] = dict(form.choices)
        for field in form.fields:
            if extra(form.options, field, "suggest"):
                found = await suggest(self.actions, form.options, field, "", by, self._sees(reply.asked, by))
                suggested[field] = [value for value in found if value != MORE]
        place = {"channel": reply.asked.channel, "thread": reply.asked.thread}
        await reply.ask(form, {**kept, **place}, suggested)

    def _options(self, kept: Mapping[str, str]) -> type[Options]:
        if path := kept.get("command"):
            return self.commands[tuple(path.split())].options
        press = PRESSES.get(kept.get("action", ""))
        return press.options if press else RunOptions

    def _remembered(self, target: Target) -> dict[str, str]:
        """What a form must bring back of a message; one that is none of ours is kept here, by a name."""
        if target.run:
            return {"run": target.run, "about": about_text(target.about)}
        name = secrets.token_hex(8)
        self._quoted[name] = target
        if len(self._quoted) > QUOTED:
            self._quoted.popitem(last=False)
        return {"run": "", "about": "", "quoted": name}


def _asked(at: Workspace, body: Json, thread: str) -> Asked:
    channel = (body.get("channel") or {}).get("id", "")
    return Asked(at, body["user"]["id"], channel, thread, body.get("response_url", ""), body.get("trigger_id", ""))
