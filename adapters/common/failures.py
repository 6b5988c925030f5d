"""Failures that nobody expected: bugs of ours. The log has all of it, the person one sentence."""

from __future__ import annotations

import secrets

import structlog

log = structlog.get_logger()


def report_failure(what: str) -> str:
    """Log the exception that is being handled; return the sentence that its person is told."""
    code = secrets.token_hex(4)
    log.exception(what, failure=code)
    return f"Something went wrong on my side: try again, or tell whoever runs me to look for {code} in the log."
