"""People who start runs, steer them, vote and go; what the bot says to them is kept for the audit."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, TypeVar

from benchmarks.chaos.places import PEOPLE, Place, Post

T = TypeVar("T")

COMMANDS: Mapping[str, tuple[str, Mapping[str, str | int]]] = {
    "council": ("council", {}),
    "debate": ("debate", {"rounds": 1}),
    "compare": ("compare", {}),
    "pipeline": ("moot pipeline run", {"pipeline": "refine"}),
}
KINDS = ("council", "council", "debate", "debate", "compare", "pipeline")  # as often as they are asked for
SKIPPED = ("council", "debate", "compare")  # where one seat less changes no outcome
CHAIR = "Eve"
BOARD_WITHIN_S, UNHEARD_S = 20.0, 3.0  # where nobody answered a command, people soon try again
LOOK_S = 0.05
QUESTION = "Is it better to learn one programming language well, or several?"
VOTED, SKIPPED_SO = "Your vote is", "is skipped."  # how the bot says that it has stored it


class Pressed(NamedTuple):
    """A vote: its person, its seat, and the bot's answer; "" where there was none."""

    by: str
    seat: str
    told: str


@dataclass(slots=True)
class Asked:
    """A run as its people know it.

    `heard`: whether the platform heard anything back. `run`: its id by its buttons, "" where its board was never seen.
    Times are in loop seconds.
    """

    place: Place
    tag: str
    kind: str
    heard: bool = False
    run: str = ""
    asked_at: float = 0.0
    board_at: float | None = None
    end_at: float | None = None
    votes: list[Pressed] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)  # the bot's answers to the person who skipped seats


@dataclass(frozen=True, slots=True)
class Habits:
    """The habits of people: chances (0 to 1) that they steer a run, and their patience for its end."""

    skips: float = 0.25
    says: float = 0.25
    summarises: float = 0.2
    votes: bool = True
    patience_s: float = 600.0


class Crowd:
    """A crowd that keeps runs going on each platform until `enough` is set, and stays to the end of each run."""

    def __init__(self, dice: Random, habits: Habits, first: int = 1) -> None:
        """Take what is drawn from, the habits, and the number of the first question, which no other crowd may use."""
        self.asked: list[Asked] = []
        self.enough = asyncio.Event()
        self.dice = dice
        self.habits = habits
        self._number = itertools.count(first)

    async def keep_busy(self, place: Place, at_once: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lane in range(at_once):
                tasks.create_task(self._play_one_after_another(place, lane, at_once))

    async def _play_one_after_another(self, place: Place, lane: int, step: int) -> None:
        for nth in itertools.count(lane, step):
            if self.enough.is_set():
                return
            await self.play_run(place, KINDS[nth % len(KINDS)], nth)

    async def play_some(self, place: Place, runs: int, at_once: int) -> None:
        """Play so many runs, at most `at_once` of them at a time."""
        room = asyncio.Semaphore(at_once)

        async def one(nth: int) -> None:
            async with room:
                await self.play_run(place, KINDS[nth % len(KINDS)], nth)

        await asyncio.gather(*map(one, range(runs)))

    async def play_run(self, place: Place, kind: str, nth: int) -> Asked:
        """Play one run from its command to the last vote."""
        asked = Asked(place, f"Q{next(self._number):04d}", kind)
        self.asked.append(asked)
        command, options = COMMANDS[kind]
        asked.asked_at = asyncio.get_running_loop().time()
        asked.heard = await place.ask(nth, command, f"{asked.tag} {QUESTION}", options)
        patience_s = self.habits.patience_s
        board = await _wait_for(
            lambda: place.find_board(asked.tag), min(BOARD_WITHIN_S, patience_s) if asked.heard else UNHEARD_S
        )
        if board is None:
            return asked
        asked.run, asked.board_at = board.run, asyncio.get_running_loop().time()
        steering = asyncio.create_task(self.steer_run(asked, board))
        end = await _wait_for(lambda: _find_end_card(place, board), patience_s)
        await steering
        if end is not None:
            asked.end_at = asyncio.get_running_loop().time()
            asked.run = asked.run or end.run
            await self._cast_votes(asked, end)
            if self.dice.random() < self.habits.summarises:
                await place.press_more(0, end, "summarise")
        return asked

    async def steer_run(self, asked: Asked, board: Post) -> None:
        """Say something in a run, or skip a seat, as the habits have it."""
        place, dice = asked.place, self.dice
        if dice.random() < self.habits.says:
            await asyncio.sleep(dice.uniform(0.0, 3.0))
            await place.say(0, board, f"{asked.tag} And what about beginners?")
        if asked.kind in SKIPPED and dice.random() < self.habits.skips:
            await asyncio.sleep(dice.uniform(0.0, 3.0))
            open_ = [p for p in place.read_thread(board) if p.find_button("skip") and CHAIR not in p.seat]
            if open_:
                post = dice.choice(open_)
                asked.skips.append(await place.press(0, post, post.find_button("skip")))

    async def _cast_votes(self, asked: Asked, end: Post) -> None:
        if not self.habits.votes:
            return
        for person in range(len(PEOPLE)):
            for _ in range(self.dice.choice((1, 1, 2))):
                ballot = [key for key, (_, does, _) in end.buttons.items() if does == "vote"]
                if not ballot:
                    return
                button = self.dice.choice(ballot)
                told = await asked.place.press(person, end, button)
                asked.votes.append(Pressed(asked.place.name_person(person), end.buttons[button][2], told))


def _find_end_card(place: Place, board: Post) -> Post | None:
    return next((post for post in place.read_thread(board) if post.find_button("follow_up")), None)


async def _wait_for(look: Callable[[], T | None], within_s: float) -> T | None:
    """Return what `look` finds as soon as it does; None where it finds nothing in time."""
    ends_at = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < ends_at:
        if (found := look()) is not None:
            return found
        await asyncio.sleep(LOOK_S)
    return None
