"""The text of a first `moot.toml`, commented, from keys in the environment and servers on this machine. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.cli.provision import USUAL_SEATS
from bot.formats.personas import LIBRARY
from bot.models.catalogue import KEY_VARIABLES, Model
from bot.models.local import make_key
from bot.settings.value_types import MAX_SEATS


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that can sit at the table.

    `variable` is the environment variable of its key; a local model has an `api_base` instead. `versions` is how the
    provider names the versions of it, the number as the group; where it is "", the provider's name means the newest.
    """

    key: str
    name: str
    litellm: str
    variable: str = ""
    api_base: str = ""
    window: int | None = None  # tokens, where a server on this machine reports them
    versions: str = ""

    @property
    def provider(self) -> str:
        """Return litellm's name for its provider."""
        return self.litellm.partition("/")[0]


# One good general model of each provider, the best known first. A test compares them with litellm's price map.
KNOWN = (
    Choice("claude", "Claude", "anthropic/claude-sonnet-5-5", versions=r"anthropic/claude-sonnet-(\d+(?:-\d{1,2})?)"),
    Choice("gpt", "GPT", "openai/gpt-6.1-sol", versions=r"openai/gpt-(\d+(?:\.\d+)?)(?:-sol)?"),
    Choice("gemini", "Gemini", "gemini/gemini-flash-latest"),
    Choice("mistral", "Mistral", "mistral/mistral-large-latest"),
    Choice("deepseek", "DeepSeek", "deepseek/deepseek-v4-flash", versions=r"deepseek/deepseek-v(\d+(?:\.\d+)?)-flash"),
    Choice("grok", "Grok", "xai/grok-4.7", versions=r"xai/grok-(\d+(?:\.\d+)?)"),
    Choice("gpt-oss", "GPT-OSS", "groq/openai/gpt-oss-120b"),
)

# Their like by the one key of OpenRouter, for makers whose own key is not there. A test looks for them in genai-prices.
ROUTED = (
    Choice(
        "claude",
        "Claude",
        "openrouter/anthropic/claude-sonnet-5.5",
        versions=r"openrouter/anthropic/claude-sonnet-(\d+(?:\.\d+)?)",
    ),
    Choice("gpt", "GPT", "openrouter/openai/gpt-6.1-sol", versions=r"openrouter/openai/gpt-(\d+(?:\.\d+)?)(?:-sol)?"),
    Choice(
        "gemini",
        "Gemini",
        "openrouter/google/gemini-3.8-flash",
        versions=r"openrouter/google/gemini-(\d+(?:\.\d+)?)-flash",
    ),
)


def find_hosted_choices(environ: Mapping[str, str]) -> list[Choice]:
    """Return the known models whose keys are set, each maker's once; the keys themselves are not looked at."""
    found: dict[str, Choice] = {}
    for choice in (*KNOWN, *ROUTED):
        if variable := next((name for name in key_variables(choice) if environ.get(name)), ""):
            found.setdefault(choice.key, replace(choice, variable=variable))
    return list(found.values())


def take_newest(choice: Choice, listed: Iterable[str]) -> Choice:
    """Return the choice with its newest version among the models that its provider lists; as it is where none is."""
    versions = {name: found[1] for name in listed if choice.versions and (found := re.fullmatch(choice.versions, name))}
    newest = max(versions, key=lambda name: (float(versions[name].replace("-", ".")), name), default=choice.litellm)
    return replace(choice, litellm=newest)


def key_variables(choice: Choice) -> tuple[str, ...]:
    """Return the environment variables in which litellm looks for the provider's key."""
    return KEY_VARIABLES[choice.provider]


def make_local_choices(models: Iterable[Model], taken: Iterable[str] = ()) -> list[Choice]:
    """Make choices of models that servers on this machine offer, each under a key that is not `taken`.

    Models whose names cannot be printed are left out: TOML could not hold them.
    """
    keys = set(taken)
    choices = []
    for model in models:
        if model.litellm.isprintable():
            key = make_key(model.name, keys)
            keys.add(key)
            choices.append(Choice(key, model.name, model.litellm, api_base=model.api_base or "", window=model.window))
    return choices


def render_settings(models: Sequence[Choice], seats: Sequence[Choice], chair: Choice | None) -> str:
    """Render moot.toml with these models and a panel `default` of `seats`; it holds no key."""
    return "\n\n".join(
        [_HEAD, *(map(_render_model, models) if models else [_NO_MODEL]), *_render_panel(seats, chair), _TAIL]
    )


_HEAD = """\
# Moot's settings. moot.example.toml explains every key. The environment (MOOT_…) wins over .env, .env over this file.
# `moot doctor` looks at everything that is named here."""

_NO_MODEL = """\
# No key and no model server was found here, so no model is named: `moot try` takes what it then finds.
# [models.claude]
# litellm = "anthropic/claude-sonnet-5-5"   # any litellm model string
# name = "Claude"                           # what people see
# api_key = "env:ANTHROPIC_API_KEY"         # the variable to read\
"""

_TAIL = """\
# Tokens belong into the file .env beside this one, never in here: MOOT_DISCORD__TOKEN=… for Discord,
# MOOT_SLACK__BOT_TOKEN=… and MOOT_SLACK__APP_TOKEN=… for Slack. With them `moot doctor` checks the bot, and `moot run`
# starts it. `moot invite discord` prints its link, `moot manifest slack` what Slack makes the app from.

[storage]
path = "moot.db"   # SQLite; one process writes it
"""


def _render_model(choice: Choice) -> str:
    lines = [
        f"[models.{choice.key}]",
        f"litellm = {_quote(choice.litellm)}",
        f"name = {_quote(choice.name)}",
    ]
    if choice.variable:
        lines.append(f"api_key = {_quote(f'env:{choice.variable}')}   # the variable to read; the key stays there")
        lines.append("max_tokens = 4000   # of one answer, without its thinking")
    if choice.api_base:
        lines.append(f"api_base = {_quote(choice.api_base)}   # found on this machine")
    if choice.window:
        lines.append(f"context_window = {choice.window}   # tokens, as the server says")
    return "\n".join(lines)


def _render_panel(seats: Sequence[Choice], chair: Choice | None) -> list[str]:
    """Render the panel: a seat a model; a single model takes three seats with a persona each."""
    if not seats or chair is None:
        return []
    if len(seats) > 1:
        rows = [_quote(seat.key) for seat in seats]
    else:
        rows = [
            f"{{ model = {_quote(seats[0].key)}, persona = {_quote(p)}, name = {_quote(p.capitalize())} }}"
            for p in list(LIBRARY)[:USUAL_SEATS]
        ]
    lines = [
        f"# Who sits at the table, {MAX_SEATS} at most.",
        "[panels.default]",
        "seats = [",
        *(f"    {row}," for row in rows),
        "]",
        f"chair = {_quote(chair.key)}   # sums up a council; judges too, unless `judge` is named",
    ]
    return ["\n".join(lines)]


def _quote(text: str) -> str:
    """Quote printable text as a TOML string, which is JSON's then (https://toml.io/en/v1.0.0#string)."""
    return json.dumps(text, ensure_ascii=False)
