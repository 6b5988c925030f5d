"""How logs are written: run, turn and seat on each line that has them; no keys, no texts of people or models."""

from __future__ import annotations

import logging
import sys

import structlog

from bot.live.markdown import clean
from bot.settings import LogSettings


def configure_logs(settings: LogSettings) -> None:
    """Send logs to standard error, so that what `moot` prints can be piped."""
    level = getattr(logging, settings.level.upper())
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if settings.json_lines else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
            lambda logger, name, line: clean(line) if isinstance(line, str) else line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # sys.stderr is looked up for each logger, as a screen may have replaced it meanwhile
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
