"""Formats: each is two pure functions of what has happened, `plan` and `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.formats import compare, council, debate, pipeline, summary
from bot.formats.plan import Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {"council": council, "debate": debate, "compare": compare, "pipeline": pipeline, "summary": summary}
)
