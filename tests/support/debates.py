"""Debates for tests, played by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.run import CRITERIA, DebateRules, TurnId
from tests.support.transcripts import Play, make_start

SEATS = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")


def make_debate(*, seats: int = 3, rounds: int = 3, vote_s: float = 0.0, **how: Any) -> Play:
    """Return a debate that has just begun; `how`: fields of DebateRules."""
    begun = make_start("debate", seats=SEATS[:seats], rounds=rounds)
    return Play(replace(begun, rules=replace(begun.rules, vote_s=vote_s, debating=DebateRules(**how))))


def play_rounds(rounds: Sequence[Sequence[str]], *, more: int) -> Play:
    """Return a watched debate after these rounds, one text a seat, with `more` rounds to come."""
    play = make_debate(seats=len(rounds[0]), rounds=len(rounds) + more, watch=True)
    for texts in rounds:
        if play.wanted[0].startswith("check/"):
            play.play_stage(lambda turn: "")
        said = dict(zip(SEATS, texts, strict=False))
        play.play_stage(_each(said))
    return play


def _each(said: Mapping[str, str]) -> Callable[[TurnId], str]:
    """Return a function that gives each seat its own text."""
    return lambda turn: said[turn.seat]


def make_scores(winner: str, *names: str) -> str:
    """Return a judge's reply in which the winner has 9 and the others 6."""
    rows = [{"debater": name, **dict.fromkeys(CRITERIA, 9 if name == winner else 6)} for name in names]
    return json.dumps({"scores": rows, "winner": winner})


def say_usual(turn: TurnId) -> str:
    """Return the text of a turn in a debate where nothing goes wrong: Bob wins."""
    match turn.stage:
        case "verdict":
            return "Weighed.\nVERDICT: Bob, by a hair."
        case "scores":
            return make_scores("Bob", "Ada", "Bob", "Cyd")
        case _:
            return f"{turn.seat} says {turn.stage} {turn.round}"


def play_to_end(play: Play) -> list[str]:
    """Play the debate to its end and return who spoke at once, step by step: "opening/1 ada bob"."""
    held = []
    while not play.plan.outcome:
        turns = [w.turn for w in play.plan.wanted]
        held.append(f"{turns[0].stage}/{turns[0].round} {' '.join(i.seat for i in turns)}")
        play.play_stage(say_usual)
    return held
