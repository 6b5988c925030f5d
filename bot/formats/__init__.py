"""Formats: each is two pure functions of what has happened, `plan` and `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.formats import compare, pipeline, summary
from bot.formats.council import council
from bot.formats.debate import debate
from bot.formats.plan import Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {"council": council, "debate": debate, "compare": compare, "pipeline": pipeline, "summary": summary}
)
