"""The keys of a server's own: given, listed and taken away by those who manage it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bot.actions.permissions import Person, require_may_give_keys
from bot.actions.services import Services
from bot.errors import Refused
from bot.models.catalogue import find_own_host_provider
from bot.models.errors import ProviderError
from bot.models.listing import check_key
from bot.models.own_keys import SETTING, OwnKey, OwnKeys
from bot.network import clean_key
from bot.ports.process import Clock
from bot.sealing import MAKE_KEY
from bot.text import as_text

CLOSED = (
    f"Servers cannot give keys of their own here: whoever runs me has set no `{SETTING}`. They make one with "
    f"{MAKE_KEY}, and keep it apart from the database."
)


class OwnKeyActions:
    """What people may do with keys of their server's own. Whoever may not is refused before anything else."""

    def __init__(self, services: Services, keys: OwnKeys, clock: Clock) -> None:
        self._services = services
        self._keys = keys
        self._clock = clock

    def list_providers(self, by: Person) -> list[str]:
        """Return the providers that the person may give a key for. Raises Refused."""
        self._require_right(by)
        if not self._keys.can_seal:
            raise Refused(CLOSED)
        if not (found := self._keys.list_providers()):
            raise Refused("No model here is asked at a provider that takes a key of yours.")
        return found

    async def list_given(self, by: Person) -> list[OwnKey]:
        """Return the keys that the person's server has given. Raises Refused."""
        self._require_right(by)
        return await self._keys.list_keys(by.server)

    async def give(self, provider: str, typed: str, by: Person) -> str:
        """Keep a key for the runs of the person's server, once its provider has taken it. Raises Refused."""
        if provider not in self.list_providers(by):
            raise Refused("No model here is asked at that provider.")
        try:
            secret = clean_key(typed)
        except ValueError as error:
            raise Refused(f"Nothing was kept: {error}.") from None
        if not secret:
            raise Refused("Nothing was kept: there is no key in it.")
        is_checked = await self._check(provider, secret)
        await self._keys.put(by.server, OwnKey(provider, None, by.key, by.name, self._clock()), secret)
        said = "takes it" if is_checked else "has no way to check it without spending"
        return (
            f"Kept, sealed: {provider} {said}. It pays for what is asked there in this server from now on, and is "
            "never shown again. `/moot key remove` forgets it."
        )

    async def take_away(self, provider: str, by: Person) -> str:
        """Forget a key of the person's server. Raises Refused."""
        if provider not in {key.provider for key in await self.list_given(by)}:
            raise Refused("This server has given no such key.")
        await self._keys.forget(by.server, provider)
        return f"Forgotten: the key for {provider}. From now on the operator's is used, where there is one."

    async def describe(self, by: Person) -> str:
        """Say which keys the person's server has given, by whom and when."""
        lines = [self._describe_key(key) for key in await self.list_given(by)]
        return "\n".join(lines) or "This server has given no key of its own: `/moot key set` does."

    def _describe_key(self, key: OwnKey) -> str:
        ending = "cannot be opened: give it again" if key.ending is None else f"ends in {as_text(key.ending)}"
        day = f"{datetime.fromtimestamp(key.at, UTC):%Y-%m-%d}"
        return f"- **{key.provider}**: {ending}; given by {as_text(key.name)} on {day}"

    def _require_right(self, by: Person) -> None:
        if by.is_direct:
            raise Refused("A key is given in the server whose runs it pays for: use this there.")
        self._services.require(require_may_give_keys, by, "Keys")

    async def _check(self, provider: str, secret: str) -> bool:
        """Ask the provider about a key, once; return False where it has no way to be asked. Raises Refused."""
        model = next(m for m in self._services.models.values() if find_own_host_provider(m) == provider)
        try:
            await check_key(replace(model, api_key=secret, key_variable="", key_file=""))
        except ProviderError as error:
            match error.kind:
                case "not_found":
                    return False
                case "rate_limit":  # which it tells only those whom it knows
                    return True
                case "key":
                    raise Refused(f"{provider} refuses this key, so nothing was kept: copy it again.") from None
                case _:
                    raise Refused(f"{provider} cannot be asked now, so nothing was kept: {error.text}.") from None
        return True
