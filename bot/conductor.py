"""Runs one run: makes its format's plan true, and is the only writer of starts and ends.

Each pass reads the new facts, asks the format what should be running, and reconciles three ways:
running but unwanted is cancelled; open in the facts but neither wanted nor running is ended from what it
last showed; wanted and not running is started. Then it waits until something happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Literal, Protocol, assert_never

import structlog

from bot.asks import Ask
from bot.draft import Draft
from bot.errors import StoreFailed
from bot.facts import CaughtUp, Failure, Finish, Lane, RunFinished, Seat, TurnEnded, TurnId, TurnStarted
from bot.formats.common import seat_of
from bot.formats.plan import Format, Plan, Want
from bot.journal import TRY_AGAIN_S, Journal
from bot.live.board import Notices, board, render
from bot.live.lanes import Lane as LiveLane
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.ports import Clock, Fenced, Kind, Placed, Store, SurfaceError, Trace, replay
from bot.tasks import Tasks
from bot.thread import Post, posts, while_it_runs
from bot.transcript import Transcript

log = structlog.get_logger()

BOARD = Lane("board", 1, "")
OPERATORS = ("key", "billing")  # faults that members can do nothing about …
AWAY = "away today"  # … and what they read instead
BROKEN = "Moot made a mistake in this run; it has been logged. What was said is kept."


HalfSpoken = Literal["again", "keep"]
Stays = Literal["as long as it takes", "until its end", "no longer"]


class Speaks(Protocol):
    def speak(self, seat: Seat, ask: Ask) -> AsyncGenerator[Delta, None]: ...

    def open_circuits(self) -> Mapping[str, float]: ...


class Shows(Protocol):
    """What a run's texts are shown on: `bot.live`."""

    def open(
        self, key: Lane, title: str, *, kind: Kind, placeholder: str = "", to: str = "", face: str = ""
    ) -> LiveLane: ...


class Conductor:
    """One run in this process. `conduct` returns when the run is over; `wake` tells it that a fact was stored."""

    def __init__(
        self,
        run: str,
        form: Format,
        *,
        store: Store,
        speaker: Speaks,
        clock: Clock,
        trace: Trace,
        owner: str,
        tell_operator: Callable[[str], None] | None,
        half_spoken: HalfSpoken = "again",
    ) -> None:
        """`tell_operator`: who is told of faults that members need not read; None: members are operators.
        `half_spoken`: what becomes of the turns that an earlier process has left open."""
        self.run = run
        self.notices: Notices = {}
        self._form = form
        self._store = store
        self._speaker = speaker
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tell_operator = tell_operator
        self._half_spoken = half_spoken
        self._stays: Stays = "as long as it takes"
        self._journal = Journal(run, store, clock, trace)
        self._notes: dict[str, None] = {}  # what people should know of how this run is shown, each once
        self._seen: dict[TurnId, str] = {}  # what became visible and is not stored yet
        self._placed: list[Placed] = []  # messages that stand and are not stored yet
        self._news = asyncio.Event()
        self._changed = asyncio.Event()
        self._running: dict[TurnId, tuple[Draft, asyncio.Task[None]]] = {}
        self._lanes: dict[Lane, LiveLane] = {}
        self._plan = Plan()

    @property
    def transcript(self) -> Transcript:
        return self._journal.transcript

    def wake(self) -> None:
        self._journal.try_soon()  # whoever has stored a fact found the store working
        self._changed.set()

    def note(self, text: str) -> None:
        """One sentence for the board about how this run is shown."""
        self._notes[text] = None

    def shown(self, lane: Lane, text: str) -> None:
        """So much of a turn is visible now; kept, so that an end can be made of it after a crash."""
        turn = next((i for i in reversed(tuple(self.transcript.turns)) if i.lane == lane), None)
        if turn is not None and self.transcript.turns[turn].ended is None:
            self._seen[turn] = text
            self._news.set()

    def placed(self, placed: Placed) -> None:
        """A message of this run stands there; kept, so that it is found again after a restart."""
        if placed.address:
            self._placed.append(placed)
            self._news.set()

    async def posting(self, placed: Placed) -> None:
        """A message of this run is about to be posted there: a later process must know before anybody sees it.

        Raises SurfaceError when the run is another process's by now.
        """
        if not placed.address or self._journal.failing:
            return
        try:
            await self._store.place(self.run, placed, epoch=self._journal.epoch)
        except StoreFailed as error:
            self._journal.failed(error)
        except Fenced as error:
            raise SurfaceError(str(error)) from error

    def reads(self, lane: Lane) -> str:
        """What that lane reads now, whole; "" when it is not open."""
        return self._lanes[lane].text if lane in self._lanes else ""

    async def claim(self) -> None:
        """Take the run over and read what has happened in it."""
        await self._journal.claim(self._owner)
        if self._half_spoken == "keep" and self.transcript.stopped is None:
            await self._keep_half_spoken()

    def leave(self, stays: Stays) -> None:
        """How long to stay from now on: a process that stops takes its leave step by step."""
        self._stays = stays
        self.wake()

    async def conduct(self, live: Shows) -> Transcript:
        """Run it to its end; call `claim` first. Raises Fenced when another process has taken the run over."""
        async with Tasks() as tasks:
            besides = [tasks.create_task(self._tick(live)), tasks.create_task(self._keep())]
            while self._goes_on():
                self._changed.clear()
                if not await self._reconcile(live, tasks):
                    await self._wait()
                await self._journal.read()
            for task in (*besides, *(task for _, task in self._running.values())):
                task.cancel()
        if self._journal.failing:
            self._journal.try_soon()
            await self._journal.read()
        self._show(live)
        for key, lane in self._lanes.items():
            if key == BOARD or self.transcript.finished:
                lane.close()
        return self.transcript

    async def caught_up(self) -> None:
        """All of it is shown; a run that is not over is left to the next process."""
        if self._is_over:
            await self._journal.record([CaughtUp()])
            await self._journal.read()

    @property
    def _is_over(self) -> bool:
        return self.transcript.finished is not None and not self._plan.voting

    def broke(self, live: Shows) -> None:
        """A bug of ours has ended it here: the board says so."""
        self.note(BROKEN)
        self._show_board(live)
        self._lanes[BOARD].close()

    def _goes_on(self) -> bool:
        """Ask for the plan; False once the run is over and the vote after it is closed, or the process leaves."""
        self._plan = self._form.plan(self.transcript, max(self._clock(), self.transcript.at))
        match self._stays:
            case "as long as it takes":
                return not self._is_over
            case "until its end":
                return self.transcript.finished is None
            case "no longer":
                return False
            case _ as never:
                assert_never(never)

    async def _reconcile(self, live: Shows, tasks: Tasks) -> bool:
        """Make the plan true; whether facts were written, so that the plan must be asked again."""
        plan, t = self._plan, self.transcript
        self._show(live)
        wanted = {w.turn: w for w in plan.want if not (known := t.turns.get(w.turn)) or known.ended is None}
        for turn, (draft, task) in self._running.items():
            if turn not in wanted and draft.over is None:
                draft.over = self._why_unwanted(turn)
                task.cancel()
        open_turns = [i for i, turn in t.turns.items() if turn.ended is None]
        if orphans := [i for i in open_turns if i not in wanted and i not in self._running]:
            await self._journal.record([await self._from_snapshot(i) for i in orphans])
            return True
        if new := [TurnStarted(w.turn, w.about, w.objection) for w in wanted.values() if w.turn not in t.turns]:
            await self._journal.record(new)
            return True
        for want in wanted.values():
            if want.turn not in self._running:
                self._begin(want, tasks)
        if plan.outcome and not open_turns and not wanted and t.finished is None:
            await self._journal.record([RunFinished(plan.outcome)])
            return True
        return False

    def _why_unwanted(self, turn: TurnId) -> Finish:
        return "skipped" if self.transcript.skipped(turn) and self.transcript.stopped is None else "stopped"

    async def _from_snapshot(self, turn: TurnId) -> TurnEnded:
        """The end of a turn that another process began: what it last showed is what it said."""
        return TurnEnded(turn, self._why_unwanted(turn), (await self._last_shown()).get(turn, ""))

    async def _last_shown(self) -> dict[TurnId, str]:
        try:
            return {turn: text for turn, _, text in replay(await self._store.snapshots(self.run))}
        except StoreFailed as error:
            self._journal.failed(error)
            return {}

    async def _keep_half_spoken(self) -> None:
        """What was cut off ends with what it had shown; a turn that had shown nothing is asked again."""
        t = self.transcript
        cut_off = [i for i, turn in t.turns.items() if turn.ended is None and i not in t.skips]
        shown = await self._last_shown() if cut_off else {}
        if kept := [TurnEnded(turn, "cut", shown[turn]) for turn in cut_off if shown.get(turn)]:
            await self._journal.record(kept)
            await self._journal.read()

    def _begin(self, want: Want, tasks: Tasks) -> None:
        seat = seat_of(self.transcript, want.turn)
        draft = Draft(want, seat, asyncio.get_running_loop().time())
        ask = self._form.ask(self.transcript, want.turn)
        task = tasks.create_task(self._speak(draft, ask), name=f"{self.run} {want.turn}")
        self._running[want.turn] = (draft, task)
        self.notices[want.turn] = "thinking"

    async def _speak(self, draft: Draft, ask: Ask) -> None:
        turn = draft.want.turn
        lane = self._lanes.get(turn.lane)
        words = log.bind(run=self.run, turn=str(turn), seat=turn.seat)
        failure: Failure | None = None
        try:
            async with aclosing(self._speaker.speak(draft.seat, ask)) as deltas:
                async for delta in deltas:
                    draft.take(delta)
                    self._hear(turn, delta)
                    if lane and delta.text:
                        lane.add(delta.text)
            draft.over = draft.finish
        except ProviderError as error:
            draft.over, failure = "failed", self._failure(draft.seat, error)
            words.info("turn failed", kind=error.kind, reason=error.text)
        except asyncio.CancelledError:
            if draft.over is None:  # the process is leaving: the next start asks this turn again
                raise
        except Exception:
            draft.over, failure = "failed", Failure("other", "Moot made a mistake here; it has been logged")
            words.exception("bug in a turn")
        self.notices.pop(turn, None)
        await self._journal.record([draft.end(asyncio.get_running_loop().time(), draft.over, failure)])
        self._running.pop(turn)
        self._changed.set()

    def _failure(self, seat: Seat, error: ProviderError) -> Failure:
        if self._tell_operator is None or error.kind not in OPERATORS:
            return Failure(error.kind, error.text, error.retry_after_s)
        self._tell_operator(f"{seat.name} ({seat.model}) cannot answer: {error.text} (run {self.run})")
        return Failure(error.kind, AWAY)

    def _hear(self, turn: TurnId, delta: Delta) -> None:
        if delta.notice:
            self.notices[turn] = delta.notice
        elif delta.text:
            self.notices.pop(turn, None)
        elif delta.thinking:
            self.notices[turn] = "thinking"
        if delta.text or delta.thinking:
            self._trace.delta(turn, delta.at, len(delta.text), len(delta.thinking))

    def _show(self, live: Shows) -> None:
        """Open the lanes of what was started, close those whose end is stored, rewrite the cards and the board."""
        self._show_board(live)
        for post in posts(self.transcript, self._plan):
            lane = self._lane(live, post)
            lane.offer(post.controls)
            if post.kind != "turn":
                lane.set(post.text or "")
            elif post.text is None:
                if lane.closed:
                    lane.reopen()
            elif lane.closed and lane.text != post.text:
                lane.rewrite(post.text, post.footer)
            else:
                lane.close(post.text, post.footer)

    def _show_board(self, live: Shows) -> None:
        warnings = [f"{who} is not tried again for {s:.0f} s" for who, s in self._speaker.open_circuits().items()]
        warnings += [f"Away: {seat}" for seat in self.transcript.started.absent]
        plan = self._plan
        unsaved = [f"Not being saved: {self._journal.failing}"] if self._journal.failing else []
        warnings += [*plan.warnings, *self._notes, *unsaved]
        verdict = plan.verdict if self.transcript.finished else ""
        card = board(self.transcript, plan.stage, plan.total, self.notices, self._clock(), warnings, verdict, plan.told)
        lane = self._lane(live, Post(BOARD, "board", "", None))
        lane.offer(() if self.transcript.finished else while_it_runs(self.transcript))
        lane.set(render(card))

    def _lane(self, live: Shows, post: Post) -> LiveLane:
        if post.lane not in self._lanes:
            self._lanes[post.lane] = live.open(
                post.lane,
                post.title,
                kind=post.kind,
                placeholder=post.placeholder,
                to=post.to,
                face=post.face,
            )
        return self._lanes[post.lane]

    async def _tick(self, live: Shows) -> None:
        """The board tells the seconds."""
        while True:
            await asyncio.sleep(1)
            self._show_board(live)

    async def _keep(self) -> None:
        """Store what became visible and where, each turn's newest text only, at the pace of the store."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.save()

    async def save(self) -> None:
        """Store what became visible and where since the last time."""
        if self._journal.failing:
            return
        try:
            while self._placed:  # a cancel between two of them forgets none
                await self._store.place(self.run, self._placed[0], epoch=self._journal.epoch)
                del self._placed[0]
            for turn, text in list(self._seen.items()):
                await self._store.snapshot(self.run, turn, text, epoch=self._journal.epoch)
                if self._seen[turn] == text:
                    del self._seen[turn]
        except StoreFailed as error:
            self._journal.failed(error)

    async def _wait(self) -> None:
        """Until something happened, or the moment the plan named."""
        again_at = self._plan.again_at
        delay = None if again_at is None else max(0.0, again_at - self._clock())
        if self._journal.failing:
            delay = min(TRY_AGAIN_S, TRY_AGAIN_S if delay is None else delay)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()
