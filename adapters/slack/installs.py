"""The tokens of many workspaces: in our own database, encrypted with a key from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore

from bot.errors import Misconfigured

Record = TypeVar("Record", Bot, Installation)

SECRETS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token", "incoming_webhook_url")


def make_sealer(keys: str) -> MultiFernet:
    """Return the cipher for tokens. Raises Misconfigured.

    `keys`: Fernet keys with commas. The first encrypts and all decrypt, so that a key can be replaced.
    """
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError as error:
        raise Misconfigured(
            "slack.installations_key is no key: make one with "
            '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`.'
        ) from error


class SealedInstallations(AsyncInstallationStore):
    """Slack's own store with encrypted tokens: the database never holds one that can be read."""

    def __init__(self, inner: AsyncSQLAlchemyInstallationStore, seal: MultiFernet) -> None:
        self._inner = inner
        self._seal = seal

    async def async_save(self, installation: Installation) -> None:
        await self._inner.async_save(self._seal_tokens(installation))

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

    def _seal_tokens(self, record: Record) -> Record:
        return _map_secrets(record, lambda text: self._seal.encrypt(text.encode()).decode())

    def _open_tokens(self, record: Record) -> Record:
        """Decrypt the tokens. Raises Misconfigured when they were encrypted with another key."""
        try:
            return _map_secrets(record, lambda text: self._seal.decrypt(text.encode()).decode())
        except InvalidToken as error:
            raise Misconfigured(
                "slack.installations_key does not open the stored installations: set the key that sealed them."
            ) from error


def _map_secrets(record: Record, change: Callable[[str], str]) -> Record:
    fields = {name: change(value) for name in SECRETS if (value := getattr(record, name, None))}
    return type(record)(**{**vars(record), **fields})
