"""Model servers on this machine: finding them, and asking whether a model is still to be loaded."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bot.models.catalogue import LOCAL, OLLAMA_CTX, Model, provider_of
from bot.settings.value_types import is_key

PORTS = (11434, 1234, 8080)  # the defaults of Ollama, of LM Studio, and of llama.cpp and many others
PROBE_TIMEOUT_S = 0.5
_MOST_MODELS = 40  # a server
_NAME_CHARS = 60  # of a model's name on screen; some ids are whole paths

Found = Mapping[str, Any]  # an object of JSON; empty where there is none
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server and its `models`, loaded ones first, else in its own order. `loading`: it is not ready yet."""

    kind: Literal["ollama", "openai"]
    base_url: str
    models: tuple[Model, ...]
    loading: bool = False


class _Asker:
    """A client of one server. An answer that is no JSON object counts as empty, and nothing takes over 0.5 s."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self.base_url = base_url

    async def get(self, path: str) -> Found:
        return await self.ask("GET", path)

    async def ask(self, method: str, path: str, body: Found | None = None, *, status: int = 200) -> Found:
        """Return the object that comes with this status; an empty one with any other."""
        try:
            async with (
                asyncio.timeout(PROBE_TIMEOUT_S),
                self._session.request(method, self.base_url + path, json=body, allow_redirects=False) as response,
            ):
                found = await response.json() if response.status == status else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


async def discover_servers(ports: Sequence[int] = PORTS) -> list[LocalServer]:
    """Find the servers that answer on these ports of 127.0.0.1, in their order. An odd one raises nothing."""
    async with aiohttp.ClientSession() as session:
        found = await _gather(_identify(_Asker(session, f"http://127.0.0.1:{port}")) for port in ports)
    return _set_keys([server for server in found if server is not None])


def make_key(name: str, taken: Collection[str]) -> str:
    """Make a new key of letters, digits and hyphens, which needs no quotes in TOML, of at most 40 characters."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower())[:36].strip("-") or "model"
    return next(key for n in range(1, len(taken) + 2) if (key := base if n == 1 else f"{base}-{n}") not in taken)


def _set_keys(servers: Sequence[LocalServer]) -> list[LocalServer]:
    """Give each model a key of its own: the server's id where that may be a key, else one made of it.

    Ids may hold anything, and two servers may list the same. The order in which a server lists them does not matter, as
    runs that are taken up again know models by key.
    """
    keys: dict[tuple[str | None, str], str] = {}
    for model in sorted((m for s in servers for m in s.models), key=lambda m: (not is_key(m.key), m.api_base, m.key)):
        taken = set(keys.values())
        is_good = is_key(model.key) and model.key not in taken
        keys[model.api_base, model.key] = model.key if is_good else make_key(model.key, taken)
    return [
        replace(server, models=tuple(replace(m, key=keys[m.api_base, m.key]) for m in server.models))
        for server in servers
    ]


async def is_loading(model: Model) -> bool:
    """Return whether the next answer of a local model waits for its weights to be read. False if nobody can tell."""
    async with aiohttp.ClientSession() as session:
        if model.num_ctx is not None:
            running = await _Asker(session, ollama_base(model)).get("/api/ps")
            return "models" in running and _full_name(model.litellm.partition("/")[2]) not in _loaded_names(running)
        return model.api_base is not None and await _is_getting_ready(_Asker(session, _root(model.api_base)))


def ollama_base(model: Model) -> str:
    """Return the address at which litellm looks for Ollama, the model's own `api_base` first."""
    return (model.api_base or os.environ.get("OLLAMA_API_BASE") or "http://127.0.0.1:11434").rstrip("/")


def _root(api_base: str) -> str:
    parts = urlsplit(api_base)
    return f"{parts.scheme}://{parts.netloc}"


async def _is_getting_ready(asker: _Asker) -> bool:
    """Return whether llama.cpp loads a model (its server's README, GET /health); another 503 is an error."""
    health = await asker.ask("GET", "/health", status=503)
    return "Loading model" in str(health.get("error"))


async def _identify(asker: _Asker) -> LocalServer | None:
    """Ask a server for its models. llama.cpp knows some of Ollama's paths as well, but not this one."""
    return await (_ask_ollama(asker) if "version" in await asker.get("/api/version") else _ask_openai(asker))


async def _ask_ollama(asker: _Asker) -> LocalServer:
    """Ask Ollama (https://docs.ollama.com/api): /api/tags lists, /api/show tells a window, /api/ps what is loaded."""
    tags, running = await _gather(asker.get(path) for path in ("/api/tags", "/api/ps"))
    here = [tag for tag in _objects(tags, "models") if not tag.get("remote_host")]  # not its cloud's
    names = list(_by_id(here, "name"))
    names.sort(key=lambda name: _full_name(name) not in _loaded_names(running))
    shown = await _gather(asker.ask("POST", "/api/show", {"model": name}) for name in names)
    models = (_ollama_model(asker.base_url, name, about) for name, about in zip(names, shown, strict=True))
    return LocalServer("ollama", asker.base_url, tuple(model for model in models if model is not None))


def _ollama_model(base_url: str, name: str, about: Found) -> Model | None:
    """Return a model of Ollama, None if it cannot chat.

    It is called by Ollama's own protocol: the OpenAI endpoint ignores `num_ctx` and cuts silently.
    """
    capabilities = about.get("capabilities")  # older ones do not say
    if isinstance(capabilities, list) and "completion" not in capabilities:
        return None
    info = _object(about, "model_info")
    trained = info.get(f"{info.get('general.architecture')}.context_length")
    ctx = min(OLLAMA_CTX, trained) if isinstance(trained, int) and trained > 0 else OLLAMA_CTX
    sees = isinstance(capabilities, list) and "vision" in capabilities
    return _model("ollama_chat", name, base_url, window=ctx, num_ctx=ctx, sees=sees)


async def _ask_openai(asker: _Asker) -> LocalServer | None:
    """Ask for OpenAI's list of models, with the window if vLLM or llama.cpp tells it."""
    listed, props = await _gather(asker.get(path) for path in ("/v1/models", "/props"))
    busy = await _is_getting_ready(asker)
    base_url = f"{asker.base_url}/v1"
    sees = _object(props, "modalities").get("vision") is True  # llama.cpp's way to say so; others do not tell
    models = tuple(
        _model("hosted_vllm", name, base_url, window=_window(item, props), sees=sees)
        for name, item in _by_id(_objects(listed, "data"), "id").items()
        if "embed" not in name.lower()  # LM Studio lists its embedding models too
    )
    return LocalServer("openai", base_url, models, loading=busy) if models or busy else None


def _window(item: Found, props: Found) -> int | None:
    """Return the window: vLLM says `max_model_len`, llama.cpp's /props what one slot holds, which one stream gets."""
    window = item.get("max_model_len") or _object(props, "default_generation_settings").get("n_ctx")
    return window if isinstance(window, int) and window > 0 else None


def _model(
    prefix: str, name: str, base_url: str, *, window: int | None, sees: bool, num_ctx: int | None = None
) -> Model:
    """Return a local model. `hosted_vllm/` is litellm's cheaper way to any OpenAI-compatible server, without a key."""
    return Model(
        key=name,
        litellm=f"{prefix}/{name}",
        name=name.rpartition("/")[2].removesuffix(".gguf").removesuffix(":latest")[:_NAME_CHARS].strip() or "model",
        provider=provider_of(prefix, base_url),
        api_base=base_url,
        price=LOCAL,
        window=window,
        window_source="server" if window else "",
        num_ctx=num_ctx,
        sees=sees,
    )


async def _gather(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in asked]
    return [task.result() for task in tasks]


def _object(found: Found, key: str) -> Found:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _objects(found: Found, key: str) -> list[Found]:
    """Return the objects of a list, whatever else an odd server put there."""
    items = found.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _by_id(items: Iterable[Found], key: str) -> dict[str, Found]:
    """Return the first few objects by their id. One that cannot be printed could be neither shown nor asked for."""
    named = {str(item[key]): item for item in items if key in item}
    return {name: named[name] for name in list(named)[:_MOST_MODELS] if name and name.isprintable()}


def _loaded_names(running: Found) -> set[str]:
    return {_full_name(str(item.get("name", ""))) for item in _objects(running, "models")}


def _full_name(name: str) -> str:
    """Return Ollama's full name of a model: without a tag it means `:latest`."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
