"""Where spans go: to a collector by OpenTelemetry's own protocol. Its packages are those of the extra `otel`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from bot.settings.operations import TracingSettings

_EXPORT_TIMEOUT_S = 5


@asynccontextmanager
async def open_tracer(settings: TracingSettings, version: str) -> AsyncIterator[Tracer]:
    """Yield a tracer whose spans are sent in the background; leaving it sends what is left."""
    exporter = OTLPSpanExporter(f"{settings.endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    about = Resource.create({"service.name": "moot", "service.version": version})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("moot", version)
    finally:
        await asyncio.to_thread(provider.shutdown)
