"""The tokens of many workspaces: in our own database, encrypted with a key from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cryptography.fernet import InvalidToken, MultiFernet
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from sqlalchemy import delete, func, select

from adapters.common.recent import RecentDict
from bot.errors import Misconfigured

Record = TypeVar("Record", Bot, Installation)

SETTING = "slack.installations_key"
STATE = b"install"
MAX_USED_STATES = 10_000
SECRETS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token", "incoming_webhook_url")


class SealedStates(AsyncOAuthStateStore):
    """The states of installations that have begun. A state is sealed with its time, so that nothing is stored of it.

    Anybody may begin one. What is kept, in memory, are those that came back, so that each counts once.
    """

    def __init__(self, seal: MultiFernet, age_s: float) -> None:
        self._seal = seal
        self._age_s = age_s
        self._used: RecentDict[str, None] = RecentDict(size=MAX_USED_STATES, age_s=age_s)

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        return self._seal.encrypt(STATE).decode()

    async def async_consume(self, state: str) -> bool:
        try:
            sealed = self._seal.decrypt(state.encode(), ttl=round(self._age_s))
        except (InvalidToken, UnicodeError):
            return False
        if sealed != STATE or state in self._used:
            return False
        self._used.put(state, None)
        return True


class SealedInstallations(AsyncInstallationStore):
    """Slack's own store with encrypted tokens: the database never holds one that can be read."""

    def __init__(self, inner: AsyncSQLAlchemyInstallationStore, seal: MultiFernet) -> None:
        self._inner = inner
        self._seal = seal

    async def async_save(self, installation: Installation) -> None:
        await self._inner.async_save(self._seal_tokens(installation))
        await self._forget_older(installation)

    async def async_save_bot(self, bot: Bot) -> None:
        await self._inner.async_save_bot(self._seal_tokens(bot))

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        found = await self._inner.async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )
        return self._open_tokens(found) if found else None

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        found = await self._inner.async_find_installation(
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            is_enterprise_install=is_enterprise_install,
        )
        return self._open_tokens(found) if found else None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._inner.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        await self._inner.async_delete_installation(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)

    async def _forget_older(self, kept: Installation) -> None:
        """Delete what a new installation replaces: Slack's store keeps each that there ever was."""
        async with self._inner.engine.begin() as conn:
            for table, names in (
                (self._inner.installations, ("enterprise_id", "team_id", "user_id")),
                (self._inner.bots, ("enterprise_id", "team_id")),
            ):
                same = [table.c[name] == getattr(kept, name) for name in names]
                newest = select(func.max(table.c.id)).where(*same).scalar_subquery()
                await conn.execute(delete(table).where(*same, table.c.id < newest))

    def _seal_tokens(self, record: Record) -> Record:
        return _map_secrets(record, lambda text: self._seal.encrypt(text.encode()).decode())

    def _open_tokens(self, record: Record) -> Record:
        """Decrypt the tokens. Raises Misconfigured when they were encrypted with another key."""
        try:
            return _map_secrets(record, lambda text: self._seal.decrypt(text.encode()).decode())
        except InvalidToken as error:
            raise Misconfigured(
                f"{SETTING} does not open the stored installations: set the key that sealed them."
            ) from error


def _map_secrets(record: Record, change: Callable[[str], str]) -> Record:
    fields = {name: change(value) for name in SECRETS if (value := getattr(record, name, None))}
    return type(record)(**{**vars(record), **fields})
