"""The outcome of a batch of writes: a pure step from what the database holds to the rows that join it.

The rules of the store stand here and nowhere else: how facts are numbered, when an owner is fenced off, when a
fact with a key was stored before, what a snapshot keeps. `storage.rows` loads what a batch is about and saves its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, assert_never

from bot.domain.codec import encode
from bot.domain.facts import CaughtUp, Claimed, Deleted, Named
from bot.domain.spending import Asked, Balance, OverLimit, fit, list_accounts
from bot.ports.spending import Call
from bot.ports.store import Fenced, Json
from storage.head import Head
from storage.search import Indexed

Row = dict[str, Any]
LaneRow = tuple[str, str]  # run, turn as text
PageKey = tuple[str, str, str, int]  # run, address, lane as text, page


class AlreadyStored(Exception):
    """A run that was to be imported is there."""


@dataclass(frozen=True, slots=True)
class Append:
    run: str
    at: float
    facts: tuple[tuple[str, Row], ...]  # encoded
    epoch: int | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A run is taken over. `leased`: only where no other process holds it; else there is but one process.

    `facts`, encoded, are stored before it; of claims with the same `key`, which goes with them, by the first alone.
    """

    run: str
    at: float
    owner: str
    leased: bool = False
    facts: tuple[tuple[str, Row], ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Show:
    run: str
    at: float
    turn: str
    text: str
    epoch: int | None

    @property
    def lane(self) -> LaneRow:
        return self.run, self.turn


@dataclass(frozen=True, slots=True)
class Place:
    run: str
    address: str
    lane: str
    page: int
    ref: str | None
    reads: str
    epoch: int | None


@dataclass(frozen=True, slots=True)
class ForgetPages:
    """The messages of a run at an address are gone."""

    run: str
    address: str


@dataclass(frozen=True, slots=True)
class Put:
    key: str
    value: Json


@dataclass(frozen=True, slots=True)
class Keep:
    """A picture of a run. `data` None: it is kept already, and has `size` bytes."""

    run: str
    at: float
    by: str
    server: str
    digest: str
    size: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Reserve:
    """A price to be held for a call. `caps`: of its accounts, in their order."""

    call: Call
    caps: tuple[int | None, ...]
    asked: Asked

    @property
    def accounts(self) -> tuple[str, ...]:
        return list_accounts(self.call.payer, self.call.at)


@dataclass(frozen=True, slots=True)
class Settle:
    """The end of a call: what was held for it, and what it cost."""

    call: Call
    held: int
    spent: int
    seconds: float

    @property
    def accounts(self) -> tuple[str, ...]:
        return list_accounts(self.call.payer, self.call.at)


@dataclass(frozen=True, slots=True)
class Erase:
    """Erase one share of what is kept of a run; the first write of that kind makes it a deleted run without a name.

    `indexed`: how the index of words has it, read before so that other writes need not wait for that.
    """

    run: str
    at: float
    indexed: Indexed | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Take a person out of a run that somebody else has started."""

    run: str
    person: str


@dataclass(frozen=True, slots=True)
class Import:
    """A run from elsewhere: its facts, encoded, each with its time, and the rows of its snapshots."""

    run: str
    facts: tuple[tuple[float, str, Row], ...]
    snapshots: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tidy:
    """Forget events from before a wall time, fold what lanes of runs that are over showed, complete the index."""

    before: float
    missing: tuple[tuple[str, float], ...] = ()  # runs, with their starts, that the index of words has not yet


Write = Append | Claim | Show | Place | ForgetPages | Put | Keep | Reserve | Settle | Erase | Forget | Import | Tidy


@dataclass(slots=True)
class Batch:
    """A batch, made with what the database holds of its runs, keys and lanes; `enter` adds to the rows."""

    stored: Mapping[str, Head]
    taken: set[str]
    shown: dict[LaneRow, str]
    stored_balances: Mapping[str, Balance] = field(default_factory=dict)
    balances: defaultdict[str, Balance] = field(init=False)  # as they are after the batch
    heads: dict[str, Head] = field(init=False)  # as they are after the batch
    facts: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    snapshots: list[Row] = field(default_factory=list)
    messages: dict[PageKey, Row | None] = field(default_factory=dict)  # None: another page took its message
    refs: set[str] = field(default_factory=set)  # messages that were given to a page, if only for a while
    pages_gone: list[ForgetPages] = field(default_factory=list)
    shelf: dict[str, Json] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)  # runs that are over now: nothing of them is shown any more
    named: set[str] = field(default_factory=set)  # runs that have got a name, by which they are found
    pictures: list[Keep] = field(default_factory=list)
    charged: dict[str, float] = field(default_factory=dict)  # accounts that change, and when
    calls: list[Row] = field(default_factory=list)
    settled: list[Row] = field(default_factory=list)
    erased: list[Erase] = field(default_factory=list)
    forgotten: list[Forget] = field(default_factory=list)
    tidy: Tidy | None = None

    def __post_init__(self) -> None:
        self.heads = dict(self.stored)
        self.balances = defaultdict(Balance, self.stored_balances)

    def enter(self, write: Write) -> int | Fenced | OverLimit | AlreadyStored | None:
        """Add a write. Return a claim's epoch, what is held for a call, or None.

        Errors are returned, not raised, as their neighbours' writes go on.
        """
        match write:
            case Append():
                return self._append(write)
            case Claim():
                return self._claim(write)
            case Show():
                return self._show(write)
            case Place():
                return self._place(write)
            case ForgetPages():
                self.pages_gone.append(write)
                return None
            case Put():
                self.shelf[write.key] = write.value
                return None
            case Keep():
                self.pictures.append(write)
                return None
            case Reserve():
                return self._reserve(write)
            case Settle():
                self._settle(write)
                return None
            case Erase():
                self._erase(write)
                return None
            case Forget():
                self.forgotten.append(write)
                return None
            case Import():
                return self._import(write)
            case Tidy():
                self.tidy = write
                return None
            case _ as never:
                assert_never(never)

    def _append(self, write: Append) -> Fenced | None:
        if fenced := self._check_epoch(write):
            return fenced
        if (head := self.heads.get(write.run)) and head.is_erased:
            return None  # it came too late: a run that is deleted takes nothing more
        self._add_once(write)
        return None

    def _claim(self, write: Claim) -> int | Fenced:
        head = self._head(write)
        if head.deleted_at is not None:
            return Fenced(f"run {write.run} is deleted")
        if write.leased and head.owner not in (None, write.owner):
            return Fenced(f"run {write.run} is held by {head.owner}")
        self._add_once(write)
        head = self._head(write)
        self.heads[write.run] = replace(head, epoch=head.epoch + 1, owner=write.owner if write.leased else None)
        self._add(write, [encode(Claimed(write.owner))])
        return head.epoch + 1

    def _show(self, write: Show) -> Fenced | None:
        before = self.shown.get(write.lane, "")
        if (fenced := self._check_epoch(write)) or write.text == before:
            return fenced
        kept = common_length(before, write.text)
        self.snapshots.append(
            {"run": write.run, "turn": write.turn, "at": write.at, "kept": kept, "text": write.text[kept:]}
        )
        self.shown[write.lane] = write.text
        return None

    def _place(self, write: Place) -> Fenced | None:
        if fenced := self._check_epoch(write):
            return fenced
        if write.ref is not None:
            self.refs.add(write.ref)
            self.messages |= {page: None for page, row in self.messages.items() if row and row["ref"] == write.ref}
        row = {name: value for name, value in asdict(write).items() if name != "epoch"}
        self.messages[write.run, write.address, write.lane, write.page] = row
        return None

    def _reserve(self, write: Reserve) -> int | OverLimit:
        try:
            held = fit(write.asked, write.caps, [self.balances[account] for account in write.accounts])
        except OverLimit as error:
            return error
        if held:
            call = write.call
            self._charge(write.accounts, call.at, held=held, spent=0)
            self.calls.append(
                {
                    "call": call.name,
                    "run": call.payer.run,
                    "person": call.payer.person,
                    "server": call.payer.server,
                    "format": call.payer.format,
                    "model": call.model,
                    "at": call.at,
                    "held": held,
                    "own_key": call.payer.own_key,
                }
            )
        return held

    def _settle(self, write: Settle) -> None:
        self._charge(write.accounts, write.call.at, held=-write.held, spent=write.spent)
        self.settled.append({"call_": write.call.name, "spent": write.spent, "seconds": write.seconds})

    def _erase(self, write: Erase) -> None:
        if head := self.heads.get(write.run):
            bare = Head(head.epoch, 0, head.started_at, deleted_at=head.deleted_at or write.at)
            self.heads[write.run] = bare
            self.erased.append(write)

    def _import(self, write: Import) -> AlreadyStored | None:
        """Add a run with the times that its facts have. Nothing of it goes on by itself here."""
        if write.run in self.heads:
            return AlreadyStored(write.run)
        epoch = sum(kind == Claimed.__name__ for _, kind, _ in write.facts)
        self.heads[write.run] = Head(epoch=epoch, seq=0, started_at=write.facts[0][0])
        for at, kind, data in write.facts:
            self._add(Append(write.run, at, (), None, None), [(kind, data)])
        head = self.heads[write.run]
        self.heads[write.run] = replace(head, caught_up_at=head.caught_up_at or write.facts[-1][0], ask_at=None)
        self.snapshots += write.snapshots
        return None

    def _charge(self, accounts: Iterable[str], at: float, *, held: int, spent: int) -> None:
        for account in accounts:
            before = self.balances[account]
            self.balances[account] = Balance(before.spent + spent, before.held + held)
            self.charged[account] = at

    def _check_epoch(self, write: Append | Show | Place) -> Fenced | None:
        head = self.heads.get(write.run)
        epoch = head.epoch if head else 0
        if write.epoch is not None and head is not None and head.is_erased:
            return Fenced(f"run {write.run} is deleted")
        if write.epoch in (None, epoch):
            return None
        return Fenced(f"run {write.run} is in epoch {epoch}, the write came from epoch {write.epoch}")

    def _head(self, write: Append | Claim) -> Head:
        return self.heads.get(write.run) or Head(epoch=0, seq=0, started_at=write.at)

    def _add_once(self, write: Append | Claim) -> None:
        """Add the facts of a write, unless they were stored under its key before."""
        if write.key is not None:
            if write.key in self.taken:
                return
            self.taken.add(write.key)
            self.events.append({"key": write.key, "run": write.run, "at": write.at})
        self._add(write, write.facts)

    def _add(self, write: Append | Claim, facts: Iterable[tuple[str, Row]]) -> None:
        head = self._head(write)
        for seq, (kind, data) in enumerate(facts, start=head.seq + 1):
            self.facts.append({"run": write.run, "seq": seq, "at": write.at, "kind": kind, "data": data})
            head = head.after(seq, write.at, kind, data)
            if kind in (CaughtUp.__name__, Deleted.__name__):
                self.over.add(write.run)
            if kind == Named.__name__:
                self.named.add(write.run)
        self.heads[write.run] = head


def common_length(before: str, after: str) -> int:
    """Count the code points that both begin with; this is quick when the text only grew."""
    if after.startswith(before):
        return len(before)
    pairs = enumerate(zip(before, after, strict=False))
    return next((i for i, (a, b) in pairs if a != b), len(after))
