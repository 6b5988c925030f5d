"""The catalogue of models: as configured, with what litellm's price map knows of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from bot.domain.run import Effort, Price
from bot.models import prices
from bot.models.errors import ProviderError
from bot.models.library_prices import find_library_price, find_library_window
from bot.network import clean_address, clean_key
from bot.settings.key_sources import BY_VARIABLE, KeyFile, find_holder, find_key_fault, read_key
from bot.settings.settings import DeadlineSettings, ModelSettings

log = structlog.get_logger()

LOCAL = Price(0.0, 0.0, "local")
ANSWER_TOKENS = 1200  # of an answer, where the settings say nothing and the model does not think
OLLAMA_CTX = 8192  # tokens: a round of answers with their question; more costs memory on machines that have little

_OLLAMA = ("ollama_chat", "ollama")
_SELF_HOSTED = (
    *_OLLAMA,
    "hosted_vllm",
    "vllm",
    "lm_studio",
    "llamafile",
    "oobabooga",
    "xinference",
    "docker_model_runner",
)
OPENAI_COMPATIBLE = ("openai/", "hosted_vllm/")  # how litellm's names of such endpoints begin
_TAKE_OPENAI_KEY = (*OPENAI_COMPATIBLE, "text-completion-openai/", "custom_openai/")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# The variables in which litellm looks for a provider's key: any one of them will do. They are those of
# litellm.validate_environment (a test compares), which is not called here: importing it takes 1.5 s, and for some
# providers it calls out. We ask for no key of providers that are not listed: some have other ways (cloud credentials,
# device log-in), which litellm knows.
KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "ai21": ("AI21_API_KEY",),
    "ai21_chat": ("AI21_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "codestral": ("CODESTRAL_API_KEY",),
    "cohere": ("COHERE_API_KEY",),
    "dashscope": ("DASHSCOPE_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY",),
    "replicate": ("REPLICATE_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY",),
    "vercel_ai_gateway": ("VERCEL_AI_GATEWAY_API_KEY",),
    "volcengine": ("VOLCENGINE_API_KEY",),
    "xai": ("XAI_API_KEY",),
}

# The domains of providers whose keys go to an `api_base` there without being named: a region, or the usual address
# written out. To any other host goes only the key that the settings name for it.
_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "ai21": ("ai21.com",),
    "ai21_chat": ("ai21.com",),
    "anthropic": ("anthropic.com", "claude.com"),
    "cerebras": ("cerebras.ai",),
    "codestral": ("mistral.ai",),
    "cohere": ("cohere.ai", "cohere.com"),
    "dashscope": ("aliyuncs.com",),
    "deepinfra": ("deepinfra.com",),
    "deepseek": ("deepseek.com",),
    "fireworks_ai": ("fireworks.ai",),
    "gemini": ("googleapis.com",),
    "groq": ("groq.com",),
    "mistral": ("mistral.ai",),
    "moonshot": ("moonshot.ai", "moonshot.cn"),
    "nebius": ("nebius.ai", "nebius.com"),
    "novita": ("novita.ai",),
    "nvidia_nim": ("nvidia.com",),
    "openai": ("openai.com",),
    "openrouter": ("openrouter.ai",),
    "perplexity": ("perplexity.ai",),
    "replicate": ("replicate.com",),
    "together_ai": ("together.ai", "together.xyz"),
    "vercel_ai_gateway": ("vercel.sh",),
    "volcengine": ("volces.com",),
    "xai": ("x.ai",),
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model that can be called. `provider` names the limit it shares: one gate and one circuit a provider."""

    key: str
    litellm: str
    name: str
    provider: str
    api_key: str | None = field(default=None, repr=False)  # None: litellm's own variable
    api_base: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    concurrency: int = 4
    requests_per_minute: int | None = None  # None: as many as the provider takes
    tokens_per_minute: int | None = None
    price: Price | None = None
    window: int | None = None  # tokens
    window_source: str = ""  # "settings", "litellm", "genai-prices", "server", "default" (what Ollama is told to load)
    num_ctx: int | None = None  # Ollama only: the window it is told to load
    sees: bool = False  # images; if False they are described in words, as many models would refuse the question
    avatar_url: str = ""
    key_variable: str = ""  # the variable that the settings name for the key; "" if they name none
    key_file: str = ""  # the file that they name for it, likewise
    search: str = ""  # litellm's search provider; such a model speaks no words of its own
    results: int = 0  # the pages that a search is asked for
    effort: Effort | None = None  # None: its own
    thinks: bool = False  # by itself, where no effort is asked of it
    params: Mapping[str, Any] = field(default_factory=dict)  # sent along as they are
    deadlines: DeadlineSettings | None = None  # None: those of all models
    is_litellm_proxy: bool = False  # its endpoint, which divides the bill by who asks
    proxy: bool = False  # the environment's proxy takes it even on a private address
    fallbacks: tuple[str, ...] = ()  # keys of the models that are asked where it cannot be


def resolve_models(models: Mapping[str, ModelSettings]) -> dict[str, Model]:
    """Resolve every configured model, by its key. Settings win over the price map; each value keeps its source."""
    known = prices.read_map() if models else {}
    return {key: _model(key, settings, known) for key, settings in models.items()}


def _model(key: str, settings: ModelSettings, known: prices.PriceMap) -> Model:
    prefix, api_base = _prefix(settings.litellm, known), settings.api_base or None
    window, source = _window(settings, prefix, known)
    thinks = prices.has_thinking(settings.litellm, known)
    return Model(
        key=key,
        litellm=settings.litellm,
        name=settings.name or key,
        provider=provider_of(prefix, api_base),
        api_key=settings.resolve_key(),
        api_base=api_base,
        temperature=settings.temperature,
        max_tokens=_answer_limit(settings, thinks),
        effort=settings.effort,
        thinks=thinks,
        params=settings.params,
        deadlines=settings.deadlines,
        concurrency=settings.concurrency,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        price=_price(settings, prefix, known),
        window=window,
        window_source=source,
        num_ctx=window if prefix in _OLLAMA else None,
        sees=prices.has_vision(settings.litellm, known) if settings.vision is None else settings.vision,
        avatar_url=settings.avatar_url,
        key_variable=named_variable(settings.api_key),
        key_file=settings.api_key.path if isinstance(settings.api_key, KeyFile) else "",
        is_litellm_proxy=settings.litellm_proxy,
        proxy=settings.proxy,
        fallbacks=tuple(settings.fallbacks),
    )


def _answer_limit(settings: ModelSettings, thinks: bool) -> int | None:
    """Return the most tokens of an answer; None: no limit, as where thinking would use up any that we could set."""
    if settings.max_tokens is not None:
        return settings.max_tokens or None
    return None if thinks and settings.effort != "none" else ANSWER_TOKENS


def _prefix(litellm: str, known: prices.PriceMap) -> str:
    """Return litellm's name for the provider: before the slash, or for a bare model name what the map says."""
    prefix, slash, _ = litellm.partition("/")
    return prefix if slash else str(prices.find_entry(litellm, known).get("litellm_provider", "openai"))


def provider_of(prefix: str, api_base: str | None) -> str:
    """Name a provider, as "anthropic" or "openai@127.0.0.1:8080": endpoints have limits of their own."""
    return f"{prefix}@{urlsplit(api_base).netloc.rpartition('@')[2]}" if api_base else prefix


def _window(settings: ModelSettings, prefix: str, known: prices.PriceMap) -> tuple[int | None, str]:
    if settings.context_window is not None:
        return settings.context_window, "settings"
    listed = prices.find_window(settings.litellm, known)
    if prefix in _OLLAMA:
        return min(OLLAMA_CTX, listed or OLLAMA_CTX), "default"
    if listed is None and not _is_local(prefix, settings.api_base):
        other = find_library_window(prefix, _bare_name(settings.litellm), settings.api_base)
        return other, "genai-prices" if other else ""
    return listed, "litellm" if listed else ""


def _price(settings: ModelSettings, prefix: str, known: prices.PriceMap) -> Price | None:
    per_input, per_output = settings.input_usd_per_mtok, settings.output_usd_per_mtok
    cached = settings.cache_read_usd_per_mtok, settings.cache_write_usd_per_mtok
    if per_input is not None and per_output is not None:
        return Price(per_input, per_output, "settings", 0.0, *cached)
    if _is_local(prefix, settings.api_base):
        return LOCAL
    listed = _find_listed(settings, prefix, known)
    own = {name: rate for name in _RATES if (rate := getattr(settings, name)) is not None}
    if listed is None or not own:
        return listed
    steps = tuple(replace(step, **own) for step in listed.steps)
    return replace(listed, **own, steps=steps, source=f"settings and {listed.source}")


_RATES = ("input_usd_per_mtok", "output_usd_per_mtok", "cache_read_usd_per_mtok", "cache_write_usd_per_mtok")


def _find_listed(settings: ModelSettings, prefix: str, known: prices.PriceMap) -> Price | None:
    """Return the price in litellm's map, or else in genai-prices. One that cannot be is left out, and logged."""
    try:
        name = _bare_name(settings.litellm)
        return prices.find_price(settings.litellm, known) or find_library_price(
            prefix, name, settings.api_base, time.time()
        )
    except ValueError as error:
        log.warning("a listed price cannot be right, and is unknown", model=settings.litellm, price=str(error))
        return None


def _bare_name(litellm: str) -> str:
    prefix, slash, name = litellm.partition("/")
    return name if slash else prefix


def _is_local(prefix: str, api_base: str | None) -> bool:
    """Return whether it runs on this machine; another host may well be rented, so its price is unknown."""
    if api_base is None:
        return prefix in _OLLAMA
    return prefix in _SELF_HOSTED and urlsplit(api_base).hostname in LOOPBACK


def named_variable(secret: SecretStr | None) -> str:
    """Return the variable that a setting names for a key; "" if it names none."""
    value = secret.get_secret_value() if secret else ""
    return value.removeprefix(BY_VARIABLE) if value.startswith(BY_VARIABLE) else ""


def prefix_of(model: Model) -> str:
    """Return litellm's name for the model's provider."""
    return model.provider.partition("@")[0]


def find_own_host_provider(model: Model) -> str:
    """Return the name of the provider that asks for one key, and at whose own hosts a model is asked; else ""."""
    prefix = prefix_of(model)
    return prefix if prefix in KEY_VARIABLES and not model.search and _is_own_host(model) else ""


def key_state(model: Model, environ: Mapping[str, str] = os.environ) -> str:
    """Return one of: "set here", "in NAME", "not needed", "left to litellm", "missing: set NAME", "unusable: …".

    NAME is a variable or a file. It says what is there, not whether the provider accepts it: nobody is asked.
    """
    if model.api_key is not None and not model.key_variable:
        return f"in {model.key_file}" if model.key_file else "set here"
    names = _key_variables(model)
    if not names:
        return "left to litellm" if prefix_of(model) not in (*_SELF_HOSTED, *KEY_VARIABLES) else "not needed"
    if found := _find_variable(model, environ):
        return f"in {find_holder(found, environ)}"
    if fault := next(filter(None, (find_key_fault(name, environ) for name in names)), ""):
        return f"unusable: {fault}"
    return f"missing: set {names[0]}"


def has_key(model: Model, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a run may seat this model."""
    return not key_state(model, environ).startswith(("missing", "unusable"))


def key_of(model: Model, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the key itself, from the settings or from the variable that litellm would read."""
    if model.api_key is not None:
        return model.api_key
    found = _find_variable(model, environ)
    return read_key(found, environ) if found else None


def sent_key(model: Model, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the key that is handed to litellm; None where litellm looks for it itself.

    litellm wants a key for most providers, and would take the provider's own to any endpoint.
    """
    is_elsewhere = model.api_key is None or model.key_variable != ""
    if is_elsewhere and _find_variable(model, environ) == "ANTHROPIC_AUTH_TOKEN":
        return None  # litellm sends it by another header than a key
    key = key_of(model, environ)
    is_known = prefix_of(model) in KEY_VARIABLES or model.litellm.startswith(_TAKE_OPENAI_KEY)
    return "none" if key is None and model.api_base and is_known else key


def check_sendable(model: Model) -> None:
    """Raise ProviderError where nothing could be sent with a model's key and address, so that no provider is blamed.

    Settings are checked where they are read; variables that litellm reads by itself are not.
    """
    prefix = prefix_of(model).upper().removesuffix("_CHAT").replace("-", "_")
    variables = [] if model.api_base else [f"{prefix}_API_BASE", f"{prefix}_BASE_URL"]
    addresses = {"api_base": model.api_base, **{name: os.environ.get(name) for name in variables}}
    where = "its key"
    try:
        clean_key(model.api_key or "")
        for where, address in addresses.items():  # noqa: B007  # what is told of an error
            if address and clean_address(address) != address:
                raise ValueError("take the blanks and quotes around it away")
    except ValueError as error:
        raise ProviderError("ours", f"nothing was sent, as {where} is written wrongly: {error}") from None


def _find_variable(model: Model, environ: Mapping[str, str]) -> str | None:
    return next((name for name in _key_variables(model) if read_key(name, environ)), None)


def _key_variables(model: Model) -> tuple[str, ...]:
    """Return the variables in which a model's key may be; none where none is needed or named for its host."""
    if model.key_variable:
        return (model.key_variable,)
    return KEY_VARIABLES.get(prefix_of(model), ()) if _is_own_host(model) else ()


def _is_own_host(model: Model) -> bool:
    """Return whether a model is asked at its provider's own hosts."""
    host = urlsplit(model.api_base or "").hostname
    return not host or any(f".{host}".endswith(f".{domain}") for domain in _DOMAINS.get(prefix_of(model), ()))
