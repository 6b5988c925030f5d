"""Runs as one person may act on them: read, still open, still votable; and facts recorded in them.

Rights belong to the place where a run stands, wherever its person acts from: whoever cannot see that place is told that
there is no such run, and whoever cannot write there may only read. `Actions` and `SteeringActions` both stand on this.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.actions.permissions import (
    NO_RIGHTS,
    Person,
    Rights,
    may_steer,
    require_may_steer,
    require_moderator,
)
from bot.concurrency import KeyedSemaphore, SingleFlight
from bot.domain.controls import Control
from bot.domain.facts import Deleted, Fact, Stopped
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript, fold_all
from bot.engine.conductor import BOARD
from bot.engine.runs import Runs
from bot.engine.thread import current_plan
from bot.errors import Refused, StoreFailed
from bot.formats import FORMATS
from bot.formats.common import is_voting_open, name_of
from bot.formats.plan import Plan, Section
from bot.ports.process import Clock
from bot.ports.store import EVERY_RUN, RunFilter, RunRow, Store
from bot.ports.surface import CanSee
from bot.text import shorten_typed

log = structlog.get_logger()

# presses that are for those who steer a run alone
STEERS = ("close", "outcome", "name", "archive", "restore", "delete")
WRITES = ("vote",)  # presses that are for those who may write where it stands
MAX_ACTS = 500  # facts of one person in one run; whoever presses so often is no person
MAX_COUNTED = 10_000  # pairs of a person and a run that are counted at once
MAX_LISTED_RUNS = 200  # newest runs of a server, before those that a person cannot see are left out
MAX_PENDING_WRITES_PER_RUN = 100  # so that one popular run does not hold up the writes of others


class RunAccess:
    """Runs by their id, each as it stands after the last stored fact."""

    def __init__(self, store: Store, supervisor: Runs, clock: Clock) -> None:
        self._store = store
        self._supervisor = supervisor
        self._clock = clock
        self._latest = SingleFlight(self._read)
        self._pending_writes = KeyedSemaphore(MAX_PENDING_WRITES_PER_RUN)
        self._acts: OrderedDict[tuple[str, str], int] = OrderedDict()  # (run, person) → facts; the latest last
        self._refused_late = 0  # actions on runs and turns that were over

    async def get_run(self, run: str, by: Person) -> Transcript:
        """Return what has happened so far. Raises Refused when the person can see no place where the run stands."""
        t = await self._latest.get(run)
        if t.start is None or t.deleted or t.start.server != by.server or not (await _find_rights(t, by)).see:
            raise self.refuse_unknown(run)
        return t

    async def get_writable_run(self, run: str, by: Person) -> Transcript:
        """Return what has happened so far in a run on which the person may act. Raises Refused."""
        t = await self.get_run(run, by)
        if not (await _find_rights(t, by)).write:
            raise Refused("You cannot write where that run stands, so you can only read it.")
        return t

    async def get_open_run(self, run: str, by: Person) -> Transcript:
        """Return what has happened so far in a run that goes on and that the person may act on. Raises Refused."""
        t = await self.get_writable_run(run, by)
        if t.is_over:
            raise self.refuse_late("This run is over.", run)
        return t

    async def get_votable_run(self, run: str, by: Person) -> Transcript:
        """Return what has happened so far in a run in which the person may vote. Raises Refused."""
        t = await self.get_writable_run(run, by)
        if not is_voting_open(t, self._clock()):
            raise self.refuse_late("The vote is closed.", run)
        return t

    async def read_sections(self, run: str, lane: LaneId, by: Person) -> tuple[str, tuple[Section, ...]]:
        """Return a lane's title and its whole text; of a card with full texts, those in parts. Raises Refused."""
        t = await self.get_run(run, by)
        plan = self.make_plan(t)
        if lane in plan.hidden_lanes or (lane in plan.sections and plan.hidden_lanes):
            raise Refused("That is not shown yet.")
        lane = plan.board_turn.lane if plan.board_turn and lane == BOARD else lane
        if lane in plan.sections:
            return plan.titles[lane], plan.sections[lane]
        said = [turn for i, turn in t.turns.items() if i.lane == lane]
        if not said:
            raise Refused("Nothing has been said there.")
        if said[-1].removed:
            raise Refused("That was removed by a moderator.")
        return name_of(t, lane), (Section(said[-1].text or await self._supervisor.lane_text(run, lane)),)

    async def may_steer(self, by: Person, t: Transcript) -> bool:
        """Return whether the person steers the run alone, as its starter and moderators of its place do."""
        return may_steer(await _as_there(by, t), t)

    async def keep_allowed(self, controls: Sequence[Control], t: Transcript, by: Person) -> list[Control]:
        """Return those of these buttons that the person may press, by their rights where the run stands."""
        there, writes = await _as_there(by, t), (await _find_rights(t, by)).write
        steers = writes and may_steer(there, t)
        return [c for c in controls if steers or (c.action not in STEERS and (writes or c.action not in WRITES))]

    async def require_may_steer(self, by: Person, t: Transcript, what: str) -> None:
        """Raise Refused unless the person steers the run alone; `what` begins the refusal."""
        require_may_steer(await _as_there(by, t), t, what)

    async def require_moderator(self, by: Person, t: Transcript, what: str) -> None:
        """Raise Refused unless the person is a moderator where the run stands; `what` begins the refusal."""
        require_moderator(await _as_there(by, t), what)

    async def list_runs(self, by: Person, limit: int, can_see: CanSee, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        """Return the newest runs first: those shown where the person can see them, or only in a terminal.

        Only the newest `MAX_LISTED_RUNS` of the server that are wanted are looked at, or `limit` where that is more.
        """
        found: list[RunRow] = []
        for row in await self._store.runs(max(MAX_LISTED_RUNS, limit), by.server, replace(wanted, skip=0)):
            if len(found) == wanted.skip + limit:
                break
            if await _may_see(row.addresses, can_see):
                found.append(row)
        return found[wanted.skip :]

    async def list_running(self, by: Person, can_see: CanSee) -> list[tuple[str, Transcript]]:
        """Return the runs of the server that go on in this process, as far as the person can see them."""
        ours = [(run, self._supervisor.transcript(run)) for run in self._supervisor.runs_of_server(by.server)]
        going = [(run, t) for run, t in ours if t is not None and not t.is_over]
        return [(run, t) for run, t in going if await _may_see([view.address for view in t.views], can_see)]

    async def record(self, run: str, fact: Fact, *, key: str | None = None) -> None:
        """Store a fact of a run, with a `key` only once, and wake the run's conductor.

        Raises Refused where its person has done too much in the run already.
        """
        if not isinstance(fact, Stopped | Deleted):  # an end can always be made
            self._count_act(run, getattr(fact, "by", ""))
        async with self._pending_writes.of(run):
            await self._store.append(run, [fact], key=key)
        self._supervisor.wake(run)

    def _count_act(self, run: str, person: str) -> None:
        count = self._acts.pop((run, person), 0)
        self._acts[run, person] = min(count + 1, MAX_ACTS)
        if len(self._acts) > MAX_COUNTED:
            self._acts.popitem(last=False)
        if count >= MAX_ACTS:
            raise Refused(f"You have done {MAX_ACTS} things in this run, and it takes no more from you.")

    def make_plan(self, t: Transcript) -> Plan:
        """Return the plan of a run as it stands now."""
        with self._supervisor.watch(""):
            return current_plan(t, FORMATS[t.started.format], self._clock())

    def refuse_unknown(self, run: str) -> Refused:
        """Log and return a refusal for an action on a run that there is not."""
        return self.refuse_late(f"There is no run {shorten_typed(run)} here.", run)

    def refuse_late(self, why: str, run: str) -> Refused:
        """Log and return a refusal for an action on a run or turn that is already over."""
        self._refused_late += 1
        log.info("came in vain", why=why, run=run, count=self._refused_late)
        return Refused(why)

    async def _read(self, run: str) -> Transcript:
        """Return what is stored: the conductor hears of a person's fact later than that person does."""
        t = self._supervisor.transcript(run) or Transcript()
        try:
            return fold_all(t, await self._store.read(run, t.seq))
        except StoreFailed:
            if t.start is None:
                raise
            return t


def find_latest_ask(t: Transcript, turn: TurnId) -> TurnId:
    """Return the latest ask in the turn's lane."""
    return next((i for i in reversed(tuple(t.turns)) if i.lane == turn.lane), turn)


async def _may_see(addresses: Sequence[str], can_see: CanSee) -> bool:
    """Return whether one of the addresses of a run can be seen. A run without any was held in a terminal."""
    return not addresses or any([await can_see(address) for address in addresses])


async def _find_rights(t: Transcript, by: Person) -> Rights:
    """Return the person's rights where the run stands: those to see and write of any of its places.

    Moderators are those of the place where it began, as anybody may show a run in one more. Where all of its places are
    gone, it is left to its starter.
    """
    if by.rights_at is None or not t.views:
        return Rights(see=True, write=True, moderate=by.moderator)
    found = [await by.rights_at(view.address) for view in t.views]
    there = [rights for rights in found if rights is not None and rights.see]
    if all(rights is None for rights in found):
        return Rights(see=True, write=True) if by.key == t.started.by else NO_RIGHTS
    began = found[0]
    return Rights(
        see=bool(there),
        write=any(rights.write for rights in there),
        moderate=began is not None and began.see and began.moderate,
    )


async def _as_there(by: Person, t: Transcript) -> Person:
    """Return the person with the rights that they have where the run stands."""
    return replace(by, moderator=(await _find_rights(t, by)).moderate)
