"""What the core needs of a platform: messages that are posted, found, edited and deleted, and how those fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from bot.domain.answer_cards import AnswerCard
from bot.domain.controls import Control
from bot.domain.run import LaneId

MessageRef = str  # a platform's own name for a message, with the platform's name in front

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


CanSee = Callable[[str], Awaitable[bool]]  # may the person who asks see what stands at an address?

OpenSurface = Callable[[str, str], Surface]  # a place for a run, by the run's id and its question


def platform_of(address: str) -> str:
    """Return the platform of a surface's address, or of a server's or person's key."""
    return address.partition(":")[0]
