"""The rows of `moot models`: the catalogue, and what a provider or endpoint offers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import aiohttp

from bot.domain.run import Price
from bot.models.catalogue import Model, key_of, key_state, prefix_of
from bot.models.errors import Kind, ProviderError
from bot.models.local import ollama_base
from bot.models.parameters import Habits, describe_habits, endpoint_key
from bot.network import describe_certificate_error, is_nearby, tell_address

LISTING_TIMEOUT_S = 10.0

# The base addresses of providers. Those that speak OpenAI's protocol list their models at BASE/models.
_BASES: Mapping[str, str] = {
    "anthropic": "https://api.anthropic.com",
    "cerebras": "https://api.cerebras.ai/v1",
    "deepseek": "https://api.deepseek.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "together_ai": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
}
# The variables that name another address, as litellm reads them; of other providers there is one, NAME_API_BASE.
_BASE_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "together_ai": ("TOGETHER_AI_API_BASE",),
}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of the catalogue. `price` and `window` (tokens) are None where unknown."""

    key: str
    litellm: str
    name: str
    key_state: str
    price: Price | None  # with its source
    window: int | None
    window_source: str
    sent: str = ""  # otherwise than asked for, as the endpoint has refused something


def list_configured(
    models: Iterable[Model],
    environ: Mapping[str, str] = os.environ,
    habits: Mapping[str, Habits] = MappingProxyType({}),
) -> list[ModelRow]:
    """Return the rows of these models. `habits`: what their endpoints were found to refuse, by `endpoint_key`."""
    return [
        ModelRow(
            key=m.key,
            litellm=m.litellm,
            name=m.name,
            key_state=key_state(m, environ),
            price=m.price,
            window=m.window,
            window_source=m.window_source,
            sent=describe_habits(habits.get(endpoint_key(m), {})),
        )
        for m in models
    ]


@dataclass(frozen=True, slots=True)
class _List:
    """The address of a list of models, and the place of their names in the answer."""

    url: str
    headers: Mapping[str, str]
    items: str
    name: str


async def fetch_available(model: Model) -> list[str]:
    """Return the litellm model strings that this model's provider or endpoint offers, sorted.

    Raises ProviderError: "key", "not_found" (also if nobody knows how to ask), "rate_limit", "unreachable", "other".
    """
    source = _list_of(model, key_of(model) or "")
    found = await _fetch(source, proxy=model.proxy or not is_nearby(source.url))
    items = found.get(source.items)
    if not isinstance(items, list):
        raise ProviderError("other", f"{model.provider} gave no list of models")
    names = (
        str(item[source.name]) for item in items if isinstance(item, dict) and source.name in item and _can_chat(item)
    )
    return sorted(f"{prefix_of(model)}/{name.removeprefix('models/')}" for name in names)


async def check_key(model: Model) -> None:
    """Ask a model's provider, without spending, whether it takes the model's key. Raises as `fetch_available` does."""
    if prefix_of(model) == "openrouter":  # it lists its models to anybody
        headers = {"Authorization": f"Bearer {key_of(model) or ''}"}
        await _fetch(_List(f"{model.api_base or _find_base('openrouter')}/key", headers, "", ""), proxy=model.proxy)
    else:
        await fetch_available(model)


def _list_of(model: Model, key: str) -> _List:
    """Return the address of a provider's list of models.

    Anthropic: docs.anthropic.com/en/api/models-list. Gemini: ai.google.dev/api/models. The others: OpenAI's way.
    """
    match prefix_of(model):
        case "anthropic":
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
            base = (model.api_base or _find_base("anthropic")).rstrip("/").removesuffix("/v1")
            return _List(f"{base}/v1/models?limit=1000", headers, "data", "id")
        case "gemini":
            base = (model.api_base or _find_base("gemini")).rstrip("/").removesuffix("/v1beta")
            return _List(f"{base}/v1beta/models?pageSize=1000", {"x-goog-api-key": key}, "models", "name")
        case "ollama" | "ollama_chat":
            return _List(f"{ollama_base(model)}/api/tags", {}, "models", "name")
        case prefix:
            base = model.api_base or _find_base(prefix)
            if not base:
                raise ProviderError("not_found", f"no list of models is known for {prefix}; set api_base to one")
            return _List(f"{base.rstrip('/')}/models", {"Authorization": f"Bearer {key}"} if key else {}, "data", "id")


def _find_base(prefix: str) -> str:
    """Return the address at which litellm looks for a provider; "" where it is not known here."""
    names = _BASE_VARIABLES.get(prefix, (f"{prefix.upper()}_API_BASE",))
    return next(filter(None, map(os.environ.get, names)), _BASES.get(prefix, ""))


def _can_chat(item: Mapping[str, Any]) -> bool:
    """Return whether a listed model answers in chats: Gemini says what each can do, others do not."""
    return "generateContent" in item.get("supportedGenerationMethods", ["generateContent"])


async def _fetch(source: _List, *, proxy: bool) -> Mapping[str, Any]:
    """Fetch a list. `proxy`: through the environment's proxy, if it names one."""
    timeout = aiohttp.ClientTimeout(total=LISTING_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=proxy) as session,
            session.get(source.url, headers=source.headers) as response,
        ):
            if not response.ok:
                raise ProviderError(_kind(response.status), f"{response.url.host} answered {response.status}")
            found = await response.json()
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        why = describe_certificate_error(error) or "it does not answer"
        raise ProviderError("unreachable", f"{tell_address(source.url)}: {why}") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ProviderError("other", f"{tell_address(source.url)} did not answer in JSON") from error
    return found if isinstance(found, dict) else {}


def _kind(status: int) -> Kind:
    if status in (401, 403):
        return "key"
    if status == 429:
        return "rate_limit"
    if status in (404, 405):
        return "not_found"
    return "unreachable" if status >= 500 else "other"
