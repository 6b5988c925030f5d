"""What people often want takes them three taps at most, on each platform: a script of taps per task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from tests.servers.discord import Interaction, Message
from tests.servers.discord.world import walk
from tests.servers.model_server import answer
from tests.servers.slack.world import Ephemeral
from tests.servers.slack.world import Message as SlackMessage
from tests.support.discord_bot import RANKING, Moot, make_endless
from tests.support.slack_app import wait_until
from tests.support.slack_messages import read_text
from tests.support.two_platforms import SlackHall, serve_both

MOST_TAPS = 3
SEND = "send"  # the tap on the button that sends a form; what is typed or chosen before is no tap
BUTTON = 2  # Discord's type of component
LINE = "So far, so good: a long line of words that goes on and on and on, as some do."


class Task(NamedTuple):
    """What somebody wants: the taps to it, what they fill into a form, and words that show that it is done."""

    wish: str
    taps: Sequence[str]
    shows: str
    values: Mapping[str, str] = {}
    in_person: str = ""  # the words where files come in a direct message, as on Slack


WHILE_IT_RUNS = (
    Task("say something", ("say", SEND), "Kept with the run", {"text": "Mind the price."}),
    Task("hold it", ("pause",), "Paused"),
    Task("let it go on", ("resume",), "It goes on."),
    Task("skip who takes long", ("skip",), "GPT is skipped."),
    Task("vote", ("vote",), "Your vote is Claude's."),
    Task("see where two answers differ", ("more", "differences", SEND), "Word by word"),
)
AFTER_A_COUNCIL = (
    Task("see the cost", (), "free (local)"),
    Task("find who differed and why", ("full_texts",), "is GPT"),
    Task("sum it up", ("more", "summarise"), "Summarise this council"),
    Task("keep it", ("more", "export"), "a file:", in_person="a direct message"),
    Task("ask on", ("follow_up", SEND), "And with milk?", {"question": "And with milk?"}),
    Task("delete it", ("more", "delete", "delete_now"), "Deleted."),
)


class Hand(Protocol):
    """Somebody on a platform, who sees buttons and presses them."""

    async def start(self, command: str) -> None: ...
    async def tap(self, action: str, values: Mapping[str, str]) -> None: ...
    async def wait_for(self, task: Task) -> None: ...
    async def wait_for_button(self, action: str) -> None: ...
    async def wait_until_gone(self) -> None: ...


class DiscordHand:
    """Ada on Discord."""

    def __init__(self, moot: Moot) -> None:
        self.moot = moot
        self.notices: list[Message] = []
        self.form: Interaction | None = None

    async def start(self, command: str) -> None:
        self.notices.clear()
        self.board = await self.moot.ask(command)
        self.thread = await self.moot.find_thread(self.board)
        self.first: set[int] = set()  # the messages of the run itself, without those of runs that follow it

    def _list_messages(self) -> list[Message]:
        return [self.board, *self.moot.read_messages(self.thread), *self.notices]

    def _find(self, action: str) -> tuple[Message, str] | None:
        for message in reversed(self._list_messages()):
            for part in walk(message.components):
                if part["type"] == BUTTON and part["custom_id"].split(":")[2] == action:
                    return message, part["custom_id"]
        return None

    async def wait_for_button(self, action: str) -> None:
        await self.moot.wait_until(lambda: self._find(action) is not None)

    async def tap(self, action: str, values: Mapping[str, str]) -> None:
        people, ada = self.moot.server, self.moot.ada
        if action == SEND:
            assert self.form is not None
            asked = await people.submit(ada, self.form, values)
        else:
            await self.wait_for_button(action)
            message, button = self._find(action) or pytest.fail(action)
            self.first = self.first or {m.id for m in [self.board, *self.moot.read_messages(self.thread)]}
            asked = await people.click(ada, message, button)
        seen = await asked.answer()
        await self.moot.wait_until(lambda: seen.kind != "deferred" or bool(seen.content or seen.followups))
        self.form = asked if seen.kind == "modal" else None
        private = [m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral]
        self.notices += [m for m in private if m not in self.notices]

    async def wait_for(self, task: Task) -> None:
        words = task.shows
        await self.moot.wait_until(lambda: any(words in m.text for m in self._list_messages()))

    async def wait_until_gone(self) -> None:
        def stand() -> list[int]:
            there = [*self.moot.read_messages(self.moot.channel), *self.moot.read_messages(self.thread)]
            return [m.id for m in there if m.id in self.first]

        await self.moot.wait_until(lambda: not stand())


class SlackHand:
    """Ann on Slack."""

    def __init__(self, hall: SlackHall) -> None:
        self.hall = hall

    async def start(self, command: str) -> None:
        world = self.hall.server.world
        known = len(world.messages(self.hall.channel.id))
        self.first_notice = len(world.ephemerals)
        people = self.hall.server.people
        await (await people.command(self.hall.ann.id, self.hall.channel.id, f"/{command}", "Tea or coffee?"))
        await wait_until(lambda: len(world.messages(self.hall.channel.id)) > known)
        self.board = world.messages(self.hall.channel.id)[known]
        self.first: list[SlackMessage] = []

    def _list_messages(self) -> list[SlackMessage | Ephemeral]:
        notices = [e for e in self.hall.server.world.ephemerals[self.first_notice :] if not e.deleted]
        return [self.board, *self.hall.read_thread(self.board), *notices]

    def _find(self, action: str) -> tuple[SlackMessage | Ephemeral, str] | None:
        for message in reversed(self._list_messages()):
            for block in message.blocks:
                for part in block.get("elements", ()):
                    if part.get("action_id", "").split(":")[2:3] == [action]:
                        return message, part["action_id"]
        return None

    async def wait_for_button(self, action: str) -> None:
        await wait_until(lambda: self._find(action) is not None, 60.0)

    async def tap(self, action: str, values: Mapping[str, str]) -> None:
        world = self.hall.server.world
        if action == SEND:
            await wait_until(lambda: any(view.open for view in world.views.values()))
            view = next(view.id for view in world.views.values() if view.open)
            await (await self.hall.server.people.submit(self.hall.ann.id, view, values))
            return
        await self.wait_for_button(action)
        message, button = self._find(action) or pytest.fail(action)
        self.first = self.first or [self.board, *self.hall.read_thread(self.board)]
        await self.hall.press(message, button)

    async def wait_for(self, task: Task) -> None:
        words = task.in_person or task.shows

        def read(message: SlackMessage | Ephemeral) -> str:
            return message.text if isinstance(message, Ephemeral) else f"{message.text}\n{read_text(message)}"

        await wait_until(lambda: any(words in read(m) for m in self._list_messages()))

    async def wait_until_gone(self) -> None:
        await wait_until(lambda: all(m.deleted for m in self.first))


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Moot, SlackHall]]:
    async with serve_both(tmp_path, monkeypatch) as served:
        yield served


@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_what_people_often_want_takes_three_taps_at_most(both: tuple[Moot, SlackHall], platform: str) -> None:
    moot, hall = both
    hand: Hand = DiscordHand(moot) if platform == "discord" else SlackHand(hall)
    moot.script_model("gpt", make_endless(LINE))
    await hand.start("compare")
    await hand.wait_for(Task("read", (), "So far, so good"))
    await play_tasks(hand, WHILE_IT_RUNS)
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, answer(f"{seat} answers at some length."), RANKING, answer("In sum: tea."))
    await hand.start("council")
    await hand.wait_for_button("more")
    await play_tasks(hand, AFTER_A_COUNCIL)
    await hand.wait_until_gone()


async def play_tasks(hand: Any, tasks: Sequence[Task]) -> None:
    """Do each task by its taps, and wait until what people then read says that it is done."""
    for task in tasks:
        assert len(task.taps) <= MOST_TAPS, task.wish
        for tap in task.taps:
            await hand.tap(tap, task.values if tap == SEND else {})
        await hand.wait_for(task)
