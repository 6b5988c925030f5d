"""Fixtures of the tests of the operators' port, on a bot on Discord."""

from __future__ import annotations

from tests.support.discord_bot import start_moot as start_moot
