"""How logs are written: run, turn, seat and platform on each line that has them; no keys, no texts of people or models.

Whoever begins a piece of work binds its names (structlog's context variables), so that no line needs to give them: the
supervisor those of a run, the conductor those of a turn, `moot run` those of a platform.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from bot.live.markdown import clean
from bot.settings.operations import LogSettings

_FIRST: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure_logs(settings: LogSettings) -> None:
    """Send logs to standard error, so that what `moot` prints can be piped; warnings of libraries in the same form."""
    level = getattr(logging, settings.level.upper())
    last: list[Processor] = [
        structlog.processors.JSONRenderer() if settings.json_lines else structlog.dev.ConsoleRenderer(colors=False),
        lambda logger, name, line: clean(line) if isinstance(line, str) else line,
    ]
    structlog.configure(
        processors=[*_FIRST, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # sys.stderr is looked up for each logger, as a screen may have replaced it meanwhile
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
    libraries = _StandardError()
    first = [structlog.stdlib.add_logger_name, *_FIRST]
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last], foreign_pre_chain=first
        )
    )
    logging.basicConfig(handlers=[libraries], level=max(level, logging.WARNING))  # below, they tell what people wrote


class _StandardError(logging.Handler):
    """A handler that looks standard error up for each line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr)
        except Exception:
            self.handleError(record)
