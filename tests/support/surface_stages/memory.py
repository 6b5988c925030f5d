"""The surface in memory, on its platform in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.domain.run import LaneId
from bot.ports.surface import Forbidden, MessageRef, Method, Surface, SurfaceError
from tests.support.surface_stages.base import RETRY_S, Refusal, SeenMessage, SurfaceCase
from tests.support.surfaces import Place, Platform, WindowLimit


class CountingLimit(WindowLimit):
    """A limit that no test reaches and that logs every request."""

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__(1_000, 1.0)
        self._name = name
        self._log = log

    def admit(self, now: float) -> float:
        self._log.append(self._name)
        return super().admit(now)


class MemoryStage:
    person = "memory:1"

    def __init__(self) -> None:
        self._counted: list[str] = []
        self._platform = Platform(round_trip_s=0.0)
        self._place = Place(self._platform, posts=["posts"], edits=["edits"])
        self.surface: Surface = self._place
        self._count()

    async def open_another(self) -> Surface:
        return Place(self._platform, "another", posts=["posts"], edits=["edits"])

    async def read_messages(self) -> list[SeenMessage]:
        return [SeenMessage(m.text, tuple(c.label for c in m.controls)) for m in self._place.messages()]

    def list_pings(self) -> list[str]:
        return []

    async def delete_as_person(self, ref: MessageRef) -> None:
        self._place.deleted.add(ref)

    async def refuse(self, how: Refusal) -> None:
        match how:
            case "for now":
                self._platform.limits = {name: WindowLimit(0, RETRY_S) for name in self._platform.limits}
            case "for good":
                self._fail(Forbidden("not here"))
            case "by a fault":
                self._fail(SurfaceError("a fault", 500))
            case "by a torn connection":
                self._fail(SurfaceError("torn"))

    async def heal(self) -> None:
        self._platform.fault = lambda method, lane: 0.0
        self._count()

    def list_requests(self) -> list[str]:
        return list(self._counted)

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        return self._place  # what stands in it outlasts the process that a test ends

    def _count(self) -> None:
        self._platform.limits = {name: CountingLimit(name, self._counted) for name in ("posts", "edits")}

    def _fail(self, error: SurfaceError) -> None:
        def fault(method: Method, lane: LaneId) -> float:
            raise error

        self._platform.fault = fault


@asynccontextmanager
async def open_memory() -> AsyncIterator[MemoryStage]:
    yield MemoryStage()


CASES = (
    SurfaceCase(
        "memory", frozenset({"buttons", "whole", "people", "refuses", "counts", "reopens", "finds"}), open_memory
    ),
)
