"""The app over HTTP, which workspaces install by OAuth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from cryptography.fernet import Fernet

from tests.support.slack_app import App, make_settings, open_workspace, serve_app

KEY = Fernet.generate_key().decode()


@asynccontextmanager
async def serve_installable(path: Path, key: str = KEY, **more: Any) -> AsyncIterator[App]:
    """Serve the app over HTTP, installed in no workspace yet."""
    async with open_workspace() as (server, team):
        app = server.world.app
        oauth: dict[str, Any] = {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "installations_key": key,
        }
        oauth |= more.pop("settings", {})
        http = {"bot_token": None, "mode": "http", "port": 0, "signing_secret": app.signing_secret}
        async with serve_app(server, team, path, make_settings(server, team, **oauth, **http), **more) as a:
            yield a
