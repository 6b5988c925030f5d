"""Runs of any format that a lot has happened in, with what their turns showed meanwhile."""

from __future__ import annotations

from random import Random

from bot.domain.facts import Claimed, Interjected, Objected, Removed, RunFinished, TurnEnded, VoteCast
from bot.domain.run import Failure, Origin, TurnId
from bot.ports.store import Snapshot
from bot.records.record import RunRecord
from tests.support.transcripts import Play, make_start

WORDS = (
    "words ",
    "**bold**",
    "\n\n- one\n- two\n",
    "`code` ",
    "<b>not bold</b>",
    " 🤖 ",
    "عربي ",
    "\n\n```python\nx = 1\n```\n",
)


def play_history(form: str, seed: int) -> Play:
    """Play a run of that format to its end; the seed decides what else happens in it."""
    dice, play = Random(seed), Play(make_start(form))
    while not play.plan.outcome or play.plan.wanted:
        for turn in play.start_wanted():
            if dice.random() < 0.15:
                play.record(Interjected("p", make_words(dice), "Pat", dice.choice([None, Origin("Ann", "0" * 64)])))
            if dice.random() < 0.1:
                play.record(TurnEnded(turn, "failed", "half", failure=Failure("other", "it broke")))
            else:
                play.end_turn(turn, make_words(dice))
    play.record(Claimed("a host:1"), RunFinished(play.plan.outcome))
    play.record(*(VoteCast(f"person {n}", 1, dice.choice(play.t.started.panel.seats).key) for n in range(4)))
    if dice.random() < 0.3:
        play.record(Removed(dice.choice(list(play.t.turns)), "mod"), Objected("p", "No.", "Pat"))
    return play


def make_words(dice: Random) -> str:
    return "".join(dice.choices(WORDS, k=dice.randint(1, 8))).strip()


def show_growing(play: Play, steps: int = 5) -> list[Snapshot]:
    """Return snapshots of a play's turns, each of which grew evenly, in so many steps, until it ended."""
    ends = {e.fact.turn: e.at for e in play.t.entries if isinstance(e.fact, TurnEnded)}
    return [shot for turn, end in ends.items() for shot in _grow(play, turn, end, steps)]


def _grow(play: Play, turn: TurnId, end: float, steps: int) -> list[Snapshot]:
    begin, text = play.t.turns[turn].started.at, play.t.turns[turn].text
    cuts = [len(text) * n // steps for n in range(steps + 1)]
    return [
        Snapshot(turn, begin + (end - begin) * n / steps, cuts[n - 1], text[cuts[n - 1] : cuts[n]])
        for n in range(1, steps + 1)
    ]


def record_play(play: Play, run: str = "abc") -> RunRecord:
    """Return the whole record of a play."""
    return RunRecord(run, play.t.entries, tuple(show_growing(play)))
