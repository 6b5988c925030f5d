"""The workspaces that the app is installed in, each with its token: one that is set, or many by OAuth."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore

from adapters.slack.api import Api, Denied, Workspace
from bot.ports import SurfaceError


class Workspaces:
    """`token`: of the one workspace; "": they stand in `installations`."""

    def __init__(self, api: Api, token: str, installations: AsyncInstallationStore | None) -> None:
        self._api = api
        self._token = token
        self._installations = installations
        self._known: dict[str, Workspace] = {}
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def known(self) -> bool:
        """Whether any was found to be good."""
        return bool(self._known)

    async def sole(self) -> Workspace:
        """The one whose token is set. Raises SurfaceError."""
        if self._known:
            return next(iter(self._known.values()))
        found = await self._introduced(self._token, "", "")
        self._known[found.id] = found
        return found

    async def find(self, enterprise: str, team: str) -> Workspace | None:
        """None: the app is not, or no longer, installed there. Raises SurfaceError when Slack cannot be asked."""
        async with self._looking[team]:
            if team not in self._known and (token := await self._stored(enterprise, team)):
                try:
                    self._known[team] = await self._introduced(token, enterprise, team)
                except Denied:
                    return None
            return self._known.get(team)

    async def forget(self, enterprise: str, team: str, *, uninstalled: bool) -> list[str]:
        """The tokens of a workspace are no longer good; the ids of all workspaces that they were for."""
        gone = [w for w in self._known.values() if w.id == team or (not team and w.enterprise == enterprise)]
        for workspace in gone:
            self._known.pop(workspace.id, None)
        if uninstalled and self._installations is not None:
            await self._installations.async_delete_all(enterprise_id=enterprise or None, team_id=team or None)
        return [w.id for w in gone] or [team]

    async def _stored(self, enterprise: str, team: str) -> str | None:
        """The workspace's own token, else its organisation's."""
        if self._installations is None:
            return None
        of = enterprise or None
        bot = await self._installations.async_find_bot(enterprise_id=of, team_id=team, is_enterprise_install=False)
        if bot is None and enterprise:
            bot = await self._installations.async_find_bot(enterprise_id=of, team_id=None, is_enterprise_install=True)
        return bot.bot_token if bot else None

    async def _introduced(self, token: str, enterprise: str, team: str) -> Workspace:
        said = await self._api.call_with(token, "auth.test", **({"team_id": team} if team else {}))
        return Workspace(
            id=team or str(said["team_id"]),
            enterprise=enterprise or str(said.get("enterprise_id") or ""),
            token=token,
            bot_user=str(said["user_id"]),
            bot_id=str(said.get("bot_id", "")),
            url=str(said.get("url", "https://slack.com/")),
        )


class Authorize(AsyncAuthorize):
    """Tells bolt with which token it answers whom."""

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
