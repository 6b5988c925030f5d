"""The app on Slack in one process after another, on the same database and in the same workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.servers.slack import SlackServer
from tests.servers.slack.world import Team
from tests.support.slack_app import App, make_settings, open_workspace, serve_app


class SlackRestarts:
    """A workspace where the app is started and stopped."""

    def __init__(self, server: SlackServer, team: Team, path: Path, *, listen: bool) -> None:
        self.server = server
        self._team = team
        self._path = path
        self._settings = make_settings(server, team, listen=listen)
        self._running = AsyncExitStack()

    async def start(self, settings: Mapping[str, Any] = MappingProxyType({}), **options: Any) -> App:
        """Serve the app with the options of `serve_app`, and other settings of Slack."""
        changed = self._settings.model_copy(update=settings)
        return await self._running.enter_async_context(
            serve_app(self.server, self._team, self._path, changed, **options)
        )

    async def stop(self) -> None:
        """Stop the app as the end of its process does."""
        await self._running.aclose()


@asynccontextmanager
async def open_restarts(path: Path, *, listen: bool = False) -> AsyncIterator[SlackRestarts]:
    """Open a workspace in which no app runs yet, and stop the app at the end."""
    async with open_workspace(listen=listen) as (server, team):
        restarts = SlackRestarts(server, team, path, listen=listen)
        try:
            yield restarts
        finally:
            await restarts.stop()


@pytest.fixture
async def slack_restarts(tmp_path: Path) -> AsyncIterator[SlackRestarts]:
    """Return a workspace in which a test starts and stops the app."""
    async with open_restarts(tmp_path / "moot.db") as restarts:
        yield restarts


@pytest.fixture
async def listening_restarts(tmp_path: Path) -> AsyncIterator[SlackRestarts]:
    """Return the same for an app that reads all messages, and so can find its own again."""
    async with open_restarts(tmp_path / "moot.db", listen=True) as restarts:
        yield restarts
