"""What a LiteLLM proxy is told of who asks, so that its own ledger can divide the bill.

https://docs.litellm.ai/docs/proxy/cost_tracking
"""

from __future__ import annotations

import asyncio
import hmac
import secrets

from bot.domain.spending import Payer
from bot.errors import StoreFailed
from bot.models.catalogue import Model
from bot.models.client import Request
from bot.ports.store import DocumentStore

_DOCUMENT = "pseudonyms"
_DIGITS = 32  # of a pseudonym, 128 bits


class ProxyTags:
    """The tags of requests to LiteLLM proxies, with a pseudonym of each person that only this database can link."""

    def __init__(self, documents: DocumentStore | None) -> None:
        self._documents = documents
        self._secret = ""
        self._lock = asyncio.Lock()

    async def add(self, request: Request, model: Model, payer: Payer) -> Request:
        """Return a request with its tags; any other model's as it is. Without the store no person is named."""
        if not model.is_litellm_proxy:
            return request
        named = {"server": payer.server.partition(":@")[0], "format": payer.format, "run": payer.run}
        body = {
            **request.get("extra_body", {}),
            "metadata": {"tags": ["moot", *(f"{name}:{value}" for name, value in named.items() if value)]},
        }
        if payer.person and (secret := await self._read_secret()):
            body["user"] = hmac.new(secret.encode(), payer.person.encode(), "sha256").hexdigest()[:_DIGITS]
        return {**request, "extra_body": body}

    async def _read_secret(self) -> str:
        """Return the secret of pseudonyms, made at the first need; "" where none can be kept."""
        async with self._lock:
            if not self._secret and self._documents is not None:
                try:
                    kept = (await self._documents.documents(_DOCUMENT)).get(_DOCUMENT)
                    if kept is None:
                        await self._documents.put(_DOCUMENT, kept := secrets.token_hex(32))
                except StoreFailed:
                    return ""
                self._secret = str(kept)
        return self._secret
