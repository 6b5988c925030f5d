"""What the common suite of surfaces plays on: a surface, its platform, and people in front of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from bot.domain.facts import RunStarted
from bot.domain.run import LaneId, Panel, Rules, Seat
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.ports import Kind, Message, MessageRef, PostedPage, Store, Surface

RUN = "run"
RETRY_S = 7.0  # what a platform asks to wait when it refuses for now
BOARD, END = LaneId("board", 1, ""), LaneId("end", 1, "")
ADA, BOB = LaneId("answer", 1, "ada"), LaneId("answer", 1, "bob")

Refusal = Literal["for now", "for good", "by a fault", "by a torn connection"]

# What surfaces differ in. Each declares what it can; a test plays on those that can what it is about.
Ability = Literal[
    "buttons",  # controls are drawn under messages (a terminal has keys)
    "whole",  # every edit shows the whole text at once (a stream shows what has settled, and all of it at its end)
    "people",  # others can delete its messages, and are told of some
    "refuses",  # its platform may refuse a call
    "counts",  # each call spends one request of one of its platform's limits
    "reopens",  # it has an address, by which it is found again after a restart
    "finds",  # it may look at what stands there, and knows its own pages again
    "bounded",  # a message has a limit of its own, so seats are told how long they may speak
]


class SeenMessage(NamedTuple):
    """A message as people see it."""

    text: str
    buttons: tuple[str, ...] = ()


class Stage(Protocol):
    surface: Surface

    async def open_another(self) -> Surface:
        """A second run in the same place."""
        ...

    async def read_messages(self) -> list[SeenMessage]:
        """What stands there now, in the order in which it appeared."""
        ...

    def list_pings(self) -> list[str]:
        """Whom messages have pinged until now, by their platform's id."""
        ...

    @property
    def person(self) -> str:
        """Somebody, as `Message.to` names them."""
        ...

    async def delete_as_person(self, ref: MessageRef) -> None:
        """A person deletes the message."""
        ...

    async def refuse(self, how: Refusal) -> None:
        """Every call is refused from now on, until `heal`."""
        ...

    async def heal(self) -> None: ...

    def list_requests(self) -> list[str]:
        """The limits that requests have been counted against until now, one a request."""
        ...

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        """The surface as another process finds it by its address, with these messages stored."""
        ...


@dataclass(frozen=True, slots=True)
class SurfaceCase:
    """A surface of the suite, with what it can. `name` as tests print it."""

    name: str
    can: frozenset[Ability]
    open: Callable[[], AbstractAsyncContextManager[Stage]]


def make_message(lane: LaneId, text: str, **more: Any) -> Message:
    kinds: dict[LaneId, Kind] = {BOARD: "board", END: "end"}
    made = Message(lane, 0, kinds.get(lane, "turn"), lane.seat.capitalize(), text, final=False)
    return replace(made, **more)


async def store_pages(store: Store, surface: Surface, placed: dict[LaneId, MessageRef]) -> None:
    """These messages are stored as the surface's, each a lane's only page."""
    for lane, ref in placed.items():
        await store.record_page(RUN, PostedPage(surface.address, lane, 0, ref))


def make_transcript(server: str) -> Transcript:
    """A run of the seats that speak here."""
    panel = Panel(tuple(Seat(lane.seat, lane.seat, lane.seat.capitalize()) for lane in (ADA, BOB)))
    started = RunStarted("compare", "Tea?", panel, Rules(), 1, {}, "", server=server)
    return fold_all(Transcript(), [Entry(1, 0.0, started)])
