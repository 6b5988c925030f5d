"""A display over a platform that counts, and what it has been told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets
from bot.live.fixed_window import FixedWindow
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.surface import Forbidden, Gone, Method, Page, RateLimited, SurfaceError
from tests.support.surfaces import Place, Platform, WindowLimit

NAMES = ("edits", "posts")


def key(seat: int) -> LaneId:
    """Return the lane of a seat by its number."""
    return LaneId("answer", 1, f"{seat}")


@dataclass
class Log(NoTrace):
    """What the trace was told: finals by lane, and calls in the order of their answers."""

    shows: list[tuple[str, LaneId, int, int, bool]] = field(default_factory=list)
    calls: list[tuple[str, LaneId, int]] = field(default_factory=list)

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        self.shows.append((surface, lane, page, chars, final))

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        self.calls.append((method, lane, status))


@dataclass
class House:
    """A display with what it has told of itself."""

    display: Display
    log: Log
    platform: Platform
    notes: list[str]
    snapshots: list[tuple[LaneId, str]]

    def place(self, name: str = "place") -> Place:
        """Attach one more place of the platform."""
        place = Place(self.platform, name, posts=["posts"], edits=["edits"])
        self.display.attach(place)
        return place


@asynccontextmanager
async def house(platform: Platform | None = None) -> AsyncIterator[House]:
    """Open a display; on a platform of five edits and five posts in five seconds unless another is given."""
    platform = platform or Platform({name: WindowLimit(5, 5.0) for name in NAMES})
    budgets = Budgets(lambda name, started: FixedWindow(5, 5.0), asyncio.get_running_loop().time())
    log, notes, snapshots = Log(), list[str](), list[tuple[LaneId, str]]()
    async with Scheduler(budgets, request_timeout_s=3.0) as scheduler:
        display = Display(
            scheduler, trace=log, on_shown=lambda lane, text: snapshots.append((lane, text)), on_note=notes.append
        )
        yield House(display, log, platform, notes, snapshots)
        display.close()


class Faults:
    """Answers a call with the next fault of a list, then with none."""

    def __init__(self, faults: Sequence[str]) -> None:
        self._faults = list(faults)

    def __call__(self, method: Method, lane: LaneId) -> float:
        match self._faults.pop(0) if self._faults else "ok":
            case "500":
                raise SurfaceError("broken", 500)
            case "400":
                raise SurfaceError("not understood", 400)
            case "429":
                raise RateLimited("edits" if method == "edit" else "posts", 2.0)
            case "404":
                raise Gone("deleted")
            case "403":
                raise Forbidden("not here")
            case "slow":
                return 1.0
            case "lost":
                return 100.0
            case _:
                return 0.0


async def speak(h: House, seats: int = 1) -> None:
    """Let so many seats say two words and then one more, to their end."""
    lanes = [h.display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(seats)]
    await asyncio.sleep(1)
    for lane in lanes:
        lane.add("words")
    await asyncio.sleep(10)
    for lane in lanes:
        lane.close("words, all")
    await h.display.wait_until_caught_up()


class Tens:
    """Pages of ten code points."""

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        parts = [text[k : k + 10] for k in range(0, len(text), 10)] or [""]
        return [Page(part, len(part), k < len(parts) - 1) for k, part in enumerate(parts)]
