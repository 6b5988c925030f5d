"""The conductor of one run: it makes its format's plan true, and is the only writer of starts and ends.

Each pass reads the new facts, asks the format what should be running, and reconciles three ways: a turn that runs but
is unwanted is cancelled; a turn that is open in the facts but neither wanted nor running is ended from its last
snapshot; a turn that is wanted and not running is started. Then it waits until something happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Literal, Protocol, assert_never

import structlog

from bot.concurrency import TaskGroup
from bot.domain.asks import Ask
from bot.domain.caveats import AWAY
from bot.domain.facts import CaughtUp, Fact, RunFinished, SetAside, TurnEnded, TurnStarted
from bot.domain.run import Failure, Finish, LaneId, Seat, TurnId
from bot.domain.spending import Payer
from bot.domain.transcript import Transcript
from bot.domain.visibility import absent_seats, display_name, names_hidden
from bot.engine.board_card import draw_board
from bot.engine.draft import Draft, find_payer, list_seen_to_think
from bot.engine.journal import PATIENCE_S, TRY_AGAIN_S, Journal
from bot.engine.planner import Planner
from bot.engine.snapshots import SnapshotWriter
from bot.engine.thread import Post, ahead, board_controls, lane_posts, plan_set_aside
from bot.formats.common import seat_of
from bot.formats.plan import Plan, Want
from bot.live.board import render_board, render_brief
from bot.live.lanes import Lane, LaneOpener
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.ports.process import Clock, Trace
from bot.ports.store import Store

log = structlog.get_logger()

BOARD = LaneId("board", 1, "")
OPERATOR_ERRORS = ("key", "billing")  # only an operator can fix these
LATE_VOTE_S = 0.5  # in which a vote that was taken just before the vote closed is stored
PROGRESS_S = 3.0  # between two progress lines of hidden turns, which draw on the budgets of visible ones

CutOffPolicy = Literal["again", "keep"]
StayUntil = Literal["as long as it takes", "until its end", "no longer"]


class TurnSpeaker(Protocol):
    """The models, one seat speaking at a time: `bot.models`."""

    def speak(self, seat: Seat, ask: Ask, payer: Payer) -> AsyncGenerator[Delta, None]: ...

    def open_circuits(self) -> Mapping[str, float]: ...


class Conductor:
    """One run in this process: `conduct` returns when it is over, `wake` tells it that a fact was stored."""

    def __init__(
        self,
        run: str,
        planner: Planner,
        *,
        store: Store,
        speaker: TurnSpeaker,
        clock: Clock,
        trace: Trace,
        owner: str,
        tell_operator: Callable[[str], None] | None,
        half_spoken: CutOffPolicy = "again",
        warn_usd: Sequence[float] = (),
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Make a conductor that has not claimed its run yet.

        `tell_operator` reports errors that members need not read; None: members are operators. `half_spoken`: the fate
        of turns that an earlier process has left open. `warn_usd`: sums that people are warned of on the board.
        `patience_s`: how long the run's end waits for a store that fails.
        """
        self.run = run
        self.was_set_aside = asyncio.Event()
        self._planner = planner
        self._speaker = speaker
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tell_operator = tell_operator
        self._half_spoken = half_spoken
        self._warn_usd = warn_usd
        self._stay_until: StayUntil = "as long as it takes"
        self._journal = Journal(run, store, clock, trace, patience_s)
        self.snapshots = SnapshotWriter(run, store, self._journal)
        self._notes: dict[str, None] = {}  # sentences for the board on how this run is shown, each once
        self._changed = asyncio.Event()
        self._running: dict[TurnId, tuple[Draft, asyncio.Task[None]]] = {}
        self._lanes: dict[LaneId, Lane] = {}
        self._plan = Plan()

    @property
    def transcript(self) -> Transcript:
        return self._journal.transcript

    def wake(self) -> None:
        """Look at the facts again, as one was stored."""
        self._journal.try_soon()  # whoever has stored a fact found the store working
        self._changed.set()

    def note(self, text: str) -> None:
        """Put a sentence on the board about how this run is shown."""
        self._notes[text] = None
        self._changed.set()

    def lane_text(self, lane: LaneId) -> str:
        """Return the whole text of a lane as it reads now; "" when it is not open."""
        return self._lanes[lane].text if lane in self._lanes else ""

    async def claim(self, facts: Sequence[Fact] = ()) -> None:
        """Take the run over, store these facts of it, and read what has happened in it. Raises StoreFailed."""
        await self._journal.claim(self._owner, facts)
        if self._half_spoken == "keep" and self.transcript.stopped is None:
            await self._keep_cut_off_turns()

    def stay(self, until: StayUntil) -> None:
        """Set how long to stay from now on: a process that stops takes its leave step by step."""
        self._stay_until = until
        self.wake()

    async def show_board(self, live: LaneOpener) -> None:
        """Show the board alone, of a run that another process will conduct; call `claim` first."""
        await self._replan()
        self._show_board(live)

    async def conduct(self, live: LaneOpener) -> Transcript:
        """Run it to its end; call `claim` first. Raises Fenced when another process has taken the run over."""
        async with TaskGroup() as tasks:
            helpers = [tasks.create_task(work) for work in (self._refresh_board(live), self._report_progress())]
            while await self._replan():
                if not await self._reconcile(live, tasks):
                    await self._wait_for_change()
                await self._read_facts()
            for task in (*helpers, *(task for _, task in self._running.values())):
                task.cancel()
        self._show_posts(live)
        await self._journal.wait_until_stored()
        if self._is_over and self.transcript.started.rules.vote_s:
            await asyncio.sleep(LATE_VOTE_S)
            await self._read_facts()
            await self._replan()
        self._show_posts(live)  # the board has said that nothing is saved
        for key, lane in self._lanes.items():
            if key == BOARD or self.transcript.finished:
                lane.close()
        return self.transcript

    async def _read_facts(self) -> None:
        """Read what has happened; what happens meanwhile is for the next time.

        A turn runs until its end is read: one that a read under way has missed would be asked again.
        """
        self._changed.clear()
        over = [turn for turn, (_, task) in self._running.items() if task.done()]
        await self._journal.read()
        for turn in over:
            del self._running[turn]

    async def store_rest(self) -> None:
        """Store what is not stored yet, and that all of the run is shown; one that is not over is left to others."""
        await self.snapshots.save_rest()
        if self._is_over or self.transcript.set_aside:
            await self._journal.record([CaughtUp()])
            await self._journal.wait_until_stored()
            await self._journal.read()

    @property
    def _is_over(self) -> bool:
        """Return whether the end is stored, the vote after it is closed, and nothing is hidden."""
        plan = self._plan
        return self.transcript.finished is not None and not (plan.voting or plan.hidden_lanes or plan.reveals_due)

    async def set_aside(self, live: LaneOpener, why: str) -> None:
        """Store that the run ends here with what it has, ask for no plan any more, and show that."""
        await self._journal.read()
        if self.transcript.set_aside is None:
            ends = [await self._end_as_it_stands(i) for i, turn in self.transcript.turns.items() if turn.ended is None]
            await self._journal.record([*ends, SetAside(why)])
            await self._journal.read()
        self.was_set_aside.set()
        self.show_set_aside(live, self._lanes.keys())

    async def _end_as_it_stands(self, turn: TurnId) -> TurnEnded:
        if turn in self._running:
            return self._running[turn][0].end(asyncio.get_running_loop().time(), self._clock(), "stopped")
        return TurnEnded(turn, "stopped", (await self.snapshots.last_texts()).get(turn, ""))

    def show_set_aside(self, live: LaneOpener, standing: Collection[LaneId]) -> None:
        """Show the board of a run that was set aside, and of its other lanes those that stand there already."""
        self._running.clear()
        self._plan = plan_set_aside(self.transcript)
        self._show_board(live)
        for post in lane_posts(self.transcript, self._plan):
            if post.lane in standing and post.text is not None:
                lane = self._open_lane(live, post)
                lane.set_controls(post.controls)
                lane.close(post.text, post.footer)
        for lane in self._lanes.values():
            if lane.key not in self._plan.hidden_lanes:
                lane.close()

    async def _replan(self) -> bool:
        """Ask for the plan; False once the run is over for people, or the process leaves."""
        self._plan = await self._planner.make_plan(self.transcript)
        match self._stay_until:
            case "as long as it takes":
                return not self._is_over
            case "until its end":
                return self.transcript.finished is None
            case "no longer":
                return False
            case _ as never:
                assert_never(never)

    async def _reconcile(self, live: LaneOpener, tasks: TaskGroup) -> bool:
        """Make the plan true; return whether facts were written, so that the plan must be asked again."""
        plan, t = self._plan, self.transcript
        self._show_posts(live)
        wanted = {w.turn: w for w in plan.wanted if not (known := t.turns.get(w.turn)) or known.ended is None}
        for turn, (draft, task) in self._running.items():
            if turn not in wanted and draft.decided_finish is None:
                draft.decided_finish = self._unwanted_finish(turn)
                task.cancel()
        open_turns = [i for i, turn in t.turns.items() if turn.ended is None]
        if orphans := [i for i in open_turns if i not in wanted and i not in self._running]:
            await self._journal.record([await self._end_from_snapshot(i) for i in orphans])
            return True
        if seen := list_seen_to_think(t, (draft for draft, _ in self._running.values())):
            await self._journal.record(seen)
            return True
        if new := [TurnStarted(w.turn, w.about, w.objection) for w in wanted.values() if w.turn not in t.turns]:
            await self._journal.record(new)
            return True
        for want in wanted.values():
            if want.turn not in self._running:
                self._begin_turn(want, tasks)
        if plan.outcome and not open_turns and not wanted and t.finished is None:
            await self._journal.record([RunFinished(plan.outcome)])
            return True
        if plan.reveals_due:
            await self._journal.record(plan.reveals_due)
            return True
        return False

    def _unwanted_finish(self, turn: TurnId) -> Finish:
        return "skipped" if self.transcript.is_skipped(turn) and self.transcript.stopped is None else "stopped"

    async def _end_from_snapshot(self, turn: TurnId) -> TurnEnded:
        """Return the end of a turn that another process began: its last snapshot is its text."""
        return TurnEnded(turn, self._unwanted_finish(turn), (await self.snapshots.last_texts()).get(turn, ""))

    async def _keep_cut_off_turns(self) -> None:
        """End turns that were cut off with the text they had shown; one that had shown none is asked again."""
        t = self.transcript
        cut_off = [i for i, turn in t.turns.items() if turn.ended is None and i not in t.skips]
        shown = await self.snapshots.last_texts() if cut_off else {}
        if kept := [TurnEnded(turn, "cut", shown[turn]) for turn in cut_off if shown.get(turn)]:
            await self._journal.record(kept)
            await self._journal.read()

    def _begin_turn(self, want: Want, tasks: TaskGroup) -> None:
        seat = seat_of(self.transcript, want.turn)
        lane, now = want.turn.lane, asyncio.get_running_loop().time()
        draft = Draft(want, seat, self._lanes.get(lane), now, hidden=lane in self._plan.hidden_lanes)
        ask = self._planner.ask(self.transcript, want.turn)
        task = tasks.create_task(self._run_turn(draft, ask), name=f"{self.run} {want.turn}")
        task.add_done_callback(lambda _: self._changed.set())  # also of one that is cancelled before its first step
        self._running[want.turn] = (draft, task)

    async def _run_turn(self, draft: Draft, ask: Ask) -> None:
        turn = draft.want.turn
        structlog.contextvars.bind_contextvars(turn=str(turn), seat=turn.seat)
        payer = find_payer(self.run, self.transcript, turn, self._plan)
        failure: Failure | None = None
        try:
            async with aclosing(self._speaker.speak(draft.seat, ask, payer)) as deltas:
                async for delta in deltas:
                    draft.add_delta(delta)
                    self._note_delta(draft, delta)
            draft.decided_finish = draft.finish
        except ProviderError as error:
            draft.decided_finish, failure = "failed", self._describe_failure(draft, error)
            log.info("turn failed", kind=error.kind)  # what a provider says may quote what it was asked
        except asyncio.CancelledError:
            if draft.decided_finish is None:  # the process is leaving: the next start asks this turn again
                raise
        except Exception:
            draft.decided_finish, failure = "failed", Failure("other", "Moot made a mistake here; it has been logged")
            log.exception("bug in a turn")
        now = asyncio.get_running_loop().time()
        await self._journal.record([draft.end(now, self._clock(), draft.decided_finish, failure)])

    def _describe_failure(self, draft: Draft, error: ProviderError) -> Failure:
        if error.kind == "cap":
            self.note(f"{error.text[0].upper()}{error.text[1:]}.")
        if self._tell_operator is None or error.kind not in OPERATOR_ERRORS:
            return Failure(error.kind, error.text, error.retry_after_s)
        self._report(draft.seat, draft.model, error)
        return Failure(error.kind, AWAY)

    def _report(self, seat: Seat, model: str, error: ProviderError) -> None:
        """Tell whoever can mend it why a model cannot answer."""
        told = f"{seat.name} ({model}) cannot answer: {error.text}"
        if self._tell_operator is not None:
            self._tell_operator(f"{told} (run {self.run})")
        elif not names_hidden(self.transcript):
            self.note(f"{told}.")

    def _note_delta(self, draft: Draft, delta: Delta) -> None:
        if delta.switch and delta.switch.error.kind in OPERATOR_ERRORS:
            self._report(draft.seat, delta.switch.failed, delta.switch.error)
        if delta.text or delta.thinking:
            self._trace.record_delta(draft.want.turn, delta.at, len(delta.text), len(delta.thinking))

    def _show_posts(self, live: LaneOpener) -> None:
        """Open the lanes of started turns, close those whose end is stored, rewrite the cards and the board."""
        live.foresee(*ahead(self.transcript, self._plan))
        self._show_board(live)
        for turn, (draft, _) in self._running.items():
            if turn.lane not in self._plan.hidden_lanes:
                draft.reveal()
        for post in lane_posts(self.transcript, self._plan):
            lane = self._open_lane(live, post)
            lane.set_controls(post.controls)
            lane.set_answers(post.answers)
            if post.kind != "turn":
                lane.set(post.text or "")
            elif post.text is None:
                if lane.closed:
                    lane.reopen()
                lane.set_placeholder(self._progress(post.lane) or post.placeholder)
            elif lane.closed and lane.text != post.text:
                lane.rewrite(post.text, post.footer)
            else:
                lane.close(post.text, post.footer)

    def _show_board(self, live: LaneOpener) -> None:
        plan, t, now, loop_now = self._plan, self.transcript, self._clock(), asyncio.get_running_loop().time()
        providers_down = {} if names_hidden(t) else self._speaker.open_circuits()  # providers by name
        warnings = [f"{who} is not tried again for {s:.0f} s" for who, s in providers_down.items()]
        warnings += [f"Away: {seat}" for seat in absent_seats(t)]
        warnings += [*plan.warnings, *([t.set_aside.why] if t.set_aside else []), *self._notes]
        warnings += self._journal.describe_outage(for_operators=self._tell_operator is None)
        drafts = {turn: draft for turn, (draft, _) in self._running.items()}
        card = draw_board(t, plan, drafts, now=now, loop_now=loop_now, warnings=warnings, warn_usd=self._warn_usd)
        lane = self._open_lane(live, Post(BOARD, "board", "", None))
        lane.set_controls(board_controls(t, plan))
        lane.set(render_board(card), render_brief(card))

    def _open_lane(self, live: LaneOpener, post: Post) -> Lane:
        if post.lane not in self._lanes:
            self._lanes[post.lane] = live.open(
                post.lane, post.title, kind=post.kind, placeholder=post.placeholder, to=post.to, face=post.face
            )
        return self._lanes[post.lane]

    async def _refresh_board(self, live: LaneOpener) -> None:
        """Count the seconds on the board while somebody speaks; a run that is paused for a day shows nothing new."""
        while True:
            await asyncio.sleep(1)
            if self._running:
                self._show_board(live)

    async def _report_progress(self) -> None:
        """Show how far turns without visible text are; save what is hidden, which a crash must not lose."""
        while True:
            await asyncio.sleep(PROGRESS_S)
            for turn, (draft, _) in self._running.items():
                if (progress := self._progress(turn.lane)) and draft.lane and draft.lane.placeholder != progress:
                    draft.lane.set_placeholder(progress)
                    if draft.chars:
                        self.snapshots.note_text(turn, draft.text)

    def _progress(self, lane: LaneId) -> str:
        """Return how far the turn in that lane is, as long as it shows no text; "" where none runs there."""
        t, drafts = self.transcript, [draft for turn, (draft, _) in self._running.items() if turn.lane == lane]
        name, now = display_name(t, lane.seat), asyncio.get_running_loop().time()
        return drafts[-1].progress(name, now, is_blind=names_hidden(t)) if drafts else ""

    async def _wait_for_change(self) -> None:
        """Wait until something happens, or the moment that the plan named."""
        again_at = self._plan.again_at
        delay = None if again_at is None else max(0.0, again_at - self._clock())
        if self._journal.failing:
            delay = min(TRY_AGAIN_S, TRY_AGAIN_S if delay is None else delay)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()
