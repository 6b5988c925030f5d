"""What operators see of `moot run`: metrics on their port, and spans, put together with the core."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from types import TracebackType

from bot.cli.core import Core, Observers
from bot.engine.trace import TraceGroup
from bot.errors import Misconfigured
from bot.models.calls import ProviderCall
from bot.operations.counting import CountingTrace, count_call
from bot.operations.gauges import Gauges, PlatformLink, watch_loop
from bot.operations.metrics import Metrics
from bot.operations.server import require_free_port, serve_metrics
from bot.ports.process import Trace
from bot.settings.settings import Settings
from storage import SqlStore

NO_EXTRA = "tracing.endpoint needs packages that are not installed: install moot[otel], or leave the setting out."


class Watcher:
    """What watches a process, as its settings say; an async context manager, whose end sends the last spans."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics(version("moot")) if settings.metrics.port is not None else None
        self._traces: list[Trace] = []
        self._listeners: list[Callable[[ProviderCall], None]] = []
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Watcher:
        """Begin to watch. Raises Misconfigured."""
        if (metrics := self._metrics) is not None:
            await require_free_port(self._settings.metrics)
            self._traces.append(CountingTrace(metrics, time.time()))
            self._listeners.append(lambda call: count_call(metrics, call))
        if self._settings.tracing.endpoint:
            await self._open_spans()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def _open_spans(self) -> None:
        try:
            from bot.operations.otlp import open_tracer  # of an extra, and slow
            from bot.operations.spans import SpanTrace
        except ImportError as error:
            raise Misconfigured(NO_EXTRA) from error
        tracer = await self._open.enter_async_context(open_tracer(self._settings.tracing, version("moot")))
        spans = SpanTrace(tracer, time.time)
        self._traces.append(spans)
        self._listeners.append(spans.observe_call)

    @property
    def observers(self) -> Observers:
        """Return what the core reports to."""
        return Observers(TraceGroup(self._traces), self._observe_call)

    def _observe_call(self, call: ProviderCall) -> None:
        for listener in self._listeners:
            listener(call)

    async def serve(
        self,
        core: Core,
        store: SqlStore,
        platforms: Sequence[PlatformLink],
        queues: Mapping[str, Callable[[], int]],
    ) -> None:
        """Serve the operators' port until cancelled; return at once where there is none. Raises Misconfigured."""
        if self._metrics is None:
            return
        gauges = Gauges(
            self._metrics,
            supervisor=core.supervisor,
            budgets=core.budgets,
            queues={**core.queues, **queues},
            store=store,
            caps=self._settings.money.caps(),
            platforms=platforms,
        )
        async with serve_metrics(self._settings.metrics, self._metrics, gauges):
            await watch_loop(self._metrics)
