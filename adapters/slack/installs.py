"""Where the tokens of many workspaces stand: in our own database, sealed with a key from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore

from bot.errors import Misconfigured

Kept = TypeVar("Kept", Bot, Installation)

SECRETS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token", "incoming_webhook_url")


def sealer(keys: str) -> MultiFernet:
    """`keys`: Fernet keys with commas; the first seals and all open, so that one can be changed.

    Raises Misconfigured.
    """
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError as error:
        raise Misconfigured(
            "slack.installations_key is no key: make one with "
            '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`.'
        ) from error


class SealedInstallations(AsyncInstallationStore):
    """Slack's own store behind a seal: the database never holds a token that can be read."""

    def __init__(self, inner: AsyncSQLAlchemyInstallationStore, seal: MultiFernet) -> None:
        self._inner = inner
        self._seal = seal

    async def async_save(self, installation: Installation) -> None:
        await self._inner.async_save(self._sealed(installation))

    async def async_save_bot(self, bot: Bot) -> None:
        await self._inner.async_save_bot(self._sealed(bot))

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        found = await self._inner.async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )
        return self._opened(found) if found else None

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
        return self._opened(found) if found else None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._inner.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        await self._inner.async_delete_installation(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)

    def _sealed(self, kept: Kept) -> Kept:
        return _changed(kept, lambda text: self._seal.encrypt(text.encode()).decode())

    def _opened(self, kept: Kept) -> Kept:
        """Raises Misconfigured when another key has sealed it."""
        try:
            return _changed(kept, lambda text: self._seal.decrypt(text.encode()).decode())
        except InvalidToken as error:
            raise Misconfigured(
                "slack.installations_key does not open the stored installations: set the key that sealed them."
            ) from error


def _changed(kept: Kept, change: Callable[[str], str]) -> Kept:
    fields = {name: change(value) for name in SECRETS if (value := getattr(kept, name, None))}
    return type(kept)(**{**vars(kept), **fields})
