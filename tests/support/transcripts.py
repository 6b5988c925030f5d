"""Runs for tests: a panel, its start, and a transcript that grows by one fact at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.facts import Fact, RunStarted, TurnEnded, TurnStarted
from bot.domain.run import Finish, Panel, Price, Rules, Seat, Step, TurnId, Usage
from bot.domain.transcript import Entry, Transcript, fold
from bot.engine.thread import thread_posts
from bot.formats import FORMATS
from bot.formats.plan import Plan
from bot.models.catalogue import LOCAL
from tests.support.paths import ROOT

FILES = ROOT / "bot" / "formats"
PROMPTS = FILES / "prompts"
PIPELINES = {path.stem: path.read_text("utf-8") for path in sorted((FILES / "pipelines").iterdir())}


def make_seat(key: str, *, price: Price | None = LOCAL) -> Seat:
    return Seat(key, f"model-{key}", key.capitalize(), price=price)


def make_panel(seats: Sequence[str] = ("ada", "bob", "cyd")) -> Panel:
    return Panel(tuple(make_seat(k) for k in seats), make_seat("chair"), make_seat("judge"))


def make_start(form: str, *, seats: Sequence[str] = ("ada", "bob", "cyd"), rounds: int | None = None) -> RunStarted:
    prompts = {name: (PROMPTS / f"{name}.md").read_text("utf-8") for name in FORMATS[form].PROMPTS}
    rules = Rules(rounds or FORMATS[form].ROUNDS[0])
    steps = make_steps(seats) if form == "pipeline" else ()
    return RunStarted(form, "Tabs or spaces?", make_panel(seats), rules, 7, prompts, "a person", steps=steps)


def make_steps(seats: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps of a pipeline: everyone drafts, the first seat edits, and the chair closes."""
    return (
        Step("draft", "Draft.", tuple(seats), ("question",)),
        Step("edit", "Edit.", (seats[0],), ("draft",)),
        Step("close", "Close.", ("chair",), ("question", "edit")),
    )


class Play:
    """A run played by hand: `plan` asks its format, `record` adds facts, one second each."""

    def __init__(self, started: RunStarted) -> None:
        self.form = FORMATS[started.format]
        self.t = Transcript()
        self.now = 0.0
        self.record(started)

    def record(self, *facts: Fact) -> Play:
        for fact in facts:
            self.t = fold(self.t, Entry(self.t.seq + 1, max(self.now, self.t.at + 1), fact))
        return self

    @property
    def plan(self) -> Plan:
        return self.form.plan(self.t, max(self.now, self.t.at))

    def wait(self, seconds: float) -> Play:
        """Let so much time go by without a fact."""
        self.now = max(self.now, self.t.at) + seconds
        return self

    @property
    def wanted(self) -> list[str]:
        return [str(w.turn) for w in self.plan.wanted]

    def start_wanted(self) -> list[TurnId]:
        """Start every wanted turn that has not been started; return the turns that run now."""
        for want in self.plan.wanted:
            if want.turn not in self.t.turns:
                self.record(TurnStarted(want.turn, want.about, want.objection))
        return [i for i, turn in self.t.turns.items() if turn.ended is None]

    def end_turn(self, turn: TurnId, text: str = "words", finish: Finish = "done") -> Play:
        return self.record(TurnEnded(turn, finish, text, Usage(1, 2, 0, "reported")))

    def play_stage(self, text: Callable[[TurnId], str] = lambda turn: f"{turn.seat} speaks") -> Play:
        """Start and end every turn that is wanted now; `text` gives what each says."""
        for turn in self.start_wanted():
            self.end_turn(turn, text(turn))
        return self


def find_controls(play: Play, lane: object) -> list[str]:
    """Return the actions of the buttons under that lane."""
    return [c.action for post in thread_posts(play.t, play.plan) if post.lane == lane for c in post.controls]


def read_ask(play: Play, turn: TurnId) -> str:
    """Return all that a turn is asked, as one text."""
    return "\n".join(part.text for part in play.form.ask(play.t, turn).parts)
