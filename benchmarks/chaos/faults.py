"""Faults of models and platforms, drawn at random: every run still comes to an end, with what was said."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from benchmarks.chaos.audit import Audit, Found, read_ledger
from benchmarks.chaos.models import NOTHING, Call, Pace
from benchmarks.chaos.places import OnDiscord, OnSlack, Post
from benchmarks.chaos.play import SETTLES_WITHIN_S, stop_bot, wait_until_settled
from benchmarks.chaos.runs import Crowd, Habits
from benchmarks.chaos.wire import World, open_world
from storage import open_store
from tests.servers.discord.errors import DiscordError
from tests.servers.model_server import Reply, answer, chunk, error, sse

SHARE = 0.3  # of all calls have a model's fault
EVERY_S = (0.3, 1.5)  # between two faults of a platform
HUGE_CHARS = 10_000_000
Then = Literal["end", "hang", "reset"]
WORDS = ("so", "the", "case", "for", "it", "rests", "upon", "how", "often", "one", "must", "change", "its", "mind")
DEADLINES = {"first_token_timeout_s": 3.0, "idle_timeout_s": 3.0, "total_timeout_s": 12.0}


@dataclass(frozen=True, slots=True)
class Bad:
    """A model's fault: its reply, and all the text that this can make visible."""

    reply: Reply
    text: str = ""


Faulty = Callable[[Random, str], Bad]  # takes the key with which its text must begin


def _say_words(key: str, words: Sequence[str], then: Then = "end", gap_s: float = 0.0) -> Bad:
    pieces = [f"{key} ", *(f"{word} " for word in words)]
    return Bad(Reply(sse(*map(chunk, pieces)), gap_s=gap_s, then=then), "".join(pieces))


def _cut_answer(dice: Random, key: str, then: Then) -> Bad:
    return _say_words(key, dice.choices(WORDS, k=dice.randint(1, 20)), then, 0.02)


def _refuse(status: int, headers: Mapping[str, str] | None = None) -> Faulty:
    return lambda dice, key: Bad(error(status, headers=headers))


def _send_huge(dice: Random, key: str) -> Bad:
    text = f"{key} " + " ".join(dice.choices(WORDS, k=HUGE_CHARS // 4))
    return Bad(Reply(sse(chunk(text), chunk(finish="stop"), "[DONE]")), text)


def _send_utf16(dice: Random, key: str) -> Bad:
    return Bad(Reply(tuple(piece.decode().encode("utf-16") for piece in sse(chunk(f"{key} naïve")))))


MODEL_FAULTS: Mapping[str, Faulty] = {
    **{
        f"status {status}": _refuse(status)
        for status in (400, 401, 402, 403, 404, 408, 413, 429, 500, 501, 502, 503, 504, 529)
    },
    "status 429 with Retry-After": _refuse(429, {"Retry-After": "1"}),
    "reset before a byte": lambda dice, key: Bad(Reply(status=NOTHING, then="reset")),
    "reset in the middle": lambda dice, key: _cut_answer(dice, key, "reset"),
    "stall before a byte": lambda dice, key: Bad(Reply(then="hang")),
    "stall in the middle": lambda dice, key: _cut_answer(dice, key, "hang"),
    "garbage": lambda dice, key: Bad(Reply((dice.randbytes(200),))),
    "empty": lambda dice, key: Bad(answer()),
    "endless": lambda dice, key: _say_words(key, dice.choices(WORDS, k=20_000), "hang", 0.005),
    "slow drip": lambda dice, key: _say_words(key, dice.choices(WORDS, k=100), "hang", 0.8),
    "repetition": lambda dice, key: _say_words(key, ["and", "again", "the", "same"] * 20_000, "hang", 0.002),
    "wrong encoding": _send_utf16,
    "10 MB in one piece": _send_huge,
}


@dataclass
class Trouble:
    """Faults drawn by a seed; `drawn` counts them, `touched` names boards whose place was taken away."""

    world: World
    dice: Random
    stall_s: float
    drawn: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)

    def misbehave(self, call: Call) -> Reply | None:
        if self.dice.random() > SHARE:
            return None
        name = self.dice.choice(list(MODEL_FAULTS))
        self.drawn[f"model: {name}"] += 1
        bad = MODEL_FAULTS[name](self.dice, call.key)
        call.text = bad.text
        return bad.reply

    async def cause_faults(self) -> None:
        """Cause faults of the platforms, one after another, until cancelled."""
        faults: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            *((f"Discord: {name}", fault) for name, fault in self._list_discord_faults().items()),
            *((f"Slack: {name}", fault) for name, fault in self._list_slack_faults().items()),
        ]
        while True:
            await asyncio.sleep(self.dice.uniform(*EVERY_S))
            name, fault = self.dice.choice(faults)
            with contextlib.suppress(DiscordError, IndexError):  # there is nothing yet to break
                await fault()
                self.drawn[name] += 1

    def _list_discord_faults(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        place, server = self.world.discord, self.world.discord.server
        status = self.dice.choice

        async def take_permissions() -> None:
            room = self.dice.choice(place.rooms)
            await server.deny(room, "send_messages_in_threads", "send_messages", "manage_webhooks")
            self._touch_boards([b for b in place.list_boards() if b.handle.channel_id == room.id])
            await asyncio.sleep(1.0)
            await server.allow(room, "send_messages_in_threads", "send_messages", "manage_webhooks")

        async def delete_thread() -> None:
            board = self._pick_board(place)
            await server.delete_channel(board.handle.id)

        async def delete_message() -> None:
            await server.delete_message(self._pick_message(place).handle)

        async def delete_webhook() -> None:
            """Delete a webhook: nobody can edit its messages any more, so that the bot sends them anew."""
            gone = self.dice.choice(list(server.hub.world.webhooks.values()))
            await server.delete_webhook(gone)
            self._touch_boards([b for b in place.list_boards() if b.handle.channel_id == gone.channel_id])

        return {
            "storm of 429": lambda: server.storm(1.5, retry_after_s=0.5),
            "5xx": lambda: server.fail("*", "/webhooks/*", status((500, 502, 503, 504)), 3),
            "5xx of messages": lambda: server.fail("*", "/channels/*", status((500, 502, 503, 504)), 3),
            "reset": lambda: server.fail("P*", "/webhooks/*", 0, 2),
            "answer lost": lambda: server.fail("P*", "/webhooks/*", 0, 2, acts=True),
            "stall": lambda: server.fail("P*", "/webhooks/*", None, 2, stall_s=self.stall_s),
            "drop, resumable": lambda: server.drop(resume=True),
            "drop": lambda: server.drop(resume=False),
            "reconnect": server.ask_to_reconnect,
            "refused connects": lambda: server.refuse_connects(2),
            "message deleted": delete_message,
            "thread deleted": delete_thread,
            "webhook deleted": delete_webhook,
            "permissions taken": take_permissions,
        }

    def _list_slack_faults(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        place, server = self.world.slack, self.world.slack.server

        def break_both(fault: Callable[[str], None]) -> Callable[[], Awaitable[None]]:
            async def break_posts_and_edits() -> None:
                for method in ("chat.postMessage", "chat.update"):
                    fault(method)

            return break_posts_and_edits

        async def delete_message() -> None:
            await server.people.delete_message(self._pick_message(place).handle)

        async def drop() -> None:
            server.sockets.drop()

        return {
            "storm of 429": break_both(lambda m: server.faults.fail(m, "ratelimited", retry_after_s=1, times=4)),
            "5xx": break_both(lambda m: server.faults.fail(m, status=503, times=3)),
            "reset": break_both(lambda m: server.faults.reset(m)),
            "answer lost": break_both(lambda m: server.faults.reset(m, done=True)),
            "stall": break_both(lambda m: server.faults.stall(m, self.stall_s)),
            "drop": drop,
            "refresh": server.sockets.disconnect,
            "message deleted": delete_message,
        }

    def _pick_board(self, place: OnDiscord | OnSlack) -> Post:
        board = self.dice.choice(place.list_boards())
        self._touch_boards([board])
        return board

    def _pick_message(self, place: OnDiscord | OnSlack) -> Post:
        return self.dice.choice(place.read_thread(self._pick_board(place)))

    def _touch_boards(self, boards: Sequence[Post]) -> None:
        self.touched |= {board.ref for board in boards}


@dataclass
class Faulted:
    """The result of a scene: runs by outcome, faults by name."""

    runs: int
    outcomes: Counter[str]
    drawn: Counter[str]
    found: list[Found]
    seconds: float


async def play(
    runs: int, seed: int, *, at_once: tuple[int, int] = (8, 3), stall_s: float = 30.0, patience_s: float = 120.0
) -> Faulted:
    """Send so many commands while faults go on; then heal the platforms, and wait until all runs have ended."""
    began, dice = time.monotonic(), Random(seed)
    async with open_world(
        4, Pace(), limits={"vote_s": 2.0}, deadlines=DEADLINES, retries={"tries": 2, "base_s": 0.2}
    ) as w:
        trouble = Trouble(w, dice, stall_s)
        crowd = Crowd(dice, Habits(votes=False, summarises=0.0, patience_s=patience_s))
        w.bot.spawn()
        await w.bot.wait_until_ready()
        w.models.misbehave = trouble.misbehave
        breaking = asyncio.create_task(trouble.cause_faults())
        on_slack = runs * at_once[1] // sum(at_once)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.play_some(w.discord, runs - on_slack, at_once[0]))
            tasks.create_task(crowd.play_some(w.slack, on_slack, at_once[1]))
        breaking.cancel()
        w.heal()
        await wait_until_settled(w, SETTLES_WITHIN_S)
        found = await stop_bot(w)
        async with open_store(w.bot.store, clock=time.time) as store:
            audit = Audit(await read_ledger(store), w.places, w.models.calls, crowd.asked, touched=trouble.touched)
        return Faulted(
            runs=len(audit.ledger.runs),
            outcomes=Counter(t.finished.outcome if t.finished else "none" for t in audit.ledger.runs.values()),
            drawn=trouble.drawn,
            found=found + audit.check_after_faults(),
            seconds=time.monotonic() - began,
        )
