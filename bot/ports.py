"""The Protocols through which the core meets the world. Adapters and storage implement them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.domain.controls import Control
from bot.domain.facts import Fact
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry

Clock = Callable[[], float]  # wall time in seconds, for facts; waiting is the event loop's, whose time tests replace


class Fenced(Exception):
    """A write came from an owner that has since lost the run to another."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a lane showed at `at` (wall seconds): the first `kept` code points of the one before, then `text`."""

    turn: TurnId
    at: float
    kept: int
    text: str


def replay_snapshots(snapshots: Iterable[Snapshot]) -> Iterator[tuple[TurnId, float, str]]:
    """What was to be read, whole, each time a lane was shown: turn, wall time, text."""
    shown: dict[TurnId, str] = {}
    for s in snapshots:
        shown[s.turn] = shown.get(s.turn, "")[: s.kept] + s.text
        yield s.turn, s.at, shown[s.turn]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of the list of runs. `addresses`: where it is shown."""

    run: str
    started_at: float
    format: str
    question: str
    outcome: str  # "" while it is open
    addresses: tuple[str, ...] = ()


MessageRef = str  # a platform's own name for a message, with the platform's name in front


@dataclass(frozen=True, slots=True)
class PostedPage:
    """Where one page of a lane stands: message `ref` at the surface's `address`; `ref` "": it was about to be posted
    there, and whether it was is not known. `reads`: a digest of what it reads; "" while that changes."""

    address: str
    lane: LaneId
    page: int
    ref: MessageRef
    reads: str = ""


Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None


class Store(Protocol):
    """Facts in order, and what lanes showed, where. A write that returned survives the process."""

    async def claim(self, run: str, owner: str) -> int:
        """Take the run over: stores `Claimed`; the epoch returned goes with the owner's later writes."""
        ...

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        """Store facts together. People's carry no epoch; `key` is the platform's event id, taken once.

        Raises Fenced when `epoch` is no longer the run's.
        """
        ...

    async def read(self, run: str, after: int = 0) -> list[Entry]: ...

    async def snapshot(self, run: str, turn: TurnId, text: str, *, epoch: int | None = None) -> None:
        """Keep what a turn's lane shows now (whole text; stored as what was appended). Raises as `append` does."""
        ...

    async def snapshots(self, run: str) -> list[Snapshot]: ...

    async def record_page(self, run: str, placed: PostedPage, *, epoch: int | None = None) -> None:
        """Remember where a page stands; a later message for the same page of the same address replaces it."""
        ...

    async def posted_pages(self, run: str) -> list[PostedPage]: ...

    async def find_page(self, ref: MessageRef) -> tuple[str, PostedPage] | None:
        """The run and the page that this message shows."""
        ...

    async def runs(self, limit: int = 50, server: str | None = None) -> list[RunRow]:
        """Newest first, those of one server only where it is given; never deleted ones."""
        ...

    async def unfinished_runs(self) -> list[str]:
        """Runs that have not caught up: that go on, or whose end is not shown yet. Oldest first, never deleted ones."""
        ...


class DocumentStore(Protocol):
    """Small documents by key: what servers have set up. A write that returned survives the process."""

    async def put(self, key: str, value: Json) -> None:
        """None takes the document away."""
        ...

    async def documents(self, prefix: str) -> dict[str, Json]:
        """Every document whose key begins so."""
        ...


class Trace(Protocol):
    """Told of everything that speed is measured by, as it happens. Times `at` are loop time in seconds."""

    def record_fact(self, entry: Entry) -> None: ...

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        """Code points of visible text and of thinking that left the model's client at `at`."""
        ...

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        """A platform's success arrived: so many source code points of the lane are now visible, all pages."""
        ...

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None: ...


Kind = Literal["turn", "card", "end", "board"]  # end: the one card that tells people that the run is over


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it should read now. `final`: its lane will not change again. `to`: who is told of it;
    `face`: the address of a picture of who speaks."""

    lane: LaneId
    page: int
    kind: Kind
    title: str
    text: str  # rendered in the surface's dialect, footer included
    final: bool
    controls: tuple[Control, ...] = ()
    to: str = ""
    face: str = ""


Method = Literal["post", "edit", "delete", "find"]


class SurfaceError(Exception):
    """A call to a platform failed. `status` as in HTTP; 0 when no answer came. This class itself: worth another try."""

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


class Page(Protocol):
    """One message's share of a lane: rendered `text`, the source code points it covers, whether it can still change,
    and whether more text stands behind it that no page shows."""

    @property
    def text(self) -> str: ...

    @property
    def chars(self) -> int: ...

    @property
    def closed(self) -> bool: ...

    @property
    def goes_on(self) -> bool: ...


class Paginator(Protocol):
    """Divides one lane's text into messages; keeps closed pages as they were."""

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        """All pages of the whole text as it reads now, in order."""
        ...


class Surface(Protocol):
    """A place where a run is shown. Calls raise SurfaceError; whoever calls them keeps to the budgets."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str:
        """Where it is, for finding it again after a restart: its platform, a colon, and what that platform knows it by;
        "" where it cannot be found."""
        ...

    @property
    def room_chars(self) -> int | None:
        """How long a turn may be to fit one message, so that seats can be told; None: as long as it likes."""
        ...

    def pages(self, kind: Kind) -> Paginator:
        """New pages for one lane."""
        ...

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        """The names of the budgets that a call spends from; the narrowest first, none where nothing is limited."""
        ...

    async def post(self, message: Message) -> MessageRef:
        """Send a new message, by which `find` knows it again."""
        ...

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        """The message of that page, by a look at what stands there: its post may have been lost with its answer, or
        with the process that sent it. None: it is not there, or may not be looked for."""
        ...

    async def edit(self, ref: MessageRef, message: Message) -> None: ...

    async def delete(self, ref: MessageRef) -> None: ...


CanSee = Callable[[str], Awaitable[bool]]  # whether the person who asks can look at what stands at an address
OpenSurface = Callable[[str, str], Surface]  # a place for a run, by the run's id and its question
