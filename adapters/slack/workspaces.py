"""The workspaces that the app is installed in, each with its token: one from the settings, or many by OAuth."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import suppress

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from sqlalchemy.exc import SQLAlchemyError

from adapters.slack.api import Api, Denied, Workspace
from bot.ports.process import Clock
from bot.ports.surface import SurfaceError

FRESH_S = 60.0  # how long a stored token counts here, as another process may have replaced or removed it


class Workspaces:
    """The workspaces by id. `token`: the only workspace's; "": the tokens are in `installations`."""

    def __init__(
        self, api: Api, token: str, installations: AsyncInstallationStore | None, clock: Clock = time.monotonic
    ) -> None:
        self._api = api
        self._token = token
        self._installations = installations
        self._clock = clock
        self._known: dict[str, Workspace] = {}
        self._looked_at: dict[str, float] = {}  # when the token of each that is known was last looked for
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def has_any(self) -> bool:
        """Return whether any token was found to be good."""
        return bool(self._known)

    @property
    def only_url(self) -> str:
        """The address of the workspace whose token is set; "" where there is none."""
        return next((found.url for found in self._known.values()), "") if self._token else ""

    async def find_only(self) -> Workspace:
        """Return the workspace whose token is set. Raises SurfaceError."""
        if self._known:
            return next(iter(self._known.values()))
        found = await self._identify(self._token, "", "")
        self._known[found.id] = found
        return found

    async def find(self, enterprise: str, team: str) -> Workspace | None:
        """Return a workspace; None: the app is not installed there. Raises SurfaceError when Slack gives no answer."""
        async with self._locks[team]:
            known = self._known.get(team)
            if self._installations is None or (known and self._clock() < self._looked_at[team] + FRESH_S):
                return known
            self._looked_at[team] = self._clock()
            try:
                token = await self._find_token(enterprise, team)
            except SQLAlchemyError:
                if known:  # nothing new is stored meanwhile
                    return known
                raise
            if known is None or token != known.token:
                self._known.pop(team, None)
                with suppress(Denied):
                    if token:
                        self._known[team] = await self._identify(token, enterprise, team)
            return self._known.get(team)

    async def forget(self, enterprise: str, team: str, *, uninstalled: bool) -> list[str]:
        """Forget the tokens of a workspace; return the ids of all workspaces that they were for."""
        gone = [w for w in self._known.values() if w.id == team or (not team and w.enterprise == enterprise)]
        for workspace in gone:
            self._known.pop(workspace.id, None)
        if uninstalled and self._installations is not None:
            await self._installations.async_delete_all(enterprise_id=enterprise or None, team_id=team or None)
        return [w.id for w in gone] or [team]

    async def _find_token(self, enterprise: str, team: str) -> str | None:
        """Return the workspace's own token, else its organisation's, else None."""
        if self._installations is None:
            return None
        enterprise_id = enterprise or None
        bot = await self._installations.async_find_bot(
            enterprise_id=enterprise_id, team_id=team, is_enterprise_install=False
        )
        if bot is None and enterprise:
            bot = await self._installations.async_find_bot(
                enterprise_id=enterprise_id, team_id=None, is_enterprise_install=True
            )
        return bot.bot_token if bot else None

    async def _identify(self, token: str, enterprise: str, team: str) -> Workspace:
        """Ask Slack whose a token is. Raises SurfaceError."""
        answer = await self._api.call_with_token(token, "auth.test", **({"team_id": team} if team else {}))
        return Workspace(
            id=team or str(answer["team_id"]),
            enterprise=enterprise or str(answer.get("enterprise_id") or ""),
            token=token,
            bot_user=str(answer["user_id"]),
            bot_id=str(answer.get("bot_id", "")),
            url=str(answer.get("url", "https://slack.com/")),
        )


class Authorize(AsyncAuthorize):
    """The token for each delivery, as bolt asks for it."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult | None:
        try:
            found = await self._workspaces.find(enterprise_id or "", team_id or "")
        except SurfaceError:
            return None
        if found is None:
            return None
        return AuthorizeResult(
            enterprise_id=found.enterprise or None,
            team_id=found.id,
            bot_user_id=found.bot_user,
            bot_id=found.bot_id,
            bot_token=found.token,
            user_id=user_id,
        )
