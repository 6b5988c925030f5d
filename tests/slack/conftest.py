"""Fixtures of the tests on Slack."""

from __future__ import annotations

from tests.support.slack_app import app as app
from tests.support.slack_app import start_app as start_app
from tests.support.slack_restarts import slack_restarts as slack_restarts
