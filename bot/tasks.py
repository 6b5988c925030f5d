"""Who owns the tasks."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Tasks(asyncio.TaskGroup):
    """A TaskGroup out of which the error of its own body comes bare: whoever asked for it can catch it by name."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            if group.exceptions != (error,):
                raise
