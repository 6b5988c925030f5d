"""Keys of their own: what servers have given for their runs, sealed in the store with the operator's master key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import structlog

from bot.domain.spending import Payer
from bot.errors import StoreFailed
from bot.models.catalogue import Model, find_own_host_provider
from bot.models.errors import ProviderError
from bot.ports.store import DocumentStore, Json
from bot.sealing import make_sealer, unseal

log = structlog.get_logger()

SETTING = "own_keys.master_key"
GIVE_AGAIN = "whoever manages this server can give another by `/moot key set`"
_PREFIX = "own-key/"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A server's key for a provider, and who has given it when (wall seconds): a person's key, and their name then.

    `ending`: its last four characters; None where no master key of today opens it.
    """

    provider: str
    ending: str | None
    by: str
    name: str
    at: float


class OwnKeys:
    """The keys of servers, by provider. Without a `master` none can be given, and none opened.

    `master`: Fernet keys with commas; the first seals, all open. Every method raises StoreFailed.
    """

    def __init__(self, documents: DocumentStore, models: Mapping[str, Model], master: str = "") -> None:
        self._documents = documents
        self._seal = make_sealer(master, SETTING) if master else None
        self._newest = make_sealer(master.split(",")[0], SETTING) if master else None
        self.replace_models(models)

    def replace_models(self, models: Mapping[str, Model]) -> None:
        """Take keys for the providers of these models from now on."""
        self._providers = {key: found for key, m in models.items() if (found := find_own_host_provider(m))}

    @property
    def can_seal(self) -> bool:
        return self._newest is not None

    def list_providers(self) -> list[str]:
        """Return the providers for which keys are taken: those of models that are asked at the provider's own hosts."""
        return sorted(set(self._providers.values()))

    async def put(self, server: str, key: OwnKey, secret: str) -> None:
        """Keep a key for a server's runs, in place of the one before."""
        assert self._newest is not None, "whoever asks for a key knows that it can be sealed"
        sealed = self._newest.encrypt(json.dumps([server, key.provider, secret]).encode()).decode()
        document: Json = {"sealed": sealed, "by": key.by, "name": key.name, "at": key.at}
        await self._documents.put(f"{_PREFIX}{server}/{key.provider}", document)

    async def forget(self, server: str, provider: str) -> None:
        await self._documents.put(f"{_PREFIX}{server}/{provider}", None)

    async def list_keys(self, server: str) -> list[OwnKey]:
        """Return a server's keys, without the keys themselves."""
        return [
            self._describe(server, provider, document)
            for provider, document in sorted((await self._read(server)).items())
        ]

    async def list_covered(self, server: str) -> frozenset[str]:
        """Return the models (by key) that a server pays for by itself."""
        given = await self._read(server)
        return frozenset(key for key, provider in self._providers.items() if provider in given)

    async def lend(self, model: Model, payer: Payer) -> tuple[Model, Payer]:
        """Return the model with the key that its run's server has given for it, and who pays then.

        Raises ProviderError where there is one that cannot be had: the operator's does not stand in for it.
        """
        provider = self._providers.get(model.key)
        if provider is None:
            return model, payer
        try:
            document = (await self._read(payer.server)).get(provider)
        except StoreFailed:
            raise ProviderError("ours", "this server's keys cannot be read now, so it was not asked") from None
        if document is None:
            return model, payer
        secret = self._open(payer.server, provider, document)
        if secret is None:
            raise ProviderError("other", f"this server's own key for {provider} cannot be opened: {GIVE_AGAIN}")
        return replace(model, api_key=secret, key_variable="", key_file=""), payer._replace(own_key=True)

    async def seal_anew(self) -> None:
        """Seal with the newest master key what an older one has sealed, so that the older can be left out."""
        for name, document in (await self._read_below(_PREFIX)).items():
            server, _, provider = name.rpartition("/")
            if unseal(self._newest, document["sealed"]) is not None:
                continue
            if secret := self._open(server, provider, document):
                await self.put(server, self._describe(server, provider, document), secret)
            else:
                log.warning(f"no {SETTING} opens the key of a server", server=server, provider=provider)

    def _describe(self, server: str, provider: str, document: Mapping[str, Any]) -> OwnKey:
        secret = self._open(server, provider, document)
        return OwnKey(provider, secret and secret[-4:], document["by"], document["name"], document["at"])

    async def _read(self, server: str) -> dict[str, Mapping[str, Any]]:
        """Return the stored documents of a server, by provider."""
        return await self._read_below(f"{_PREFIX}{server}/")

    async def _read_below(self, prefix: str) -> dict[str, Mapping[str, Any]]:
        found = await self._documents.documents(prefix)
        return {key.removeprefix(prefix): cast(Mapping[str, Any], value) for key, value in found.items()}

    def _open(self, server: str, provider: str, document: Mapping[str, Any]) -> str | None:
        """Return the key in a document; None where no master key opens it, or it was put to another's place."""
        match json.loads(unseal(self._seal, document["sealed"]) or "[]"):
            case [str(sealed_for), str(named), str(secret)] if (sealed_for, named) == (server, provider):
                return secret
        return None


def explain_refusal(error: ProviderError, payer: Payer) -> ProviderError:
    """Return the error of a call; where a server's own key is refused, it tells whoever manages that server."""
    if not (payer.own_key and error.kind in ("key", "billing")):
        return error
    return ProviderError("other", f"{error.text} (this server's own key): {GIVE_AGAIN}")
