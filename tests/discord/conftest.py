"""Fixtures of the tests on Discord."""

from __future__ import annotations

from tests.support.discord_bot import moot as moot
from tests.support.discord_bot import start_moot as start_moot
