"""Every setting: read from moot.toml, the environment (MOOT_…, `__` between levels) and .env."""

from __future__ import annotations

import os
from math import ceil, inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.domain.run import Effort, Price, Search
from bot.domain.spending import Caps
from bot.settings.files import DotenvSource, read_toml
from bot.settings.key_sources import BY_VARIABLE, read_key
from bot.settings.operations import ClusterSettings, LogSettings, MetricsSettings, RestartSettings, TracingSettings
from bot.settings.platforms import DiscordSettings, ServerSettings, SlackSettings
from bot.settings.value_types import (
    MAX_ROUNDS,
    MAX_SEATS,
    Address,
    FilePath,
    Key,
    PostgresUrl,
    Runs,
    SealingKeys,
    Secret,
    Strict,
    Sum,
    UsdPerMtok,
)

MAX_TEMPERATURE = 2.0
PROXIED = ("litellm_proxy/", "openai/", "hosted_vllm/")  # how names of models behind a LiteLLM proxy begin
KEY_REFERENCE = '"env:NAME", "file:/run/secrets/NAME", the key itself, or left out: litellm\'s own variable'
OUR_PARAMS = frozenset(
    {
        "api_base",
        "api_key",
        "allowed_openai_params",
        "base_url",
        "drop_params",
        "max_retries",
        "max_tokens",
        "messages",
        "mock_response",
        "model",
        "num_ctx",
        "reasoning_effort",
    }
    | {"response_format", "stream", "stream_options", "temperature", "tool_choice", "tools", "web_search_options"}
)  # what a model's `params` may not hold


class DeadlineSettings(Strict):
    first_token_timeout_s: PositiveFloat = Field(60.0, description="who thinks, or loads first, may take the total")
    idle_timeout_s: PositiveFloat = Field(30.0, description="between two pieces of an answer")
    total_timeout_s: PositiveFloat = Field(300.0, description="from the call to the answer's end")


class ModelSettings(Strict):
    litellm: str = Field(min_length=1, description="any litellm model string")
    name: str = Field("", description="what people see; the key where left out")
    avatar_url: Address = Field("", description="its face on platforms that show one: a picture's public address")
    api_key: Secret | None = Field(None, description=KEY_REFERENCE)
    api_base: Address | None = Field(None, description="another endpoint: a proxy, vLLM, Ollama, a test server")
    temperature: float | None = Field(
        None, ge=0, le=MAX_TEMPERATURE, description="0 to 2; the provider's own where left out"
    )
    effort: Effort | None = Field(None, description="how much it thinks; its own where left out")
    max_tokens: NonNegativeInt | None = Field(
        None, description="of one answer, without its thinking; left out: 1200, or none if it thinks by itself; 0: none"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="sent along as they are, by litellm's names")
    deadlines: DeadlineSettings | None = Field(None, description="of this model, where they differ from all others'")
    concurrency: PositiveInt = Field(4, description="answers at once with this provider")
    requests_per_minute: int | None = Field(None, ge=1, le=1_000_000, description="that this model is asked")
    tokens_per_minute: int | None = Field(None, ge=1_000, le=1_000_000_000, description="that it reads and writes")
    fallbacks: list[Key] = Field(
        default_factory=list,
        description="models that are asked instead where it is down, used up or refuses its key",
    )
    input_usd_per_mtok: UsdPerMtok | None = Field(None, description="instead of what is listed")
    output_usd_per_mtok: UsdPerMtok | None = Field(None, description="instead of what is listed")
    cache_read_usd_per_mtok: UsdPerMtok | None = Field(None, description="input from the provider's cache")
    cache_write_usd_per_mtok: UsdPerMtok | None = Field(None, description="input that it keeps there")
    context_window: PositiveInt | None = Field(None, description="tokens")
    proxy: bool = Field(False, description="reach api_base by the environment's proxy even on a private address")
    litellm_proxy: bool = Field(False, description="api_base is a LiteLLM proxy; its ledger is told who asks")
    vision: bool | None = Field(None, description="whether it reads images; as litellm knows where left out")

    @field_validator("params")
    @classmethod
    def _check_params(cls, params: dict[str, Any]) -> dict[str, Any]:
        if ours := sorted(set(params) & OUR_PARAMS):
            raise ValueError(f"{', '.join(ours)}: Moot sets these itself, by settings of their own or none")
        return params

    @model_validator(mode="after")
    def _check_proxy(self) -> ModelSettings:
        if self.litellm_proxy and not (self.api_base and self.litellm.startswith(PROXIED)):
            raise ValueError(f"litellm_proxy needs api_base, and a name that begins with {', '.join(PROXIED)}")
        return self

    def resolve_key(self) -> str | None:
        return _resolve_key(self.api_key)


def _resolve_key(secret: SecretStr | None) -> str | None:
    """Return the API key itself; None when none is set here, or the variable that it names is empty."""
    value = secret.get_secret_value() if secret else ""
    return (read_key(value.removeprefix(BY_VARIABLE), os.environ) if value.startswith(BY_VARIABLE) else value) or None


class SeatSettings(Strict):
    model: str
    name: str = ""
    persona: str = Field("", description="one from the library, or free text")
    temperature: float | None = Field(None, ge=0, le=MAX_TEMPERATURE)
    max_tokens: PositiveInt | None = None
    effort: Effort | None = None


def expand_seat(seat: Any) -> Any:
    """Expand a seat that is written as the name of its model alone."""
    return {"model": seat} if isinstance(seat, str) else seat


class PanelSettings(Strict):
    seats: list[Annotated[SeatSettings, BeforeValidator(expand_seat)]] = Field(
        min_length=1, max_length=MAX_SEATS, description="names of models, or tables of these settings"
    )
    chair: str | None = Field(None, description="a model; the first seat's where left out")
    judge: str | None = Field(None, description="a model; the chair's where left out")
    effort: Effort | None = Field(None, description="of seats, chair and judge that have none of their own")


class RetrySettings(Strict):
    """Tries of a request that fails before its first chunk."""

    tries: PositiveInt = Field(3, description="the first one included")
    base_s: PositiveFloat = Field(1.0, description="the wait before the second; each further one is twice as long")
    cap_s: PositiveFloat = Field(10.0, description="the longest wait")


class LimitSettings(Strict):
    question_chars: PositiveInt = Field(20_000, description="of one question")
    remark_chars: PositiveInt = Field(4_000, description="of one remark")
    answer_chars: PositiveInt = Field(200_000, description="of one answer with its thinking; what comes then is cut")
    seats: int = Field(MAX_SEATS, ge=2, le=MAX_SEATS, description="at one table, whoever has put it together")
    rounds: int = Field(MAX_ROUNDS, ge=1, le=MAX_ROUNDS, description="of one debate")
    attachments: PositiveInt = Field(4, description="files that may come with a question")
    image_bytes: PositiveInt = Field(3_750_000, description="of one image; 5 MB in base64 is the most that all take")
    pdf_bytes: PositiveInt = Field(10_000_000, description="of one PDF")
    pdf_pages: PositiveInt = Field(50, description="of one PDF that are read; the first ones")
    runs_per_person: Runs = Field(5, description="that one person may have going on at once")
    runs_per_channel: Runs = Field(10, description="that may go on at once in one channel and its threads")
    runs_per_server: Runs = Field(25, description="that may go on at once in one server or workspace")
    runs: Runs = Field(200, description="that may go on at once in this process")
    starts_per_person: Runs = Field(10, description="runs that one person may start within a minute")
    starts_per_channel: Runs = Field(20, description="runs that may start in one channel within a minute")
    starts_per_server: Runs = Field(60, description="runs that may start in one server within a minute")
    vote_s: PositiveFloat = Field(600.0, description="how long people may vote after a run's end")
    next_s: PositiveFloat = Field(120.0, description="how long they may vote on a debate's next round")
    pause_s: PositiveFloat = Field(86_400.0, description="how long a run stays paused before it ends as it stands")


class CouncilSettings(Strict):
    """How long a council waits for answers and reviews that are out; between quorum and grace, as long as it pays."""

    quorum: PositiveInt | Annotated[float, Field(gt=0, le=1)] = Field(
        0.6, description="how many answers must be in: a count (3), or a share of the seats (0.6); 1.0 waits for all"
    )
    grace_s: NonNegativeFloat = Field(8.0, description="how long the others may still take then, at most")
    review_quorum: float = Field(0.6, gt=0, le=1, description="the share of the reviews that the chair waits for")
    review_grace_s: NonNegativeFloat = Field(8.0, description="how long the others may still take then, at most")
    deadline_s: PositiveFloat = Field(600.0, description="after which the chair speaks with what is there")

    def answers_needed(self, seats: int) -> int:
        """Return the quorum of that many seats: at least two, as one answer has nothing to be ranked against."""
        wanted = self.quorum if isinstance(self.quorum, int) else ceil(self.quorum * seats)
        return min(max(2, wanted), seats)


class DebateSettings(Strict):
    earlier_rounds: Literal["leave out", "summarise"] = Field(
        "leave out", description="where a window has no room for them; the panel's cheapest model sums up"
    )


class SearchSettings(Strict):
    """The web searches of runs: by a `provider` of litellm's, or by a `model` whose own provider searches for it."""

    default: Search = Field("off", description="where a run does not say: off, auto (a model decides) or on")
    provider: Literal[
        "", "brave", "duckduckgo", "exa_ai", "firecrawl", "linkup", "perplexity", "searxng", "serper", "tavily"
    ] = Field("", description="litellm's name for it")
    model: str = Field("", description="one of the models, instead of a provider")
    api_key: Secret | None = Field(None, description=KEY_REFERENCE)
    api_base: Address | None = Field(None, description="another endpoint: your own SearXNG, a test server")
    results: int = Field(5, ge=1, le=20, description="pages that a provider is asked for")
    concurrency: PositiveInt = Field(4, description="searches at once")
    wait_s: NonNegativeFloat = Field(20.0, description="how long reviews and later rounds wait for it, from the start")
    look_again: bool = Field(False, description="who has answered does so once more with what was found")

    def resolve_key(self) -> str | None:
        return _resolve_key(self.api_key)

    @model_validator(mode="after")
    def _check_one_searcher(self) -> SearchSettings:
        if self.provider and self.model:
            raise ValueError("either provider or model, not both")
        if self.provider == "searxng" and not self.api_base:
            raise ValueError("searxng needs api_base: the address of your instance")
        if self.default != "off" and not (self.provider or self.model):
            raise ValueError(f'default = "{self.default}" needs somebody to search: provider or model')
        return self


class FallbackRates(Strict):
    input: UsdPerMtok = Field(5.0, description="US dollars a million tokens")
    output: UsdPerMtok = Field(25.0, description="US dollars a million tokens")


class MoneySettings(Strict):
    """The limits on spending, and what is asked about first, in US dollars.

    inf: no limit. A day and a month are those of UTC.
    """

    run_usd: Sum = Field(0.50, description="for one run")
    person_day_usd: Sum = Field(2.0, description="for all that one person starts in a day")
    server_day_usd: Sum = Field(10.0, description="for a server or workspace, a day")
    server_month_usd: Sum = Field(inf, description="for a server or workspace, a month")
    month_usd: Sum = Field(inf, description="for all together, a month")
    ask_above_usd: Sum = Field(1.0, description="who starts a run that may cost more is asked first")
    warn_usd: tuple[Sum, ...] = Field((0.50, 1.0), description="the board says when a run has cost more than these")
    fallback_usd_per_mtok: FallbackRates = Field(
        FallbackRates(),
        description="what counts where a model's price is unknown; nine in ten of those listed cost less",
    )

    def fallback_price(self) -> Price:
        return Price(self.fallback_usd_per_mtok.input, self.fallback_usd_per_mtok.output, "fallback")

    def caps(self) -> Caps:
        """Return the limits as they are kept."""
        sums = (self.run_usd, self.person_day_usd, self.server_day_usd, self.server_month_usd, self.month_usd)
        return Caps(*(None if usd == inf else usd for usd in sums))


class OwnKeySettings(Strict):
    """The sealing of keys that servers give for their own runs; without a master key they can give none."""

    master_key: SealingKeys | None = Field(None, description="Fernet keys with commas: the first seals, all open")

    def read_master(self) -> str:
        return self.master_key.get_secret_value() if self.master_key else ""


class StorageSettings(Strict):
    path: FilePath = Field(Path("moot.db"), description="the SQLite file; notes of crashes stand beside it")
    url: PostgresUrl | None = Field(None, description="a PostgreSQL database in place of the file")
    keep_days: PositiveFloat = Field(90.0, description="how long runs are kept from their start; inf: for ever")

    @property
    def location(self) -> Path | str:
        """Return the SQLite file, or the URL of the PostgreSQL database."""
        return self.path if self.url is None else self.url.get_secret_value()


class Settings(BaseSettings):
    """The whole tree of settings; an earlier source wins over a later one: environment, .env, moot.toml, defaults."""

    model_config = SettingsConfigDict(
        env_prefix="MOOT_",
        env_nested_delimiter="__",
        env_ignore_empty=True,  # as in a template that was copied and half filled in
        extra="ignore",  # .env holds other programs' variables too; moot.toml is checked by `load_settings`
        frozen=True,
    )

    models: dict[Key, ModelSettings] = Field(default_factory=dict)
    panels: dict[Key, PanelSettings] = Field(default_factory=dict)
    deadlines: DeadlineSettings = DeadlineSettings()
    retries: RetrySettings = RetrySettings()
    limits: LimitSettings = LimitSettings()
    council: CouncilSettings = CouncilSettings()
    debate: DebateSettings = DebateSettings()
    money: MoneySettings = MoneySettings()
    search: SearchSettings = SearchSettings()
    own_keys: OwnKeySettings = OwnKeySettings()
    storage: StorageSettings = StorageSettings()
    cluster: ClusterSettings = ClusterSettings()
    restart: RestartSettings = RestartSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    servers: dict[str, ServerSettings] = Field(default_factory=dict)
    discord: DiscordSettings | None = None
    slack: SlackSettings | None = None
    prompts: FilePath | None = Field(None, description="a folder whose files replace prompts of the same name")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, DotenvSource(settings_cls), InitSettingsSource(settings_cls, read_toml())

    def server_settings(self, key: str) -> ServerSettings:
        """Return the settings of the server of that key, such as "discord:1": a platform's name and the id there.

        The key of a direct message ends in the person ("slack:T1:@U1"); the settings of its workspace hold.
        """
        _, _, server = key.partition(":")
        named = self.servers.get(server.partition(":")[0])
        return named or self.servers.get("default") or ServerSettings()

    def keep_days(self, key: str) -> float:
        """Return how long runs of the server of that key are kept, in days."""
        return self.server_settings(key).keep_days or self.storage.keep_days
