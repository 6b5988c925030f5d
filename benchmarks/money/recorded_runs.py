"""Runs made of recorded answers: what a run of a panel would have cost, had it been held then.

The recordings are LLMFAO's (CC BY 4.0): 1,133 answers of 60 models to 19 prompts. A seat's first answer is the one that
its model gave to the prompt; later turns, reviews and syntheses, which nobody has recorded, are drawn from all answers
to the same prompt, so that they are long where those are.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bot.domain.asks import Ask
from bot.domain.facts import RunFinished, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import DebateRules, Panel, Price, Seat, TurnId, Usage
from bot.domain.transcript import Entry, Transcript, fold
from bot.formats.rehearsal import WriteTurn, fill_schema, rehearse
from bot.models.catalogue import Model
from bot.models.prices import cost_usd
from bot.models.tokens import make_counter
from tests.support.transcripts import make_start

FIRST = frozenset({"answer", "opening"})  # turns that a recorded answer can stand for
KINDS = (
    ("compare", 3),
    ("compare", 5),
    ("council", 3),
    ("council", 5),
    ("debate", 3),
    ("debate", 5),
)  # format and seats
ROUNDS = 3  # of a debate
MODELS = 8  # of a server
# US dollars per million tokens, read and written, as litellm lists a usual model of each of eight providers: Claude
# Sonnet 4.5, GPT-4.1, Gemini 2.5 Pro, Mistral Large, Grok 4, Command A, Llama 3.3 70B at Groq, DeepSeek Chat
LISTED = ((3.0, 15.0), (2.0, 8.0), (1.25, 10.0), (2.0, 6.0), (3.0, 15.0), (2.5, 10.0), (0.59, 0.79), (0.28, 0.42))
PRICES = tuple(Price(*usd, "settings") for usd in LISTED)


@dataclass(frozen=True, slots=True)
class Recordings:
    """`questions` by prompt; `answers` by prompt and model."""

    questions: Mapping[int, str]
    answers: Mapping[int, Mapping[int, str]]

    def models(self) -> Mapping[str, Model]:
        """Return every model that has answered, as one of the catalogue."""
        known = sorted({model for said in self.answers.values() for model in said})
        return {str(n): Model(str(n), f"openai/{n}", f"Model {n}", "openai") for n in known}


def load_recordings(folder: Path) -> Recordings | None:
    """Return the recordings of a folder of reference data; None where it has none."""
    files = [folder / "data" / name for name in ("prompts.jsonl", "results.jsonl")]
    if not all(file.is_file() for file in files):
        return None
    prompts, results = ([json.loads(line) for line in file.read_text("utf-8").splitlines()] for file in files)
    questions = {row["id"]: row["text"] for row in prompts}
    answers: dict[int, dict[int, str]] = {}
    for row in results:
        if row["prompt"] in questions:
            answers.setdefault(row["prompt"], {})[row["model"]] = row["result"] or ""
    return Recordings(questions, answers)


@dataclass(frozen=True, slots=True)
class Server:
    """A server with a few models, each at one price."""

    prices: Mapping[int, Price]

    @classmethod
    def draw(cls, recorded: Recordings, dice: random.Random) -> Server:
        """Draw the models among those that have answered every prompt."""
        able = set.intersection(*(set(said) for said in recorded.answers.values()))
        return cls({model: dice.choice(PRICES) for model in dice.sample(sorted(able), min(MODELS, len(able)))})


def draw_run(
    recorded: Recordings, server: Server, prompt: int, kind: tuple[str, int], dice: random.Random
) -> Transcript:
    """Return a whole run about a prompt, by a panel that is drawn among the server's models."""
    form, seats = kind
    said = recorded.answers[prompt]
    panel = {model: server.prices[model] for model in dice.sample(sorted(server.prices), seats)}
    start = _start_run(form, panel, recorded.questions[prompt])
    models = {seat.key: int(seat.model) for seat in start.panel.everyone()}

    def write(turn: TurnId, ask: Ask) -> str:
        text = said[models[turn.seat]] if turn.stage in FIRST else dice.choice(list(said.values()))
        return fill_schema(ask.schema, text) if ask.schema else text or "…"

    t = Transcript()
    for at, fact in enumerate(_list_facts(start, write)):
        t = fold(t, Entry(at + 1, float(at), fact))
    return t


def _start_run(form: str, models: Mapping[int, Price], question: str) -> RunStarted:
    seats = [Seat(f"s{n}", str(model), f"Model {model}", price=models[model]) for n, model in enumerate(models)]
    start = make_start(form, seats=[], rounds=ROUNDS if form == "debate" else None)
    panel = Panel(tuple(seats), replace(seats[0], key="chair"), replace(seats[0], key="judge"))
    rules = replace(start.rules, debating=DebateRules() if form == "debate" else None)
    return replace(start, question=question, panel=panel, rules=rules)


def _list_facts(start: RunStarted, write: WriteTurn) -> Iterator[RunStarted | TurnStarted | TurnEnded | RunFinished]:
    yield start
    seats = {seat.key: seat for seat in start.panel.everyone()}
    for played in rehearse(start, write):
        yield TurnStarted(played.turn)
        read = sum(_count(part.text) for part in played.ask.parts)
        usage = Usage(read, _count(played.text), 0, "reported")
        yield TurnEnded(played.turn, "done", played.text, usage, cost_usd(usage, seats[played.turn.seat].price))
    yield RunFinished("over")


def real_cost(t: Transcript) -> float:
    return sum(turn.ended.cost_usd or 0.0 for turn in t.turns.values() if turn.ended)


@cache
def _count(text: str) -> int:
    return make_counter("gpt-4o")(text)
