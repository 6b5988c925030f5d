"""A thread as people see it, recorded every 250 ms from the wire server in virtual time."""

from __future__ import annotations

import asyncio
import sys
from random import Random

from bot.domain.run import LaneId
from bot.live.lanes import Lane
from tests.servers.discord import Limits
from tests.support.discord_wire import WireDisplay, open_display
from tests.support.virtual_time import run_virtual

EVERY_S, ALONE_S = 0.25, 1.5
ROUND_TRIP_S = 0.12
Recorded = list[tuple[float, list[str]]]  # seconds, and what each message of the thread reads

# seat → seconds to its first word, words in all, seconds a word
SEATS = {"Ada": (0.4, 300, 0.03), "Bob": (0.9, 200, 0.06), "Cyd": (1.6, 90, 0.12), "Dan": (7.0, 240, 0.04)}


async def record_thread() -> Recorded:
    recorded: Recorded = []
    async with open_display(Limits()) as wire:
        for method in ("POST", "PATCH"):
            await wire.scene.server.fail(method, "/webhooks/*", None, 1_000, stall_s=ROUND_TRIP_S)
        recording = asyncio.create_task(_record(wire, recorded))
        async with asyncio.TaskGroup() as speaking:
            for seat, (lead_s, words, pace_s) in SEATS.items():
                lane = wire.display.open(
                    LaneId("answer", 1, seat), seat, kind="turn", placeholder=f"{seat} is thinking…"
                )
                speaking.create_task(_speak(lane, lead_s, words, pace_s))
        end = wire.display.open(LaneId("end", 1, ""), "Result", kind="end")
        end.set("All have answered.")
        end.close()
        await wire.display.wait_until_caught_up()
        await asyncio.sleep(EVERY_S)
        recording.cancel()
    return recorded


async def _speak(lane: Lane, lead_s: float, words: int, pace_s: float) -> None:
    await asyncio.sleep(lead_s)
    dice = Random(words)
    for _ in range(words):
        lane.add(dice.choice(("one ", "single ", "wordier ", "sentence. ")))
        await asyncio.sleep(pace_s)
    lane.add("Done.")
    lane.close()


async def _record(wire: WireDisplay, recorded: Recorded) -> None:
    while True:
        messages = await wire.scene.server.messages(wire.scene.channel)
        recorded.append((asyncio.get_running_loop().time(), [message.text for message in messages]))
        await asyncio.sleep(EVERY_S)


def write_thread(recorded: Recorded) -> str:
    """Return a line for each moment at which the thread reads something else: the end of each message."""
    lines, before = [], list[str]()
    for at, texts in recorded:
        if texts != before:
            lines.append(f"{at:6.2f}  " + " | ".join(f"{len(text):4d} …{text[-24:]!r}" for text in texts))
        before = texts
    return "\n".join(lines) + "\n"


def find_longest_alone(recorded: Recorded) -> float:
    """Return the longest that a message read one word of an answer, in seconds."""
    longest, since = 0.0, dict[int, float]()
    for at, texts in recorded:
        for number, text in enumerate(texts):
            if len(text.split()) == 1:
                longest = max(longest, at - since.setdefault(number, at))
            else:
                since.pop(number, None)
    return longest


def test_no_word_stands_alone_and_no_ping_comes_before_its_answers() -> None:
    recorded = run_virtual(record_thread())
    sys.stdout.write(write_thread(recorded))  # pytest shows it where the test fails, and with -s
    assert find_longest_alone(recorded) <= ALONE_S
    (first_with_end,) = [texts for _, texts in recorded if any("All have answered." in text for text in texts)][:1]
    assert all("Done." in text for text in first_with_end[: len(SEATS)])
    assert len(first_with_end) == len(SEATS) + 1
