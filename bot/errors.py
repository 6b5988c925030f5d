"""Errors by who can mend them. What a provider does wrong is in `bot.models.errors`; the rest are bugs."""

from __future__ import annotations


class Refused(Exception):
    """The person can mend it: says what to do instead, in one sentence."""


class Misconfigured(Exception):
    """The operator can mend it: says where, what is wrong and what would be right."""


class StoreFailed(Exception):
    """The disk or the database failed: says what happened, what it means and what to do."""
