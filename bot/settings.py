"""Every setting: read from moot.toml, the environment (MOOT_…, `__` between levels) and .env."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from io import StringIO
from math import ceil, inf
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from dotenv.parser import parse_stream
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
    DotEnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.sources.utils import parse_env_vars

from bot.domain.run import Effort, Price, Search
from bot.domain.spending import Caps
from bot.errors import Misconfigured
from bot.network import clean_key
from bot.platform_settings import DiscordSettings, ServerSettings, SlackSettings
from bot.setting_types import Address, Key, Secret, Strict, Sum, UsdPerMtok
from bot.text import decode_text

FILE = "moot.toml"
DOTENV = ".env"
MAX_SEATS = 12  # at one table
MAX_TEMPERATURE = 2.0
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
    idle_timeout_s: PositiveFloat = 30.0
    total_timeout_s: PositiveFloat = 300.0


class ModelSettings(Strict):
    litellm: str = Field(description="any litellm model string")
    name: str = Field("", description="what people see; the key where left out")
    avatar_url: Address = Field("", description="its face on platforms that show one: a picture's public address")
    api_key: Secret | None = Field(None, description='"env:NAME", the key itself, or left out: litellm\'s own')
    api_base: Address | None = Field(None, description="another endpoint: a proxy, vLLM, Ollama, a test server")
    temperature: float | None = Field(None, ge=0, le=MAX_TEMPERATURE)
    effort: Effort | None = Field(None, description="how much it thinks; its own where left out")
    max_tokens: NonNegativeInt | None = Field(
        None, description="of one answer, without its thinking; left out: 1200, or none if it thinks by itself; 0: none"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="sent along as they are, by litellm's names")
    deadlines: DeadlineSettings | None = Field(None, description="of this model, where they differ from all others'")
    concurrency: PositiveInt = Field(4, description="answers at once with this provider")
    input_usd_per_mtok: UsdPerMtok | None = Field(None, description="instead of what is listed")
    output_usd_per_mtok: UsdPerMtok | None = Field(None, description="instead of what is listed")
    cache_read_usd_per_mtok: UsdPerMtok | None = Field(None, description="input from the provider's cache")
    cache_write_usd_per_mtok: UsdPerMtok | None = Field(None, description="input that it keeps there")
    context_window: PositiveInt | None = Field(None, description="tokens")
    proxy: bool = Field(False, description="reach api_base by the environment's proxy even on a private address")
    vision: bool | None = Field(None, description="whether it reads images; as litellm knows where left out")

    @field_validator("params")
    @classmethod
    def _check_params(cls, params: dict[str, Any]) -> dict[str, Any]:
        if ours := sorted(set(params) & OUR_PARAMS):
            raise ValueError(f"{', '.join(ours)}: Moot sets these itself, by settings of their own or none")
        return params

    def resolve_key(self) -> str | None:
        return _resolve_key(self.api_key)


def _resolve_key(secret: SecretStr | None) -> str | None:
    """Return the API key itself; None when none is set here, or the variable that it names is empty."""
    value = secret.get_secret_value() if secret else ""
    return (read_key(value.removeprefix("env:"), os.environ) if value.startswith("env:") else value) or None


def read_key(variable: str, environ: Mapping[str, str]) -> str:
    """Return the key in a variable of the environment; "" where there is none that could be one."""
    try:
        return clean_key(environ.get(variable, ""))
    except ValueError:
        return ""


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
    seats: list[Annotated[SeatSettings, BeforeValidator(expand_seat)]] = Field(min_length=1, max_length=MAX_SEATS)
    chair: str | None = Field(None, description="a model; the first seat's where left out")
    judge: str | None = Field(None, description="a model; the chair's where left out")
    effort: Effort | None = Field(None, description="of seats, chair and judge that have none of their own")


class RetrySettings(Strict):
    """Tries of a request that fails before its first chunk."""

    tries: PositiveInt = 3
    base_s: PositiveFloat = 1.0
    cap_s: PositiveFloat = 10.0


class LimitSettings(Strict):
    question_chars: PositiveInt = 20_000
    remark_chars: PositiveInt = 4_000
    answer_chars: PositiveInt = Field(200_000, description="of one answer with its thinking; what comes then is cut")
    seats: int = Field(MAX_SEATS, ge=2, le=MAX_SEATS, description="at one table, whoever has put it together")
    rounds: int = Field(6, ge=1, le=6, description="of one debate")
    attachments: PositiveInt = Field(4, description="files that may come with a question")
    image_bytes: PositiveInt = Field(3_750_000, description="of one image; 5 MB in base64 is the most that all take")
    pdf_bytes: PositiveInt = Field(10_000_000, description="of one PDF")
    pdf_pages: PositiveInt = Field(50, description="of one PDF that are read; the first ones")
    runs_per_person: PositiveInt = Field(5, description="that one person may have going on at once")
    runs_per_server: PositiveInt = Field(25, description="that may go on at once in one server or workspace")
    runs: PositiveInt = Field(200, description="that may go on at once in this process")
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


class SearchSettings(Strict):
    """The web searches of runs: by a `provider` of litellm's, or by a `model` whose own provider searches for it."""

    default: Search = Field("off", description="where a run does not say: off, auto (a model decides) or on")
    provider: Literal[
        "", "brave", "duckduckgo", "exa_ai", "firecrawl", "linkup", "perplexity", "searxng", "serper", "tavily"
    ] = Field("", description="litellm's name for it")
    model: str = Field("", description="one of the models, instead of a provider")
    api_key: Secret | None = Field(None, description='"env:NAME", the key itself, or left out: litellm\'s own')
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
    input: UsdPerMtok = 5.0
    output: UsdPerMtok = 25.0


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


class StorageSettings(Strict):
    path: Path = Field(Path("moot.db"), description="the SQLite file")


class RestartSettings(Strict):
    """The treatment of runs when the process stops, and of those that a stop or a crash has cut off."""

    grace_s: NonNegativeFloat = Field(5.0, description="how long runs may still take after SIGTERM")
    half_spoken: Literal["again", "keep"] = Field(
        "again", description="a turn that was cut off is asked again, or its words are kept and marked"
    )
    max_age_s: PositiveFloat = Field(86_400.0, description="runs that have lain still for longer are closed instead")


class LogSettings(Strict):
    level: Literal["debug", "info", "warning", "error"] = "warning"
    json_lines: bool = Field(False, description="one JSON object a line, for log collectors")


class Settings(BaseSettings):
    """The whole tree of settings; an earlier source wins over a later one: environment, .env, moot.toml, defaults."""

    model_config = SettingsConfigDict(
        env_prefix="MOOT_",
        env_nested_delimiter="__",
        extra="ignore",  # .env holds other programs' variables too; moot.toml is checked by `load_settings`
        frozen=True,
    )

    models: dict[Key, ModelSettings] = Field(default_factory=dict)
    panels: dict[Key, PanelSettings] = Field(default_factory=dict)
    deadlines: DeadlineSettings = DeadlineSettings()
    retries: RetrySettings = RetrySettings()
    limits: LimitSettings = LimitSettings()
    council: CouncilSettings = CouncilSettings()
    money: MoneySettings = MoneySettings()
    search: SearchSettings = SearchSettings()
    storage: StorageSettings = StorageSettings()
    restart: RestartSettings = RestartSettings()
    log: LogSettings = LogSettings()
    servers: dict[str, ServerSettings] = Field(default_factory=dict)
    discord: DiscordSettings | None = None
    slack: SlackSettings | None = None
    prompts: Path | None = Field(None, description="a folder whose files replace prompts of the same name")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _DotenvSource(settings_cls), InitSettingsSource(settings_cls, read_toml())

    def server_settings(self, key: str) -> ServerSettings:
        """Return the settings of the server of that key, such as "discord:1": a platform's name and the id there.

        The key of a direct message ends in the person ("slack:T1:@U1"); the settings of its workspace hold.
        """
        _, _, server = key.partition(":")
        named = self.servers.get(server.partition(":")[0])
        return named or self.servers.get("default") or ServerSettings()


def read_operator_file(path: Path) -> str:
    """Return the text of a file that an operator wrote; "" where there is none. Raises Misconfigured."""
    try:
        return decode_text(path.read_bytes())
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} cannot be read: it is no text in UTF-8. Save it as UTF-8.") from error


def read_toml() -> dict[str, Any]:
    """Return what moot.toml holds. Raises Misconfigured."""
    text = read_operator_file(Path(FILE))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{FILE} is not valid TOML: {error}{_find_remedy(text, str(error))}.") from error


def _find_remedy(text: str, mistake: str) -> str:
    """Return how the line of a mistake is written rightly, behind a colon; "" where that is not known."""
    if mistake.startswith("Cannot "):
        return ": the same name stands there twice"
    number = re.search(r"at line (\d{1,9})", mistake)
    lines = text.splitlines()
    line = lines[int(number[1]) - 1].strip()[:500] if number and int(number[1]) <= len(lines) else ""
    return next((f": {remedy}" for sign, remedy in _REMEDIES if sign.search(line)), "")


_REMEDIES = (  # what a line has, and how it is written
    (re.compile(r"=[\s\d.,]*(?:[$€£¥]|USD?\b|EUR\b)"), "US dollars are written as a number alone, 3.0"),
    (re.compile(r"=\s*\d+,\d"), "a fraction has a point, 3.0, and thousands have nothing, 1000"),
    (re.compile("[“”„‘’«»]"), 'values stand in plain quotes, "…"'),
    (re.compile("[\u00a0\u200b\ufeff]"), "it holds an invisible character that was copied with it: type the line anew"),
    (re.compile(r"^\[[^\]]*[^\w\s.\-\[\]]"), 'a name with such signs stands in quotes, [models."qwen3:8b"]'),
    (re.compile(r"=\s*(?:True|False|yes|no|on|off)\b"), "it is true or false, in small letters"),
    (re.compile(r"\\"), "a path of Windows stands in single quotes"),
    (re.compile(r"=\s*[A-Za-z]"), 'a text stands in quotes, name = "value"'),
    (re.compile("^[^=]+:"), 'a setting is written name = "value"'),
)


def read_dotenv() -> dict[str, str | None]:
    """Return the variables of .env. Raises Misconfigured where one that is meant for us cannot be read."""
    written = list(parse_stream(StringIO(read_operator_file(Path(DOTENV)))))
    for one in written:
        is_good = not one.error and (one.key is None or (one.value is not None and one.key.isidentifier()))
        if not is_good and _OURS.search(one.original.string):
            raise Misconfigured(f"{DOTENV}: line {one.original.line}: a variable is written NAME=value, on one line.")
    return dotenv_values(stream=StringIO("".join(one.original.string for one in written if not one.error)))


_OURS = re.compile("MOOT[_-]|[_-](?:KEY|TOKEN|SECRET)")  # in a line that may hold one of our variables


class _DotenvSource(DotEnvSettingsSource):
    """The variables of .env, in whatever encoding it was written."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return parse_env_vars(read_dotenv())
