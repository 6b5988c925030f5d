"""The stage of the common suite of surfaces: a surface, its platform, and people in front of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from bot.domain.facts import RunStarted
from bot.domain.run import LaneId, Panel, Rules, Seat
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.ports.store import PostedPage, Store
from bot.ports.surface import Kind, Message, MessageRef, Surface

RUN = "run"
RETRY_S = 7.0  # what a platform asks to wait when it refuses for now
BOARD, END = LaneId("board", 1, ""), LaneId("end", 1, "")
ADA, BOB = LaneId("answer", 1, "ada"), LaneId("answer", 1, "bob")

Refusal = Literal["for now", "for good", "by a fault", "by a torn connection"]

# What surfaces differ in. Each declares its abilities; a test runs on the surfaces that have those it needs.
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
    """A surface on its platform, with what a test needs to act as people and as the platform."""

    surface: Surface

    async def open_another(self) -> Surface:
        """Open the surface of a second run in the same place."""
        ...

    async def read_messages(self) -> list[SeenMessage]:
        """Return the messages that stand there now, in the order in which they appeared."""
        ...

    def list_pings(self) -> list[str]:
        """Return the people that messages have pinged until now, by their platform's id."""
        ...

    @property
    def person(self) -> str:
        """Return somebody, as `Message.to` names them."""
        ...

    async def delete_as_person(self, ref: MessageRef) -> None:
        """Delete the message as a person does."""
        ...

    async def refuse(self, how: Refusal) -> None:
        """Refuse every call from now on, until `heal`."""
        ...

    async def heal(self) -> None:
        """Accept calls again."""
        ...

    def list_requests(self) -> list[str]:
        """Return the limit that each request until now was counted against."""
        ...

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        """Find the surface by its address as another process does, with these messages stored."""
        ...


@dataclass(frozen=True, slots=True)
class SurfaceCase:
    """A surface of the suite, with its abilities. `name` is what pytest prints."""

    name: str
    can: frozenset[Ability]
    open: Callable[[], AbstractAsyncContextManager[Stage]]


def make_message(lane: LaneId, text: str, **more: Any) -> Message:
    """Return a message of that lane; `more`: other fields than the usual."""
    kinds: dict[LaneId, Kind] = {BOARD: "board", END: "end"}
    made = Message(lane, 0, kinds.get(lane, "turn"), lane.seat.capitalize(), text, final=False)
    return replace(made, **more)


async def store_pages(store: Store, surface: Surface, placed: dict[LaneId, MessageRef]) -> None:
    """Store these messages as the surface's, each the only page of its lane."""
    for lane, ref in placed.items():
        await store.record_page(RUN, PostedPage(surface.address, lane, 0, ref))


def make_transcript(server: str) -> Transcript:
    """Return a run of the seats that speak on these stages."""
    panel = Panel(tuple(Seat(lane.seat, lane.seat, lane.seat.capitalize()) for lane in (ADA, BOB)))
    started = RunStarted("compare", "Tea?", panel, Rules(), 1, {}, "", server=server)
    return fold_all(Transcript(), [Entry(1, 0.0, started)])
