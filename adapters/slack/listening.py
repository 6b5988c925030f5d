"""Messages and reactions of people: mentions, remarks, votes, and questions that are changed after the start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog

from adapters.common.deliveries import KEPT_S, DeliveryLog
from adapters.common.question_log import QuestionLog
from adapters.common.quotes import Content, quote_message
from adapters.common.retry import retry_while_store_fails
from adapters.slack.addresses import is_direct, question_key
from adapters.slack.api import Api, Workspace
from adapters.slack.interactions import InteractionHandler
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.reader import file_name, list_tables
from adapters.slack.replies import Reply, Request
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused
from bot.ports.process import Clock
from bot.ports.surface import SurfaceError
from bot.settings.platforms import SlackSettings
from bot.text import join_blocks
from commands import dispatch, syntax
from commands.command import Command, Offered, Quotation, Started, Told

log = structlog.get_logger()

Json = Mapping[str, Any]

WRITTEN = (None, "file_share", "me_message", "thread_broadcast")  # subtypes of messages that people write
# https://docs.slack.dev/reference/methods/reactions.add: reactions come by name
EMOJI = {
    "+1": "👍",
    "thumbsup": "👍",
    "black_right_pointing_double_triangle_with_vertical_bar": "⏭️",
    "octagonal_sign": "🛑",
    "repeat": "🔁",
}
_MENTION = re.compile(r"<@([A-Z0-9]{1,30})(?:\|[^<>\n]{0,100})?>")
SLACKBOT = "USLACKBOT"  # its reminders and answers come as a person's, and Slack says that it is no bot
LOOKED_AT = "What do you make of the message that I am looking at?"  # a prompt of the manifest, where we listen
EDITED = "I took that message as it was before the edit: write a new one."
EDITED_LATE = f"An edit of a message that is older than {KEPT_S / 60:.0f} minutes starts nothing: write a new one."


class Listener:
    """The listener to messages and reactions.

    `settings`: what messages start, and whether every message in a run's thread is a remark (`listen`), not only those
    that mention the app.
    """

    def __init__(
        self,
        api: Api,
        interactions: InteractionHandler,
        places: Places,
        people: People,
        deliveries: DeliveryLog,
        order: KeyedSemaphore,
        questions: QuestionLog,
        clock: Clock,
        settings: SlackSettings,
    ) -> None:
        self._api = api
        self._deliveries = deliveries
        self._clock = clock
        self._interactions = interactions
        self._actions = interactions.actions
        self._places = places
        self._people = people
        self._order = order
        # of one person; while one waits for the store, their buttons need not: those are told at once that it is away
        self._reaction_order = KeyedSemaphore()
        self._questions = questions
        self._settings = settings
        # Slack lets us look up 100 people a minute: in a flood of reactions parallel look-ups would be given up
        self._people_order = KeyedSemaphore()

    async def take_mention(self, workspace: Workspace, event: Json) -> None:
        """Take a message that mentions the app: a command, a remark or a question."""
        if not _is_by_person(event):
            return
        reply = self._reply(workspace, event)
        if not await self._is_new(reply, event):
            return
        await self._interactions.report_errors(reply, self._take_addressed(reply, event))

    async def take_message(self, workspace: Workspace, event: Json) -> None:
        """Take a direct message as a mention, and a message in a run's thread as a remark if we listen."""
        if event.get("subtype") in ("message_changed", "message_deleted"):
            self._take_change(event)
            return
        if not _is_by_person(event) or event.get("subtype") not in WRITTEN:
            return
        if is_direct(event["channel"]):
            await self.take_mention(workspace, event)
        elif self._settings.listen and not _mentions(event, workspace.bot_user):  # mentions come as such as well
            reply = self._reply(workspace, event)
            thread = event.get("thread_ts", "")
            run = await retry_while_store_fails(lambda: self._places.find_run(workspace.id, event["channel"], thread))
            if run and await self._is_new(reply, event):
                await self._interactions.report_errors(reply, self._take_remark(reply, event))

    async def take_reaction(self, workspace: Workspace, event: Json, *, added: bool) -> None:
        """Take a reaction to a message of ours as the press of the button that does the same."""
        action = dispatch.reaction_action(EMOJI.get(event["reaction"].partition("::")[0], ""), added=added)
        item = event["item"]
        if not action or event["user"] == workspace.bot_user:
            return

        async def get_person() -> Person:
            async with self._people_order.of(workspace.id):
                await self._people.check_channel(workspace, item["channel"])
                return await self._people.find_person(workspace, event["user"], item["channel"])

        async def press() -> None:
            async with self._order.of(event["user"]):
                found = await self._places.find_page(workspace.id, item.get("channel", ""), item.get("ts", ""))
                await dispatch.react(self._actions, action, found, get_person)

        async with self._reaction_order.of(event["user"]):
            await retry_while_store_fails(press)

    async def _is_new(self, reply: Reply, event: Json) -> bool:
        """Return whether a message comes for the first time, and note that it has come.

        Slack sends `app_mention` again, under a new event id, when a message is edited. Such an edit is noted on the
        board of the run that the message has started; else its writer is told that it changes nothing.
        """
        message, is_edit = question_key(event["channel"], event["ts"]), "edited" in event
        key = f"{reply.request.workspace.id}/{message}"
        is_late = is_edit and self._clock() - float(event["ts"]) > KEPT_S  # nobody knows whether it was taken
        if not is_late and self._deliveries.take(key) and not (is_edit and await self._deliveries.is_saved(key)):
            await self._deliveries.save(key)
            return True
        if run := self._questions.find_run(message) if is_edit else "":
            dispatch.note_change(self._actions, run, "edited")
        elif is_edit:
            await reply.tell(EDITED_LATE if is_late else EDITED)
        return False

    def _take_change(self, event: Json) -> None:
        """Note on the board of the run that a message has started how that message was changed.

        One that has replies is "changed" into a tombstone. The preview of a link changes a message, but edits nothing.
        """
        now, before = event.get("message") or {}, event.get("previous_message") or {}
        deleted = event["subtype"] == "message_deleted" or now.get("subtype") == "tombstone"
        if not deleted and now.get("edited") == before.get("edited"):
            return
        ts = event.get("deleted_ts") or now["ts"]
        if run := self._questions.find_run(question_key(event["channel"], ts)):
            dispatch.note_change(self._actions, run, "deleted" if deleted else "edited")

    async def _take_remark(self, reply: Reply, event: Json) -> None:
        """Take a message in a run's thread that does not mention us, if there is something to read in it."""
        content = await self._read(reply, event)
        if not content.is_empty:
            await self._dispatch(reply, event, content, is_addressed=False)

    async def _read(self, reply: Reply, event: Json) -> Content:
        workspace = reply.request.workspace
        text = _without_mention(str(event.get("text") or ""), workspace.bot_user)
        # rich text says the same once more, with the mention in it
        own = {**event, "text": text, "blocks": list_tables(event)} if event.get("text") else event
        return await self._interactions.reader.read_message(workspace, own, event["channel"])

    async def _take_addressed(self, reply: Reply, event: Json) -> None:
        """Take a mention: as everywhere, and any command by its name, as Slack has no slash commands in threads."""
        content = await self._read(reply, event)
        content.require_readable()
        if found := self._find_command(content.text):
            command, rest = found
            values = syntax.parse_options(command, rest, self._interactions.commands)
            if not syntax.is_complete(command.options, values):
                first = syntax.main_option(command.options)
                raise Refused(f"Write the {first} behind it: `@Moot {' '.join(command.path)} …`")
            if into := command.options.file_into:
                values[into] = join_blocks(values.get(into, ""), content.context)
            await self._interactions.run_command(reply, command, values, content.files)
            return
        await self._dispatch(reply, event, content, is_addressed=True)

    def _find_command(self, text: str) -> tuple[Command, str] | None:
        """Return the command that a text names whole; None also for those that `dispatch.mention` takes."""
        commands = self._interactions.commands
        if dispatch.find_start(text):
            return None
        found = syntax.find_command(commands, text)
        if found is None and (known := syntax.find_command(commands, text, lead=("moot",))):
            command, rest = known
            found = known if command.path != ("moot",) and (command.takes_text or not rest) else None
        return found

    async def _dispatch(self, reply: Reply, event: Json, content: Content, *, is_addressed: bool) -> None:
        here = await self._interactions.locate(reply)
        parent = await self._quote_subject(reply, event, content.text) if is_addressed and not here.run else Content()
        about = parent if parent.said else content
        answer = await dispatch.mention(
            self._actions,
            content.text,
            here,
            is_addressed=is_addressed,
            starts=self._settings.start_of(is_direct=is_direct(event["channel"])),
            read_files=lambda text: self._interactions.read_files(reply, text, [*content.files, *parent.files]),
            quoted=lambda: Quotation(parent.carried, about.who, about.said),
            carried=content.context,
        )
        match answer:
            case Started(run):
                self._questions.add(question_key(event["channel"], event["ts"]), run)
                await self._interactions.wait_until_shown(reply, run, here.by)
            case Offered(text, controls):
                await reply.offer(text, controls, "")
            # where we listen, each remark would be answered
            case Told(text, _, must_read) if must_read or not self._settings.listen:
                await reply.tell(text)

    async def _quote_subject(self, reply: Reply, event: Json, text: str) -> Content:
        """Return the message that another one is about as a quotation; empty where there is none that we may read.

        In a channel it is the one in whose thread that stands, in a direct message the one that its writer is looking
        at and asks about. To read it takes the scopes of `listen`. Raises Refused where it is not known which is meant.
        """
        workspace, channel, parent = reply.request.workspace, event["channel"], event.get("thread_ts", "")
        if not self._settings.listen:
            return Content()
        if is_direct(channel):
            return await self._quote_looked_at(workspace, event) if text == LOOKED_AT else Content()
        if parent in ("", event["ts"]):
            return Content()
        try:
            return await self._quote_message(workspace, channel, parent)
        except SurfaceError as error:
            log.info("the message that a thread is about could not be read", reason=str(error))
            return Content()

    async def _quote_looked_at(self, workspace: Workspace, event: Json) -> Content:
        """Return the message that the writer of a direct message is looking at, as a quotation. Raises Refused."""
        if (found := find_looked_at(event)) is None:
            raise Refused("I do not see which message you are looking at: open its thread, and ask me beside it.")
        channel, ts = found
        await self._people.check_channel(workspace, channel)
        try:
            return await self._quote_message(workspace, channel, ts)
        except SurfaceError as error:
            raise Refused(f"I cannot read the message that you are looking at: {error}.") from error

    async def _quote_message(self, workspace: Workspace, channel: str, ts: str) -> Content:
        """Return a message as a quotation. Raises SurfaceError where it cannot be read."""
        only = {"oldest": ts, "latest": ts, "inclusive": "true", "limit": "2"}  # the first of its thread comes always
        answer = await self._api.call(workspace, "conversations.replies", channel=channel, ts=ts, **only)
        raw = next((message for message in answer["messages"] if message["ts"] == ts), None)
        if raw is None:
            raise SurfaceError("it is gone")
        reader = self._interactions.reader
        content = await reader.read_message(workspace, raw, channel)
        return quote_message(content, await reader.name_author(workspace, raw), "", map(file_name, content.files))

    def _reply(self, workspace: Workspace, event: Json) -> Reply:
        return Reply(self._api, Request(workspace, event["user"], event["channel"], event.get("thread_ts", "")))


def find_looked_at(event: Json) -> tuple[str, str] | None:
    """Return channel and time stamp of the message that somebody looks at while they write to us.

    https://docs.slack.dev/reference/events/app_context_changed
    """
    entities = (event.get("app_context") or {}).get("entities") or ()
    found = (e["value"] for e in entities if e.get("type") == "slack#/types/message_context")
    return next(((value["channel_id"], value["message_ts"]) for value in found), None)


def _is_by_person(event: Json) -> bool:
    return event.get("user") not in (None, "", SLACKBOT) and not event.get("bot_id")


def _mentions(event: Json, user: str) -> bool:
    return any(mark[1] == user for mark in _MENTION.finditer(str(event.get("text") or "")))


def _without_mention(text: str, user: str) -> str:
    """Return the text without the mentions of us at its ends; one amid the words is one of its words."""
    marks = [mark for mark in _MENTION.finditer(text) if mark[1] == user]
    start, end = 0, len(text)
    for mark in marks:
        if not text[start : mark.start()].strip():
            start = mark.end()
    for mark in reversed(marks):
        if mark.start() >= start and not text[mark.end() : end].strip():
            end = mark.start()
    return text[start:end].strip()
