"""Settings of a process: how it stops and starts again, and what operators see of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from bot.settings.value_types import Address, Strict


class RestartSettings(Strict):
    """The treatment of runs when the process stops, and of those that a stop or a crash has cut off."""

    grace_s: NonNegativeFloat = Field(5.0, description="how long runs may still take after SIGTERM")
    half_spoken: Literal["again", "keep"] = Field(
        "again", description="a turn that was cut off is asked again, or its words are kept and marked"
    )
    max_age_s: PositiveFloat = Field(86_400.0, description="runs that have lain still for longer are closed instead")


class ClusterSettings(Strict):
    """Several processes on one PostgreSQL database: `moot run --role gateway` and `--role worker`."""

    runs_per_worker: PositiveInt = Field(100, description="runs that a worker conducts at once; others wait")


class LogSettings(Strict):
    level: Literal["debug", "info", "warning", "error"] = Field("warning", description="what is below it is left out")
    json_lines: bool = Field(False, description="one JSON object a line, for log collectors")


class MetricsSettings(Strict):
    """The operators' port: /healthz, /readyz and /metrics. It asks nobody who they are: keep it from strangers."""

    port: int | None = Field(None, ge=0, le=65535, description="none where left out; 9464 is usual")
    host: str = Field("127.0.0.1", min_length=1, description="where it listens; ::1 where there is no IPv4")


class TracingSettings(Strict):
    """Spans of OpenTelemetry; they need the extra `otel`."""

    endpoint: Address = Field("", description="a collector that takes OTLP over HTTP; none where left out")
