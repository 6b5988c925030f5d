"""Wishes that change nothing, as they come too late or are about a run that is gone: each is told so, and counted."""

from __future__ import annotations

import structlog

from bot.errors import Refused

log = structlog.get_logger()


class InVain:
    """`raise in_vain("This run is over.", run)`."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, why: str, run: str) -> Refused:
        self.count += 1
        log.info("came in vain", why=why, run=run, count=self.count)
        return Refused(why)
