"""What people write and how they react: mentions, direct messages, remarks, reactions, questions changed later."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from adapters.common.attachments import joined
from adapters.slack import syntax
from adapters.slack.addresses import is_direct
from adapters.slack.api import Api, Workspace
from adapters.slack.interactions import InteractionHandler
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.replies import Asked, Reply
from bot.actions.request import RunRequest, follow_up
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused, StoreFailed
from bot.ports import Surface
from commands.command import Command, Here
from commands.controls import PRESSES, REACTIONS, NoOptions, Target

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
            if run := await self._places.run_of(at.id, event["channel"], event.get("thread_ts", "")):
                await self._desk.answering(reply, self._remark(reply, run, syntax.typed(event.get("text", ""))))

    async def reaction(self, at: Workspace, event: Json, *, added: bool) -> None:
        """A reaction to a message of ours is the press of the button that does the same."""
        action = REACTIONS.get(EMOJI.get(event["reaction"].partition("::")[0], ""))
        item = event["item"]
        if action is None or (not added and action != "vote") or event["user"] == at.bot_user:
            return
        async with self._desk.order.of(event["user"]):
            found = await self._places.find(at.id, item.get("channel", ""), item.get("ts", ""))
            if found is None:
                return
            run, placed = found
            press = PRESSES[action if added else "unvote"]
            with suppress(Refused, StoreFailed):  # a reaction is no question: who may not do it is not told so
                async with self._meeting.of(at.id):
                    await self._people.check(at, item["channel"])
                    by = await self._people.person(at, event["user"], item["channel"])
                await press.handle(self._actions, Target(run, str(placed.lane)), NoOptions(), Here(by, _nowhere))

    def _changed(self, event: Json) -> None:
        """A question that is edited or deleted changes nothing, but the board notes it."""
        deleted = event["subtype"] == "message_deleted"
        ts = event["deleted_ts"] if deleted else event["message"]["ts"]
        if run := self._asked.get((event["channel"], ts)):
            how = "deleted" if deleted else "edited"
            self._actions.note(run, f"The question was {how} after the start; the run goes on with what was asked.")

    async def _told(self, reply: Reply, event: Json, text: str) -> None:
        """A command by its name; else a remark to the run of the thread; else a question."""
        if found := self._command(text):
            command, rest = found
            values = syntax.read(command.options, rest)
            if not syntax.complete(command.options, values):
                first = syntax.main(command.options)
                raise Refused(f"Write the {first} behind it: `@Moot {' '.join(command.path)} …`")
            await self._desk.call(reply, command, values, event.get("files", ()))
            return
        run = await self._places.run_of(reply.asked.at.id, reply.asked.channel, reply.asked.thread)
        if run and await self._is_open(reply, run):
            await self._remark(reply, run, text)
        else:
            await self._ask(reply, event, run, text)

    def _command(self, text: str) -> tuple[Command, str] | None:
        """One that starts a run by its first word; others, with or without “moot” before them, when they say all."""
        commands = self._desk.commands
        found = syntax.find(commands, text)
        if found is None and (known := syntax.find(commands, text, lead=("moot",))):
            whole = not known[1] or known[0].path in (("moot", "say"), ("moot", "watch"), ("moot", "object"))
            found = known if known[0].path != ("moot",) and whole else None
        return found

    async def _remark(self, reply: Reply, run: str, text: str) -> None:
        here = await self._desk.here(reply)
        if not await self._is_open(reply, run):
            return
        said = await self._actions.say(run, text, here.by)
        if not self._listen:
            await reply.tell(said)

    async def _ask(self, reply: Reply, event: Json, run: str, text: str) -> None:
        """A new run; in the thread of one that is over it goes on from that."""
        texts, images = await self._desk.read(reply.asked.at, event.get("files", ()))
        here = await self._desk.here(reply, images)
        question = joined(text, texts)
        if run:
            t = await self._actions.transcript(run, here.by)
            wish = follow_up(t, await self._actions.thread(run, here.by), question, here.by)
        else:
            wish = RunRequest("council", question, here.by, channels=here.channels, images=here.images)
        started = await self._actions.start(wish, here.show)
        self._asked[event["channel"], event["ts"]] = started
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        await self._desk.begun(reply, started, here.by)

    async def _is_open(self, reply: Reply, run: str) -> bool:
        by = await self._people.person(reply.asked.at, reply.asked.user, reply.asked.channel)
        return (await self._actions.transcript(run, by)).finished is None

    def _reply(self, at: Workspace, event: Json) -> Reply:
        return Reply(self._api, Asked(at, event["user"], event["channel"], event.get("thread_ts", "")))


def _by_person(event: Json) -> bool:
    return bool(event.get("user")) and not event.get("bot_id")


def _nowhere(run: str, title: str) -> Surface:
    raise AssertionError("a reaction starts no run")
