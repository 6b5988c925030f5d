"""Commands, buttons, shortcuts and forms: each becomes one call of `commands` and one answer."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from pydantic import ValidationError

from adapters.common.attachments import attach_files
from adapters.common.failures import report_failure
from adapters.common.question_log import QuestionLog
from adapters.common.seals import Seal
from adapters.slack import forms
from adapters.slack.addresses import question_key
from adapters.slack.api import Api, Workspace
from adapters.slack.files import slack_files
from adapters.slack.names import SlackReader
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.quoted import QuotedMessages
from adapters.slack.replies import BoardNotShown, Reply, Request
from bot.actions.actions import Actions
from bot.actions.offers import START, MustAgree
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.domain.controls import Target, about_text, read_press_id, read_target
from bot.domain.run import Image
from bot.engine.thread import REST
from bot.errors import Refused, StoreFailed
from bot.ports.surface import CanSee, Surface, SurfaceError
from commands import COMMANDS, dispatch, syntax
from commands.command import (
    MORE,
    Answer,
    Command,
    Form,
    Here,
    Offered,
    Options,
    RunOptions,
    Started,
    Told,
    describe_mistakes,
)
from commands.controls import PRESSES, SHARE
from commands.suggestions import list_choices

log = structlog.get_logger()

Json = Mapping[str, Any]

TITLES = {"council": "A council", "debate": "A debate", "compare": "A comparison"}


class InteractionHandler:
    """The handler of interactions: answers each.

    `limits` bound attachments; `order` lets one person's presses act one after the other; `questions` keeps the runs
    that menus of messages have started, `quoted` what forms are about.
    """

    def __init__(
        self,
        api: Api,
        actions: Actions,
        places: Places,
        people: People,
        order: KeyedSemaphore,
        questions: QuestionLog,
        seal: Seal,
        reader: SlackReader,
        quoted: QuotedMessages,
    ) -> None:
        self.actions = actions
        self.reader = reader
        self.commands: Mapping[tuple[str, ...], Command] = {c.path: c for c in COMMANDS}
        self._api = api
        self._places = places
        self._people = people
        self._order = order
        self._questions = questions
        self._seal = seal
        self._quoted = quoted

    async def take_command(self, workspace: Workspace, body: Json) -> None:
        """Take a slash command. Without its required options it opens a form of all of them."""
        request = Request(
            workspace, body["user_id"], body["channel_id"], "", body.get("response_url", ""), body["trigger_id"]
        )
        reply = Reply(self._api, request)
        await self.report_errors(reply, self._run_typed(reply, body["command"].lstrip("/"), body["text"] or ""))

    async def take_press(self, workspace: Workspace, body: Json) -> None:
        """Take the press of a button under a message of ours, or on the home tab."""
        found = read_press_id(body["actions"][0]["action_id"])
        if found is None:
            return
        run, action, about = found
        reply = Reply(self._api, _read_request(workspace, body, body.get("container", {}).get("thread_ts", "")))
        await self.report_errors(reply, self._press(reply, action, read_target(run, about), None))

    async def take_shortcut(self, workspace: Workspace, body: Json) -> None:
        """Take a message shortcut. A run that it starts stands in the thread of the message."""
        message = body["message"]
        reply = Reply(self._api, _read_request(workspace, body, message.get("thread_ts") or message["ts"]))
        await self.report_errors(reply, self._take_shortcut(reply, body["callback_id"], message))

    async def take_form(self, workspace: Workspace, body: Json) -> None:
        """Take a form that was sent. `find_mistakes` has found none in it."""
        user = body["user"]["id"]
        try:
            metadata = self._read_metadata(body)
        except Refused as error:
            await Reply(self._api, Request(workspace, user, "")).tell(str(error))
            return
        reply = Reply(self._api, Request(workspace, user, metadata["channel"], metadata["thread"]))
        await self.report_errors(reply, self._take_form(reply, metadata, forms.read_view(body["view"])))

    async def take_stop(self, workspace: Workspace, event: Json) -> None:
        """Take the press of the stop button that Slack itself shows beside a run in a direct message."""
        request = Request(workspace, event["user"], event["channel"], event.get("thread_ts", ""))
        reply = Reply(self._api, request)
        await self.report_errors(reply, self._stop(reply))

    async def _stop(self, reply: Reply) -> None:
        here = await self.locate(reply)
        async with self._order.of(reply.request.user):
            await self.actions.stop_run(here.run, here.by)  # its end card says so

    def find_mistakes(self, body: Json) -> dict[str, str]:
        """Return what is wrong with each field of a form that is being sent."""
        try:
            metadata = self._read_metadata(body)
        except Refused:  # `take_form` says so
            return {}
        return forms.find_mistakes(self._options(metadata), forms.read_view(body["view"]))

    def _read_metadata(self, body: Json) -> dict[str, str]:
        """Return what a form was opened with. Raises Refused where it was not opened for its sender."""
        sealed = str(body["view"].get("private_metadata") or "")
        metadata: dict[str, str] = json.loads(self._seal.open(sealed, body["user"]["id"]))
        return metadata

    async def report_errors(self, reply: Reply, work: Coroutine[Any, Any, None]) -> None:
        """Do work for a request. Whatever goes wrong becomes one sentence to that person."""
        try:
            with self.actions.refusals.watch(f"{reply.request.workspace.id}/{reply.request.user}"):
                await work
        except MustAgree as offer:
            await reply.offer(str(offer), offer.controls, offer.run)
        except (Refused, StoreFailed) as error:
            await reply.tell(error.for_people)
        except ValidationError as error:
            await reply.tell(describe_mistakes(error))
        except SurfaceError as error:
            log.warning("Slack refused an answer", reason=str(error))
        except Exception:
            await reply.tell(report_failure("a request could not be handled"))
        finally:
            work.close()  # it was not begun where too much was refused before

    async def run_command(
        self, reply: Reply, command: Command, values: Mapping[str, Any], files: Sequence[Json] = ()
    ) -> None:
        """Do what a command says, and answer. Raises Refused."""
        text, images = await self.read_files(reply, values.get("question", ""), files)
        if "question" in values:
            values = {**values, "question": text}
        here = await self.locate(reply, images)
        answer = await command.handle(self.actions, command.options.model_validate(values), here)
        await self._answer(reply, answer, here.by, {"command": " ".join(command.path)})

    async def locate(self, reply: Reply, images: Sequence[Image] = ()) -> Here:
        """Return who asks and where. Raises Refused where they may not."""
        request = reply.request
        channels = await self._people.check_channel(request.workspace, request.channel) if request.channel else ()
        by = await self._find_person(reply)
        run = await self._places.find_run(request.workspace.id, request.channel, request.thread)

        def show(run: str, question: str) -> Surface:
            if not request.channel:
                raise Refused("Ask in a channel, or write to me directly.")
            return self._places.create(
                run, request.workspace, by.server, request.channel, request.thread, request.user, reply, question
            )

        return Here(by, show, channels, run, tuple(images), self._can_see(request, by))

    async def _find_person(self, reply: Reply) -> Person:
        return await self._people.find_person(reply.request.workspace, reply.request.user, reply.request.channel)

    def _can_see(self, request: Request, by: Person) -> CanSee:
        async def can_see(address: str) -> bool:
            return await self._people.may_see(request.workspace, address, by, request.channel)

        return can_see

    async def read_files(self, reply: Reply, text: str, files: Sequence[Json]) -> tuple[str, list[Image]]:
        """Fetch files; return the text followed by those that are texts, and the images. Raises Refused."""
        return await attach_files(
            text, await slack_files(self._api, reply.request.workspace, files), self.actions.services.settings.limits
        )

    async def wait_until_shown(self, reply: Reply, run: str, by: Person) -> None:
        """Wait until people see a new run. Raises Refused for one that cannot be shown, and stops it, as it costs."""
        try:
            await reply.wait_until_shown()
        except BoardNotShown as error:
            if len((await self.actions.read_run(run, by)).views) <= 1:  # it is not shown in another place
                await self.actions.stop_run(run, by)
            raise Refused(f"I cannot show it here: {error}.") from error

    async def _run_typed(self, reply: Reply, first: str, sent: str) -> None:
        text = await self.reader.read_text(reply.request.workspace, sent, reply.request.channel)
        found = syntax.find_command(self.commands, text, lead=(first,))
        if found is None and not text:
            found = syntax.find_command(self.commands, "help", lead=(first,))
        if found is None:
            raise syntax.refuse_unknown(first, text, self.commands)
        command, rest = found
        values = syntax.parse_options(command, rest, self.commands)
        if syntax.is_complete(command.options, values) and values.get("panel") != MORE:
            await self.run_command(reply, command, values)
            return
        by = (await self.locate(reply)).by
        title = TITLES.get(command.path[-1], f"/{' '.join(command.path)}")
        form = Form(title, command.options, list(command.options.model_fields), values)
        await self._show_form(reply, form, by, {"command": " ".join(command.path)})

    async def _take_shortcut(self, reply: Reply, callback: str, message: Json) -> None:
        request = reply.request
        by_app = message.get("bot_id") == request.workspace.bot_id  # else it is no page, and needs no look-up
        found = await self._places.find_page(request.workspace.id, request.channel, message["ts"]) if by_app else None
        content = await self.reader.read_message(request.workspace, message, request.channel)
        author = await self.reader.name_author(request.workspace, message)
        action = callback.partition(":")[2]
        target = dispatch.menu_target(action, found, content.text, author, content.context)
        question = question_key(request.channel, message["ts"])
        await self._press(reply, action, target, None, content.files, question)

    async def _take_form(self, reply: Reply, metadata: Mapping[str, str], values: Mapping[str, Any]) -> None:
        if path := metadata.get("command"):
            await self.run_command(reply, self.commands[tuple(path.split())], await self._read_values(reply, values))
            return
        target = read_target(metadata["run"], metadata["about"])
        files: Sequence[Json] = ()
        if quoted := metadata.get("quoted"):
            target, files = await self._quoted.take((await self._find_person(reply)).key, quoted)
        await self._press(reply, metadata["action"], target, await self._read_values(reply, values), files)

    async def _read_values(self, reply: Reply, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a form as people saw them: mentions that were copied into them by name."""
        workspace, channel = reply.request.workspace, reply.request.channel
        typed = {key: value for key, value in values.items() if isinstance(value, str)}
        read = {key: await self.reader.read_typed(workspace, text, channel) for key, text in typed.items()}
        return {**values, **read}

    async def _press(
        self,
        reply: Reply,
        action: str,
        target: Target,
        values: Mapping[str, Any] | None,
        files: Sequence[Json] = (),
        question: str = "",
    ) -> None:
        """Do what was pressed, and answer. `question`: the message whose menu was used."""
        if action == SHARE.action:
            await self._share(reply, target.run)
            return

        async def get_person() -> Person:
            return (await self.locate(reply)).by

        answer = await dispatch.press(
            self.actions,
            action,
            target,
            values,
            person=get_person,
            here=lambda: self.locate(reply),
            read_files=lambda text: self.read_files(reply, text, files),
            in_order=self._order.of(reply.request.user),
        )
        if action == REST.action and isinstance(answer, Offered):
            answer = await self._with_share(answer)
        if reply.request.is_private:
            answer = dispatch.take_its_place(answer)
        if question and isinstance(answer, Started):
            self._questions.add(question, answer.run)
        by = await self._find_person(reply)
        kept = await self._keep_target(by, target, files) if isinstance(answer, Form) else {}
        try:
            await self._answer(reply, answer, by, {"action": action, **kept})
        finally:  # what was deleted goes, whether or not its person can be told
            left = await dispatch.finish_delete(self.actions, answer, self._places.erase)
        if action == START.action and isinstance(answer, Started):
            await reply.drop_notice()
        if left:
            await reply.tell(left)

    async def _with_share(self, offered: Offered) -> Offered:
        """Add the button that posts the result to the channel, for those who steer the run."""
        place = await self._places.find_surface(offered.run)
        may = place is not None and place.may_share and any(c.action == "delete" for c in offered.controls)
        return replace(offered, controls=(SHARE, *offered.controls)) if may else offered

    async def _share(self, reply: Reply, run: str) -> None:
        """Post the result to the channel as well, as the end of a thread notifies its starter alone."""
        by = (await self.locate(reply)).by
        t = await self.actions.read_run(run, by)
        await self.actions.require_may_steer(run, by, SHARE.label)
        verdict = next((p.text for p in reversed(await self.actions.read_thread(run, by)) if p.kind == "end"), None)
        if (place := await self._places.find_surface(run)) is None or not verdict:
            raise Refused("There is no result to share.")
        await place.share(f"**{' '.join(t.started.question.split())[:200]}**\n\n{verdict}")
        await reply.replace("Shared.")

    async def _answer(self, reply: Reply, answer: Answer, by: Person, metadata: Mapping[str, str]) -> None:
        match answer:
            case Told(tables=[_, *_]) | Offered(tables=[_, *_]) if await reply.show_tables(answer):
                pass
            case Told(sections=[_, *_]) if await reply.show_sections(answer):
                pass
            case Told(text, in_place=True):
                await reply.replace(text)
            case Told(text, tables=[_, *_]):
                await reply.tell(text)
            case Told(text, file, begins_at=begins_at):
                await reply.tell(text, file, begins_at)
            case Offered(text, controls, run, in_place=True):
                await reply.replace(text, controls, run)
            case Offered(text, controls, run):
                await reply.offer(text, controls, run)
            case Form():
                await self._show_form(reply, answer, by, metadata)
            case Started(run):
                await self.wait_until_shown(reply, run, by)

    async def _show_form(self, reply: Reply, form: Form, by: Person, metadata: Mapping[str, str]) -> None:
        suggested = await list_choices(self.actions, form, by, self._can_see(reply.request, by))
        place = {"channel": reply.request.channel, "thread": reply.request.thread}
        sealed = self._seal.close(json.dumps({**metadata, **place}), reply.request.user)
        await reply.show_form(form, sealed, suggested)

    def _options(self, metadata: Mapping[str, str]) -> type[Options]:
        if path := metadata.get("command"):
            return self.commands[tuple(path.split())].options
        press = PRESSES.get(metadata.get("action", ""))
        return press.options if press else RunOptions

    async def _keep_target(self, by: Person, target: Target, files: Sequence[Json]) -> dict[str, str]:
        """Return the metadata by which a form finds its target, in any process.

        A message of others is kept in the store, by a name: a form holds 3,000 characters.
        """
        known = {"run": target.run, "about": about_text(target.about)}
        if target.run or not (target.text or target.carried or files):
            return known
        return {**known, "quoted": await self._quoted.keep(by.key, target, files)}


def _read_request(workspace: Workspace, body: Json, thread: str) -> Request:
    channel = (body.get("channel") or {}).get("id", "")
    if (body.get("view") or {}).get("type") == "home":
        channel = body["actions"][0].get("value", "")  # the direct message with that person, as `build_home` keeps it
    answer_by = (body.get("response_url", ""), body.get("trigger_id", ""))
    is_private = bool(body.get("container", {}).get("is_ephemeral"))
    return Request(workspace, body["user"]["id"], channel, thread, *answer_by, is_private)
