"""What the core needs of a store: facts in order, what lanes showed where, lists of runs, documents and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeGuard, get_args

from bot.domain.facts import Fact
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry
from bot.ports.surface import MessageRef


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


class Starter(NamedTuple):
    """Whose a run is, and where it was asked; "" where that is unknown."""

    person: str
    channel: str
    server: str

    def is_beside(self, other: Starter) -> bool:
        """Return whether both are known to be of one channel."""
        return bool(self.channel) and (self.channel, self.server) == (other.channel, other.server)


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

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        """Take the run over by storing `Claimed`. Return the epoch that goes with the owner's later writes.

        `facts`, such as its start, are stored together with that, before it; once where they come again with the same
        `key`. Raises Fenced where the run is another process's, and several share the store.
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
