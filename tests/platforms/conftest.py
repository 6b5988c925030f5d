"""Fixtures of the tests on both platforms."""

from __future__ import annotations

from tests.support.discord_bot import moot as moot
from tests.support.discord_bot import start_moot as start_moot
from tests.support.slack_app import app as app
from tests.support.slack_app import start_app as start_app
from tests.support.slack_restarts import listening_restarts as listening_restarts
