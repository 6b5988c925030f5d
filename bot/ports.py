"""The Protocols through which the core meets the world. Adapters and storage implement them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeGuard, get_args

from bot.domain.answer_cards import AnswerCard
from bot.domain.controls import Control
from bot.domain.facts import Fact
from bot.domain.run import LaneId, TurnId
from bot.domain.spending import Asked, Balance, Payer
from bot.domain.transcript import Entry

Clock = Callable[[], float]  # wall time in seconds, for facts; waiting is the event loop's, whose time tests replace


class Fenced(Exception):
    """A write came from an owner that has since lost the run to another."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The text of a lane at `at` (wall seconds): the first `kept` code points of the one before, then `text`."""

    turn: TurnId
    at: float
    kept: int
    text: str


def last_texts(snapshots: Iterable[Snapshot]) -> dict[TurnId, str]:
    """Return the text of each lane as it was shown last, in time that is linear in what the snapshots hold."""
    shown: dict[TurnId, list[str]] = {}
    lengths: dict[TurnId, int] = {}
    for s in snapshots:
        parts, length = shown.setdefault(s.turn, []), lengths.get(s.turn, 0)
        while length > s.kept:
            length -= len(parts[-1])
            last = parts.pop()
            if length < s.kept:
                parts.append(last[: s.kept - length])
                length = s.kept
        parts.append(s.text)
        lengths[s.turn] = length + len(s.text)
    return {turn: "".join(parts) for turn, parts in shown.items()}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the list of runs. `addresses`: the places in which it is shown; `name`: what it was called."""

    run: str
    started_at: float
    format: str
    question: str
    outcome: str  # "" while it is open
    addresses: tuple[str, ...] = ()
    name: str = ""

    @property
    def title(self) -> str:
        """Return what a list calls it."""
        return self.name or self.question


RunState = Literal["open", "over", "failed", "archived"]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What a list of runs is limited to; what is empty limits nothing.

    `by`: who asked, as the platform knows them. `panel`: by its name. `channel`: by its id. `words`: all of them stand
    in the run, whatever their case and order. `skip`: how many of the newest are left out. `listed`: archived ones are
    left out, unless that state is asked for.
    """

    by: str = ""
    format: str = ""
    state: RunState | Literal[""] = ""
    channel: str = ""
    words: str = ""
    skip: int = 0
    panel: str = ""
    listed: bool = False


EVERY_RUN = RunFilter()


def is_state(name: str) -> TypeGuard[RunState | Literal[""]]:
    """Return whether it names a state of runs, or none."""
    return name in ("", *get_args(RunState))


MessageRef = str  # a platform's own name for a message, with the platform's name in front


@dataclass(frozen=True, slots=True)
class PostedPage:
    """One page of a lane as a message: `ref` at the surface's `address`.

    `ref` is "" when it was about to be posted there, and nobody knows whether it was. `reads` is a digest of what the
    message reads; "" while that changes.
    """

    address: str
    lane: LaneId
    page: int
    ref: MessageRef
    reads: str = ""


Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None


class Store(Protocol):
    """Facts in order, and what lanes showed where. A write that returned survives the process."""

    async def claim(self, run: str, owner: str) -> int:
        """Take the run over by storing `Claimed`. Return the epoch that goes with the owner's later writes.

        Raises Fenced where the run is another process's, and several share the store.
        """
        ...

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        """Store facts together, all of them or none.

        People's facts carry no epoch. `key` names facts that are stored once. Raises Fenced when `epoch`
        is no longer the run's.
        """
        ...

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        """Return a run's entries with a number above `after`, in order."""
        ...

    async def snapshot(self, run: str, turn: TurnId, text: str, *, epoch: int | None = None) -> None:
        """Keep what a turn's lane shows now: the whole text. Raises as `append` does."""
        ...

    async def snapshots(self, run: str) -> list[Snapshot]: ...

    async def record_page(self, run: str, page: PostedPage, *, epoch: int | None = None) -> None:
        """Store where a page stands; a later message for the same page of the same address replaces it."""
        ...

    async def posted_pages(self, run: str) -> list[PostedPage]: ...

    async def forget_pages(self, run: str, address: str) -> None:
        """Forget the pages of a run at an address, whose messages are deleted."""
        ...

    async def find_page(self, ref: MessageRef) -> tuple[str, PostedPage] | None:
        """Return the run and the page that this message shows."""
        ...

    async def runs(self, limit: int = 50, server: str | None = None, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        """Return runs that are not deleted, newest first; with a `server`, those of that one only."""
        ...

    async def unfinished_runs(self) -> list[str]:
        """Return runs that go on, or whose end is not shown yet, oldest first; never deleted ones."""
        ...

    async def erase_runs(self, runs: Sequence[str]) -> None:
        """Let all texts of these runs go for good; where their messages stand is known for another day.

        What their calls have cost stays, without who paid. Whoever conducts such a run is fenced off.
        """
        ...


class ExpiringStore(Store, Protocol):
    """A `Store` that finds runs by their age."""

    async def servers(self) -> list[str]:
        """Return the servers that have runs."""
        ...

    async def runs_before(self, server: str, before: float) -> list[str]:
        """Return the oldest runs of a server that began before a wall time, some hundreds at most."""
        ...


class DocumentStore(Protocol):
    """Small documents by key, which servers have set up. A write that returned survives the process."""

    async def put(self, key: str, value: Json) -> None:
        """Store a document; None takes it away."""
        ...

    async def documents(self, prefix: str) -> dict[str, Json]:
        """Return every document whose key begins with `prefix`."""
        ...


class PictureStore(Protocol):
    """Pictures, each kept once under its digest for as long as a run that shows it is not over."""

    async def keep_picture(self, run: str, by: str, server: str, data: bytes | None, digest: str = "") -> str:
        """Keep a picture for a run, and return its digest. Without `data`: one that is kept already."""
        ...

    async def picture_size(self, digest: str) -> int | None:
        """Return the size of a picture in bytes; None where it is not kept."""
        ...

    async def picture_piece(self, digest: str, number: int) -> bytes | None:
        """Return one piece of a picture, counted from 0; None behind the last.

        The length of each piece but the last is a multiple of three.
        """
        ...

    async def picture_bytes(self, by: str, server: str) -> tuple[int, int, int]:
        """Return the bytes of pictures that a person's runs show, those of a server, and all."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, as it is billed: its name, who pays, when it began (wall seconds), and what was asked."""

    name: str
    payer: Payer
    at: float
    model: str


CostKey = Literal["day", "model", "format", "person"]  # what costs are summed up by


@dataclass(frozen=True, slots=True)
class CostRow:
    """What calls have cost together, in US dollars, and how long they took on average (seconds; None: unknown).

    `own_usd`: the part of it that servers have paid with keys of their own. `label`: of a person, what they go by.
    """

    name: str
    usd: float
    calls: int
    seconds: float | None
    own_usd: float = 0.0
    label: str = ""


class SpendingStore(Protocol):
    """What calls of models cost, and what is held for those that go on. A write that returned survives the process."""

    async def reserve(self, call: Call, caps: Sequence[int | None], asked: Asked) -> int:
        """Hold a price for a call against limits, in one step; return it, as `fit` does. Raises OverLimit.

        `caps`: in millionths of a dollar, one for each of `list_accounts`.
        """
        ...

    async def settle(self, call: Call, held: int, spent: int, seconds: float) -> None:
        """Replace what is held for a call by what it has cost."""
        ...

    async def balances(self, payer: Payer, at: float) -> list[Balance]:
        """Return the balances of the accounts of `list_accounts`."""
        ...


class CostStore(SpendingStore, Protocol):
    """A `SpendingStore` that sums up."""

    async def costs(self, key: CostKey, since: float, server: str | None = None) -> list[CostRow]:
        """Return what calls since then have cost, the dearest first; days (of UTC) the newest first.

        With a `server`, of that one only. What is not settled counts with what is held for it.
        """
        ...


class RunningNote(Protocol):
    """A note of the runs that are worked on at this moment, which outlives the process.

    There are several where threads work beside each other. `found`: those that an earlier process died in; `report`:
    what the system wrote as that process crashed, "" where it was killed.
    """

    found: Sequence[str]
    report: str

    def write(self, runs: Iterable[str]) -> None: ...


class Trace(Protocol):
    """A listener to everything that speed is measured by, as it happens. Times `at` are loop time in seconds."""

    def for_run(self, run: str) -> Trace:
        """Return the listener to one run, which hears nothing of others."""
        ...

    def record_fact(self, entry: Entry) -> None: ...

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        """Record code points of visible text and of thinking that left the model's client at `at`."""
        ...

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        """Record a success of the platform: `chars` source code points of the lane are now visible, on all pages."""
        ...

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None:
        """Record that so many characters of a turn became visible, after waits of `waited_s` together."""
        ...

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None: ...


Kind = Literal["turn", "card", "end", "board"]  # end: the one card that tells people that the run is over


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it should read now.

    `final`: its lane will not change again. `to`: the person whom it notifies. `face`: the address of a picture of who
    speaks. `brief`: the board in a few lines, the first of which says where the run is; for surfaces with little room.
    `answers`: those that the end card tells of, for surfaces that draw cards.
    """

    lane: LaneId
    page: int
    kind: Kind
    title: str
    text: str  # rendered in the surface's dialect, footer included
    final: bool
    controls: tuple[Control, ...] = ()
    to: str = ""
    face: str = ""
    brief: str = ""
    answers: tuple[AnswerCard, ...] = ()


Method = Literal["post", "edit", "delete", "find"]


class SurfaceError(Exception):
    """A call to a platform failed. `status` is as in HTTP; 0 when no answer came.

    An error of this class itself, and of no subclass, is worth another try.
    """

    status = 0

    def __init__(self, text: str = "", status: int | None = None) -> None:
        super().__init__(text)
        self.status = self.status if status is None else status


class RateLimited(SurfaceError):
    """The platform refused the call for `retry_after_s`; `bucket` is the budget's name as in `Surface.draws`."""

    status = 429

    def __init__(self, bucket: str, retry_after_s: float) -> None:
        super().__init__(f"{bucket} is spent for {retry_after_s:.1f} s")
        self.bucket = bucket
        self.retry_after_s = retry_after_s


class Gone(SurfaceError):
    """The message is not there any more."""

    status = 404


class Forbidden(SurfaceError):
    """The platform will not let us write in this place."""

    status = 403


class Page(NamedTuple):
    """One message's share of a lane: its rendered `text`, and the source code points that it covers.

    `closed`: it changes no more. `goes_on`: more text stands behind it that no page shows.
    """

    text: str
    chars: int
    closed: bool
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class ShardShare:
    """Who hears which shards: `own` this process, of them `surplus` more than its part; `others`: shard → who."""

    own: tuple[int, ...]
    surplus: tuple[int, ...]
    others: Mapping[int, str]


class ShardLeases(Protocol):
    """Discord's shards as several gateways share them: each is heard by one. Methods raise StoreFailed."""

    async def share(self, count: int, only: Sequence[int] | None) -> ShardShare:
        """Take free shards, of `count` in all, up to an equal part for each gateway; with `only`, all of those.

        Raises Misconfigured where other gateways go by another count.
        """
        ...

    async def release(self, shards: Sequence[int]) -> None:
        """Let shards go, which this process no longer hears."""
        ...

    async def begin_session(self, bucket: int) -> float:
        """Note that a session begins now and return 0.0, or return the seconds until one may."""
        ...


class Paginator(Protocol):
    """A divider of one lane's text into messages. Closed pages stay as they were."""

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        """Return all pages of the whole text as it reads now, in order."""
        ...


class Surface(Protocol):
    """A place in which a run is shown. Calls raise SurfaceError; the caller keeps to the budgets."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str:
        """Its address, by which it is found again after a restart; "" if it cannot be found.

        It is the platform's name, a colon, and what that platform knows it by.
        """
        ...

    @property
    def room_chars(self) -> int | None:
        """The length of a turn that fits one message, so that seats can be told; None: no limit."""
        ...

    @property
    def placeholder_after_s(self) -> float:
        """The silence after which a seat gets a message without words: 0 where a message costs what an edit costs.

        Until then its message is posted by its first words, which costs no edit.
        """
        ...

    def pages(self, kind: Kind) -> Paginator:
        """Return a new paginator for one lane."""
        ...

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        """Return the names of the budgets that a call spends from, the narrowest first; none if nothing is limited."""
        ...

    async def post(self, message: Message) -> MessageRef:
        """Send a new message, so that `find` knows it again."""
        ...

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        """Look for the message of a page, whose post was lost with its answer or with the process that sent it.

        Return None when it is not there, or may not be looked for.
        """
        ...

    async def edit(self, ref: MessageRef, message: Message) -> None: ...

    async def delete(self, ref: MessageRef) -> None: ...


Watch = Callable[[], AbstractContextManager[None]]  # bounds the time of work that holds the event loop
CanSee = Callable[[str], Awaitable[bool]]  # may the person who asks see what stands at an address?
OpenSurface = Callable[[str, str], Surface]  # a place for a run, by the run's id and its question
