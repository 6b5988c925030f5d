"""The calls and tokens of a run of each format: of its own asks, where all answers have one length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.report import Scene
from bot.domain.facts import RunStarted
from bot.domain.run import DebateRules, Mode, TurnId
from bot.formats.council.review_order import letter_labels
from bot.models.tokens import make_counter
from tests.support.transcripts import Play, make_start

WORDS = 300  # of an answer, a debater's turn, a synthesis or a verdict
ANSWER = "argue " * WORDS
SEATS = [f"seat{n}" for n in range(5)]


def list_costs() -> Iterator[Scene]:
    for name, begun in start_runs():
        calls, read, written = _count_cost(begun)
        seats = len(begun.panel.seats)
        yield {"scene": name, "seats": seats, "calls": calls, "tokens_read": read, "tokens_written": written}


def start_runs() -> Iterator[tuple[str, RunStarted]]:
    yield "comparison", make_start("compare", seats=SEATS)
    modes: tuple[Mode, ...] = ("answers", "ranking", "full")
    for mode in modes:
        begun = make_start("council", seats=SEATS)
        yield f"council, {mode}", replace(begun, rules=replace(begun.rules, mode=mode))
    for seats, rounds in ((2, 3), (5, 3)):
        begun = make_start("debate", seats=SEATS[:seats], rounds=rounds)
        yield f"debate of {rounds} rounds", replace(begun, rules=replace(begun.rules, debating=DebateRules()))
    yield "pipeline: drafts, edit, close", make_start("pipeline", seats=SEATS)
    yield "summary of five answers", replace(make_start("summary", seats=SEATS[:1]), context="\n\n".join([ANSWER] * 5))


def _count_cost(begun: RunStarted) -> tuple[int, int, int]:
    """Return the calls, tokens read and tokens written of a run in which nothing fails and no debate ends early."""
    play, count = Play(begun), make_counter("gpt-4o")
    read = written = 0
    while not play.plan.outcome:
        for turn in play.start_wanted():
            text = _write_text(play, turn)
            read += sum(count(part.text) for part in play.form.ask(play.t, turn).parts)
            written += count(text)
            play.end_turn(turn, text)
    return len(play.t.turns), read, written


def _write_text(play: Play, turn: TurnId) -> str:
    match turn.stage:
        case "review":
            letters = letter_labels(len(play.t.turns[turn].about))
            return json.dumps({"review": "argue " * 20 * len(letters), "ranking": letters})
        case "check":
            return json.dumps({"because": "argue " * 20, "state": "going on"})
        case "scores":
            names = [s.name for s in play.t.started.panel.seats]
            marks = [{"debater": name, **dict.fromkeys(DebateRules().criteria, 7)} for name in names]
            return json.dumps({"scores": marks, "winner": "tie"})
        case _:
            return ANSWER
