"""Runs with a bug planted in what is done for them, in real processes: each is set aside, and the others go on."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from bot.domain.facts import CaughtUp, Fact, ProcessDied, RunFinished, SetAside, Stopped, TurnEnded
from bot.engine.quarantine import BROKEN, CLOSED, DEADLY, MOST_DEATHS
from storage import open_store
from storage.note import open_note
from tests.servers.model_server import answer
from tests.support.discord_bot import make_endless
from tests.support.processes import Town, open_town

WALLS = """
import asyncio, os, time
import bot.engine.watchdog as watchdog
watchdog.Watchdog.__init__.__kwdefaults__["held_s"] = 1.0
watchdog.LAST_RESORT_CPU_S = 3.0

# GPT poisons the run that asks for it
TIMES = 1  # it says so
from bot.models.deltas import Delta
from bot.models.speak import Speaker
speak = Speaker.speak
async def poisonous(self, seat, ask, run=""):
    if seat.key == "gpt" and any("poison" in part.text for part in ask.parts):
        await asyncio.sleep(1)  # Claude speaks first
        yield Delta(0.0, "Poisonous words. " * TIMES)
        yield Delta(0.0, ending="done")
    else:
        async for delta in speak(self, seat, ask, run):
            yield delta
Speaker.speak = poisonous

def is_poisoned(t):
    return t.start is not None and "poison" in t.start.question
"""

# a piece of code that calls `bug()` where the run is poisoned
WHERE = {
    "plan": """
import bot.formats.compare as form
plan = form.plan
def planted(t, now):
    if is_poisoned(t) and any(turn.ended for turn in t.turns.values()):
        bug()
    return plan(t, now)
form.plan = planted
""",
    "ask": """
import bot.formats.compare as form
ask = form.ask
def planted(t, turn):
    if is_poisoned(t):
        bug()
    return ask(t, turn)
form.ask = planted
""",
    "text": """
from bot.live.pages import Pages
update = Pages.update
def planted(self, text, **rest):
    if "Poisonous words" in text:
        bug()
    return update(self, text, **rest)
Pages.update = planted
""",
    "post": """
import adapters.discord.surface as surface
build_body = surface.build_body
def planted(message, *rest, **more):
    if "Poisonous words" in message.text:
        bug()
    return build_body(message, *rest, **more)
surface.build_body = planted
""",
}

WHERE["long text"] = f"TIMES = 1000\n{WHERE['text']}"  # it is read in a thread

# how it goes wrong; and whether the process outlives it
WHAT = {
    "raises": ("raise ZeroDivisionError('planted')", True),
    "spins": ("while True:\n        try: time.sleep(0.001); sum(range(10**6))\n        except Exception: pass", True),
    "sleeps": ("time.sleep(3600)", True),
    "backtracks": ("__import__('re').match('(a|a)*b', 'a' * 40)", True),
    "hangs in C": ("sum(range(10**15))", False),
    "kills": ("os.kill(os.getpid(), 9)", False),
    "aborts": ("os.abort()", False),
}


def plant(town: Town, where: str, what: str) -> None:
    town.plant(f"{WALLS}\ndef bug():\n    {WHAT[what][0]}\n{WHERE[where]}")


async def read_facts(town: Town, question: str) -> list[Fact]:
    """Return what has happened in the run that was asked this."""
    async with open_store(town.path / "moot.db", clock=time.time, read_only=True) as store:
        runs = [row.run for row in await store.runs() if row.question == question]
        return [entry.fact for run in runs for entry in await store.read(run)]


async def wait_for_fact(town: Town, question: str, kind: type[object]) -> None:
    async with asyncio.timeout(60):
        while not any(isinstance(fact, kind) for fact in await read_facts(town, question)):
            await asyncio.sleep(0.05)


POISON, TEA = "Which poison?", "Tea or coffee?"


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("plan", "raises"),
        ("plan", "backtracks"),
        ("plan", "hangs in C"),
        ("plan", "kills"),
        ("ask", "spins"),
        ("text", "sleeps"),
        ("text", "aborts"),
        ("long text", "spins"),
        ("long text", "hangs in C"),
        ("post", "spins"),
    ],
)
async def test_it_is_set_aside_and_the_others_go_on(tmp_path: Path, where: str, what: str) -> None:
    outlives = WHAT[what][1]
    async with open_town(tmp_path) as t:
        plant(t, where, what)
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        await t.ask(question=POISON)
        if not outlives:
            for _ in range(MOST_DEATHS):
                assert await t.wait_until_ended() < 0
                await t.start(connects=False)
        await t.wait_for_texts(BROKEN if outlives else DEADLY)
        await wait_for_fact(t, POISON, CaughtUp)
        facts = await read_facts(t, POISON)
        assert sum(isinstance(fact, ProcessDied) for fact in facts) == (0 if outlives else MOST_DEATHS)
        is_about_showing = where not in ("plan", "ask")  # which may come after the end
        assert is_about_showing or not any(isinstance(fact, RunFinished) for fact in facts)
        assert any(isinstance(fact, TurnEnded) and fact.text == "Claude speaks." for fact in facts) or where == "ask"
        assert not any(isinstance(fact, SetAside | Stopped | RunFinished) for fact in await read_facts(t, TEA))
        t.script_model("gpt", answer("Coffee, and nothing else."))
        await t.ask(question="And milk?")
        await wait_for_fact(t, "And milk?", RunFinished)
        await t.end(signal.SIGKILL)
        await t.start()  # as nothing of the broken run is looked at any more, the others come to their ends
        await wait_for_fact(t, TEA, RunFinished)
        assert await read_facts(t, POISON) == facts


async def test_an_operator_closes_a_run_beside_the_bot(tmp_path: Path) -> None:
    async with open_town(tmp_path) as t:
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        async with open_store(tmp_path / "moot.db", clock=time.time, read_only=True) as store:
            [run] = [row.run for row in await store.runs()]
        assert await t.run_command("close", "nothing") == (1, "There is no run “nothing”. `moot runs` lists them.\n")
        assert await t.run_command("close", run) == (0, f"Run {run} is closed.\n")
        await t.wait_for_texts(CLOSED)
        await wait_for_fact(t, TEA, CaughtUp)
        ends = {fact.turn.seat: fact.text for fact in await read_facts(t, TEA) if isinstance(fact, TurnEnded)}
        assert ends == {"claude": "Claude speaks.", "gpt": "Coffee, as I was"}
        assert await t.run_command("close", run) == (0, f"Run {run} is over already.\n")


async def test_an_operator_closes_a_run_while_no_bot_runs(tmp_path: Path) -> None:
    async with open_town(tmp_path) as t:
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        await t.end(signal.SIGKILL)
        async with open_store(tmp_path / "moot.db", clock=time.time, read_only=True) as store:
            [run] = await store.unfinished_runs()
        with open_note(tmp_path / "moot.db") as note:
            note.write([run])  # wherever it was killed
        assert (await t.run_command("close", run))[0] == 0
        asked = t.ask_counts
        await t.start()
        await t.wait_for_texts(CLOSED)
        await wait_for_fact(t, TEA, CaughtUp)
        assert t.ask_counts == asked
