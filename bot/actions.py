"""Everything people can do. What may be done, and by how much, is decided here and nowhere else."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from bot.errors import Refused
from bot.formats import FORMATS
from bot.hall import Hall
from bot.models.catalogue import Model
from bot.panels import choose, near, seat_panel
from bot.ports import Store, Surface
from bot.settings import LimitSettings, PanelSettings
from bot.transcript import (
    Fact,
    Interjected,
    Panel,
    Rules,
    RunStarted,
    SkipAsked,
    Stopped,
    Transcript,
    TurnId,
    VoteCast,
)

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read run ids to each other


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for when starting a run. `rounds` None: the format's usual number."""

    format: str
    question: str
    panel: str
    by: str
    rounds: int | None = None


class Actions:
    """`why_absent(model)` tells why a model cannot be asked now ("set ANTHROPIC_API_KEY"), or None."""

    def __init__(
        self,
        *,
        panels: Mapping[str, PanelSettings],
        models: Mapping[str, Model],
        prompts: Mapping[str, str],
        limits: LimitSettings,
        store: Store,
        hall: Hall,
        why_absent: Callable[[Model], str | None],
        random: Random,
    ) -> None:
        self._panels = panels
        self._models = models
        self._prompts = prompts
        self._limits = limits
        self._store = store
        self._hall = hall
        self._why_absent = why_absent
        self._random = random

    async def start(self, wish: Wish, surface: Surface) -> str:
        """Begin a run and show it on `surface`; its id. Raises Refused."""
        question = self._question(wish.question)
        if wish.format not in FORMATS:
            raise Refused(f"There is no format “{wish.format}”. {near(wish.format, list(FORMATS), 'formats')}")
        form = FORMATS[wish.format]
        usual, most = form.ROUNDS
        rounds = usual if wish.rounds is None else wish.rounds
        if not 1 <= rounds <= most:
            raise Refused(f"A {wish.format} has {'1 round' if most == 1 else f'1 to {most} rounds'}, not {rounds}.")
        panel, absent = self._present(seat_panel(choose(wish.panel, self._panels), self._models))
        run = "".join(secrets.choice(ALPHABET) for _ in range(8))
        started = RunStarted(
            format=wish.format,
            question=question,
            panel=panel,
            rules=Rules(rounds, surface.room_chars),
            seed=self._random.getrandbits(32),
            prompts={name: self._prompts[name] for name in form.PROMPTS},
            by=wish.by,
            absent=absent,
        )
        await self._store.append(run, [started])
        await self._hall.begin(run, form, surface)
        return run

    def transcript(self, run: str) -> Transcript:
        """What has happened so far. Raises Refused when no such run goes on here."""
        t = self._hall.transcript(run)
        if t is None:
            raise Refused(f"No run {run} goes on here.")
        return t

    async def finished(self, run: str) -> Transcript:
        """Waits until the run is over and all of it is shown."""
        return await self._hall.finished(run)

    async def skip_seat(self, run: str, seat: str, by: str) -> None:
        """Skip what that seat is saying now."""
        turns = self._open(run).turns.values()
        speaking = next((turn.id for turn in turns if turn.id.seat == seat and not turn.ended), None)
        if speaking is None:
            raise Refused("That seat is not speaking, so there is nothing to skip.")
        await self.skip(run, speaking, by)

    async def skip(self, run: str, turn: TurnId, by: str) -> None:
        t = self._open(run)
        known = t.turns.get(turn)
        if known is None or known.ended is not None:
            raise Refused("That turn is not running, so there is nothing to skip.")
        await self._tell(run, SkipAsked(turn, by))

    async def vote(self, run: str, seat: str, by: str) -> None:
        t = self._open(run)
        if seat not in {s.key for s in t.started.panel.seats}:
            raise Refused("That seat is not at this table.")
        round_ = max((turn.round for turn in t.turns), default=1)
        await self._tell(run, VoteCast(by, round_, seat))

    async def say(self, run: str, text: str, by: str) -> None:
        """An interjection: everyone is told of it from their next turn on."""
        self._open(run)
        text = text.strip()
        if not text:
            raise Refused("There is nothing to pass on: write something first.")
        if len(text) > self._limits.remark_chars:
            raise Refused(f"A remark may have {self._limits.remark_chars:,} characters; this has {len(text):,}.")
        await self._tell(run, Interjected(by, text))

    async def stop(self, run: str, by: str) -> None:
        """End the run, keeping what is there."""
        self._open(run)
        await self._tell(run, Stopped(by))

    async def _tell(self, run: str, fact: Fact) -> None:
        await self._store.append(run, [fact])
        self._hall.wake(run)

    def _open(self, run: str) -> Transcript:
        t = self.transcript(run)
        if t.finished is not None:
            raise Refused("This run is over.")
        return t

    def _question(self, text: str) -> str:
        text, most = text.strip(), self._limits.question_chars
        if not text:
            raise Refused("There is no question: say what the table should talk about.")
        if len(text) > most:
            raise Refused(
                f"The question has {len(text):,} characters and may have {most:,}: shorten it, or raise "
                "limits.question_chars."
            )
        return text

    def _present(self, panel: Panel) -> tuple[Panel, tuple[str, ...]]:
        """The panel without the seats that cannot answer, and why each is away. Raises Refused below two."""
        away = {s.key: why for s in panel.everyone() if (why := self._why_absent(self._models[s.model]))}
        seats = tuple(s for s in panel.seats if s.key not in away)
        absent = tuple(f"{s.name} ({away[s.key]})" for s in panel.seats if s.key in away)
        if len(seats) < 2:
            told = f" Away: {'; '.join(absent)}." if absent else ""
            raise Refused(f"A table needs two seats that can answer, and this one has {len(seats)}.{told}")
        chair, judge = (
            replace(seats[0], key=s.key) if s is not None and s.key in away else s for s in (panel.chair, panel.judge)
        )
        return Panel(seats, chair, judge), absent
