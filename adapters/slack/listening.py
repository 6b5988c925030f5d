"""What people write and how they react: mentions, direct messages, remarks, reactions, questions changed later."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from adapters.slack import syntax
from adapters.slack.addresses import is_direct
from adapters.slack.api import Api, Workspace
from adapters.slack.interactions import InteractionHandler
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.replies import Asked, Reply
from bot.actions.permissions import Person
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused
from commands import dispatch
from commands.command import Command, Started, Told

Json = Mapping[str, Any]

REMEMBERED = 1_000  # messages that runs were asked with
HEARD = (None, "file_share", "thread_broadcast")  # subtypes of messages that people write
# https://docs.slack.dev/reference/methods/reactions.add: reactions come by name
EMOJI = {
    "+1": "👍",
    "thumbsup": "👍",
    "black_right_pointing_double_triangle_with_vertical_bar": "⏭️",
    "octagonal_sign": "🛑",
    "repeat": "🔁",
}


class Listener:
    """`listen`: whether plain messages in runs' threads are remarks; else only those that mention the app."""

    def __init__(self, api: Api, desk: InteractionHandler, places: Places, people: People, *, listen: bool) -> None:
        self._api = api
        self._desk = desk
        self._actions = desk.actions
        self._places = places
        self._people = people
        self._listen = listen
        self._meeting = (
            KeyedSemaphore()
        )  # Slack tells of 100 people a minute: of many who ask at once some would give up
        self._asked: OrderedDict[tuple[str, str], str] = OrderedDict()  # message → the run that it started

    async def mention(self, at: Workspace, event: Json) -> None:
        if not _by_person(event):
            return
        reply = self._reply(at, event)
        text = event.get("text", "").replace(f"<@{at.bot_user}>", "").strip()
        await self._desk.answering(reply, self._told(reply, event, syntax.typed(text)))

    async def message(self, at: Workspace, event: Json) -> None:
        """In a direct message every word is for us; in a channel what is said in a run's thread, when we listen."""
        if event.get("subtype") in ("message_changed", "message_deleted"):
            self._changed(event)
            return
        if not _by_person(event) or event.get("subtype") not in HEARD:
            return
        if is_direct(event["channel"]):
            await self.mention(at, event)
        elif self._listen and f"<@{at.bot_user}>" not in event.get("text", ""):  # a mention is told as such as well
            reply = self._reply(at, event)
            if await self._places.run_of(at.id, event["channel"], event.get("thread_ts", "")):
                text = syntax.typed(event.get("text", ""))
                await self._desk.answering(reply, self._dispatch(reply, event, text, is_addressed=False))

    async def reaction(self, at: Workspace, event: Json, *, added: bool) -> None:
        """A reaction to a message of ours is the press of the button that does the same."""
        action = dispatch.reaction_action(EMOJI.get(event["reaction"].partition("::")[0], ""), added=added)
        item = event["item"]
        if not action or event["user"] == at.bot_user:
            return

        async def get_person() -> Person:
            async with self._meeting.of(at.id):
                await self._people.check(at, item["channel"])
                return await self._people.person(at, event["user"], item["channel"])

        async with self._desk.order.of(event["user"]):
            found = await self._places.find(at.id, item.get("channel", ""), item.get("ts", ""))
            await dispatch.react(self._actions, action, found, get_person)

    def _changed(self, event: Json) -> None:
        """Note on the board of the run that a message has started how that message was changed."""
        deleted = event["subtype"] == "message_deleted"
        ts = event["deleted_ts"] if deleted else event["message"]["ts"]
        if run := self._asked.get((event["channel"], ts)):
            dispatch.note_change(self._actions, run, "deleted" if deleted else "edited")

    async def _told(self, reply: Reply, event: Json, text: str) -> None:
        """Take a mention: a command by its name, as Slack has no slash commands in threads; else as everywhere."""
        if found := self._command(text):
            command, rest = found
            values = syntax.read(command.options, rest)
            if not syntax.complete(command.options, values):
                first = syntax.main(command.options)
                raise Refused(f"Write the {first} behind it: `@Moot {' '.join(command.path)} …`")
            await self._desk.call(reply, command, values, event.get("files", ()))
            return
        await self._dispatch(reply, event, text, is_addressed=True)

    def _command(self, text: str) -> tuple[Command, str] | None:
        """One that starts a run by its first word; others, with or without “moot” before them, when they say all."""
        commands = self._desk.commands
        found = syntax.find(commands, text)
        if found is None and (known := syntax.find(commands, text, lead=("moot",))):
            whole = not known[1] or known[0].path in (("moot", "say"), ("moot", "watch"), ("moot", "object"))
            found = known if known[0].path != ("moot",) and whole else None
        return found

    async def _dispatch(self, reply: Reply, event: Json, text: str, *, is_addressed: bool) -> None:
        here = await self._desk.here(reply)
        answer = await dispatch.mention(
            self._actions,
            text,
            here,
            is_addressed=is_addressed,
            read_files=lambda text: self._desk.read(reply.asked.at, text, event.get("files", ())),
        )
        match answer:
            case Started(run):
                self._asked[event["channel"], event["ts"]] = run
                if len(self._asked) > REMEMBERED:
                    self._asked.popitem(last=False)
                await self._desk.begun(reply, run, here.by)
            case Told(said) if not self._listen:  # else every remark in a thread would be answered
                await reply.tell(said)

    def _reply(self, at: Workspace, event: Json) -> Reply:
        return Reply(self._api, Asked(at, event["user"], event["channel"], event.get("thread_ts", "")))


def _by_person(event: Json) -> bool:
    return bool(event.get("user")) and not event.get("bot_id")
