from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from bot.domain.run import Price
from bot.models import prices
from bot.models.catalogue import (
    KEY_VARIABLES,
    LOCAL,
    OLLAMA_CTX,
    Model,
    has_key,
    key_of,
    key_state,
    provider_of,
    resolve_models,
)
from bot.models.listing import list_configured
from bot.settings.settings import ModelSettings
from tests.support.paths import ROOT

CLAUDE = Price(3.0, 15.0, "litellm", cache_read_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75)
GPT = Price(2.5, 10.0, "litellm", cache_read_usd_per_mtok=1.25)


def resolved(litellm: str, **settings: object) -> Model:
    return resolve_models({"m": ModelSettings.model_validate({"litellm": litellm, **settings})})["m"]


def asked(prefix: str) -> Model:
    return Model("m", f"{prefix}/x", "M", prefix)


# Prices and windows


def test_the_map_tells_price_and_window() -> None:
    claude = resolved("anthropic/claude-sonnet-4-5")
    assert claude.price == CLAUDE
    assert (claude.window, claude.window_source) == (200_000, "litellm")
    assert resolved("openai/gpt-4-turbo").price == Price(10.0, 30.0, "litellm")
    assert resolved("gpt-4o").price == resolved("openai/gpt-4o").price == GPT


def test_settings_win_over_the_map_each_for_itself() -> None:
    model = resolved("gpt-4o", output_usd_per_mtok=7, context_window=9000)
    assert model.price == replace(GPT, output_usd_per_mtok=7.0, source="settings and litellm")
    assert (model.window, model.window_source) == (9000, "settings")
    assert resolved("nobody/knows", input_usd_per_mtok=0, output_usd_per_mtok=0).price == Price(0, 0, "settings")


def test_what_the_map_does_not_know_is_unknown() -> None:
    model = resolved("nobody/knows")
    assert (model.price, model.window, model.window_source) == (None, None, "")
    assert resolved("nobody/knows", input_usd_per_mtok=1).price is None  # half a price is none


def test_a_price_of_nothing_in_the_map_is_unknown() -> None:
    known: prices.PriceMap = {
        "a": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
        "b": {"input_cost_per_token": 1e-6},
        "c": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "litellm_provider": "p"},
    }
    assert [prices.find_price(name, known) for name in ("a", "b", "c", "p/c", "q/c")] == [
        None,
        None,
        Price(1.0, 2.0, "litellm"),
        Price(1.0, 2.0, "litellm"),
        None,  # another provider's model of the same name
    ]


def test_only_a_server_on_this_machine_is_free() -> None:
    assert resolved("hosted_vllm/x", api_base="http://127.0.0.1:8080/v1").price == LOCAL
    assert resolved("ollama_chat/x").price == LOCAL
    assert resolved("hosted_vllm/x", api_base="https://rented.example/v1").price is None
    assert resolved("openai/gpt-4o", api_base="http://127.0.0.1:4000").price == GPT  # a proxy


def test_ollama_is_told_the_window_that_it_is_asked_to_fit() -> None:
    plain, told = resolved("ollama_chat/qwen3"), resolved("ollama_chat/qwen3", context_window=32_768)
    assert (plain.num_ctx, plain.window, plain.window_source) == (OLLAMA_CTX, OLLAMA_CTX, "default")
    assert (told.num_ctx, told.window, told.window_source) == (32_768, 32_768, "settings")
    assert resolved("gpt-4o").num_ctx is None


# Names, providers and keys


def test_every_value_of_the_settings_arrives() -> None:
    model = resolved(
        "openai/x", name="X", api_key="k", api_base="http://u:p@h:1/v1", temperature=0.5, max_tokens=7, concurrency=2
    )
    assert (model.key, model.name, model.api_key, model.api_base) == ("m", "X", "k", "http://u:p@h:1/v1")
    assert (model.temperature, model.max_tokens, model.concurrency) == (0.5, 7, 2)
    assert resolved("openai/x").name == "m"
    assert "'k'" not in repr(model)


def test_models_share_the_limit_of_their_endpoint() -> None:
    assert resolved("anthropic/claude-sonnet-4-5").provider == resolved("claude-sonnet-4-5").provider == "anthropic"
    assert resolved("gpt-nobody-knows").provider == "openai"
    assert provider_of("openai", "http://user:secret@127.0.0.1:4000/v1") == "openai@127.0.0.1:4000"


def test_where_a_key_is_found() -> None:
    claude = asked("anthropic")
    assert key_state(claude, {}) == "missing: set ANTHROPIC_API_KEY"
    assert key_state(claude, {"ANTHROPIC_API_KEY": ""}) == "missing: set ANTHROPIC_API_KEY"
    assert key_state(claude, {"ANTHROPIC_AUTH_TOKEN": "t"}) == "in ANTHROPIC_AUTH_TOKEN"
    assert key_state(asked("hosted_vllm"), {}) == "not needed"
    assert key_state(asked("bedrock"), {}) == "left to litellm"
    assert [has_key(asked(p), {}) for p in ("anthropic", "hosted_vllm", "bedrock")] == [False, True, True]


def test_the_key_of_the_settings_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    monkeypatch.setenv("MY_KEY", "mine")
    assert key_state(resolved("openai/x", api_key="here")) == "set here"
    assert key_of(resolved("openai/x", api_key="here")) == "here"
    named = resolved("openai/x", api_key="env:MY_KEY")
    assert (named.api_key, key_state(named), key_of(named)) == ("mine", "in MY_KEY", "mine")
    assert key_of(resolved("openai/x")) == "theirs"


def test_a_named_variable_that_is_empty_is_missing_whatever_else_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    monkeypatch.delenv("MY_KEY", raising=False)
    named = resolved("openai/x", api_key="env:MY_KEY")
    assert key_state(named) == "missing: set MY_KEY"
    assert key_of(named) is None


def test_litellm_reads_the_same_variables() -> None:
    """In a process of its own, with an empty environment, for litellm looks at the real one."""
    program = f"""
import os, litellm
for provider, names in {dict(KEY_VARIABLES)!r}.items():
    assert litellm.validate_environment(provider + "/x")["missing_keys"], provider
    for name in names:
        os.environ[name] = "k"
        assert litellm.validate_environment(provider + "/x")["keys_in_environment"], name
        del os.environ[name]
"""
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_catalogue_does_not_import_litellm() -> None:
    program = """
import sys
from bot.models.catalogue import key_state, resolve_models
from bot.settings.settings import ModelSettings
model = resolve_models({"m": ModelSettings(litellm="gpt-4o")})["m"]
assert model.price and key_state(model)
assert "litellm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_rows_say_each_value_with_its_source() -> None:
    (row,) = list_configured([resolved("anthropic/claude-sonnet-4-5", name="Claude")], {})
    assert (row.key, row.litellm, row.name) == ("m", "anthropic/claude-sonnet-4-5", "Claude")
    assert (row.key_state, row.window, row.window_source) == ("missing: set ANTHROPIC_API_KEY", 200_000, "litellm")
    assert row.price == CLAUDE
