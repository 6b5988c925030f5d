"""Which key goes where: what `moot models` and `moot doctor` say, and what the wire carries, are one thing."""

from __future__ import annotations

import pytest

from bot.models.catalogue import Model, has_key, key_of, key_state, resolve_models, sent_key
from bot.models.errors import ProviderError
from bot.models.listing import fetch_available
from bot.settings.settings import ModelSettings, RetrySettings
from tests.servers.model_server import ModelServer, answer, model_list
from tests.support.answers import ASK, SEAT, hear, open_speaker


def resolved(litellm: str, **settings: object) -> Model:
    return resolve_models({"m": ModelSettings.model_validate({"litellm": litellm, **settings})})["m"]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MISTRAL_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "sk-theirs-0123456789")
    monkeypatch.setenv("MINE", "“sk-mine-0123456789”\r\n")
    for name in ("UNSET", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("litellm", "settings", "state", "key"),
    [
        ("openai/x", {}, "not needed", "none"),
        ("openai/x", {"api_key": "sk-mine-0123456789\n"}, "set here", "sk-mine-0123456789"),
        ("openai/x", {"api_key": "env:MINE"}, "in MINE", "sk-mine-0123456789"),
        ("hosted_vllm/x", {}, "not needed", "none"),
        ("mistral/x", {}, "not needed", "none"),
        ("gpt-4o", {}, "not needed", "none"),  # without its provider's name in front
    ],
)
async def test_an_endpoint_of_ones_own_gets_the_key_that_is_named_for_it(
    litellm: str, settings: dict[str, str], state: str, key: str
) -> None:
    async with ModelServer() as server:
        server.tell(answer("Tabs."))
        server.tell(model_list("x"), path="/v1/models")
        model = resolved(litellm, api_base=f"{server.url}/v1", **settings)
        async with open_speaker(model) as made:
            assert (await hear(made.speak(SEAT, ASK))).text == "Tabs."
        await fetch_available(model)
    asked, listed = (r for r in server.log if r.path in ("/v1/chat/completions", "/v1/models"))
    assert (key_state(model), asked.headers["Authorization"]) == (state, f"Bearer {key}")
    assert listed.headers.get("Authorization") == (None if key == "none" else f"Bearer {key}")


@pytest.mark.parametrize("litellm", ["anthropic/x", "gemini/x"])
async def test_no_header_carries_a_providers_own_key_elsewhere(litellm: str) -> None:
    async with ModelServer() as server:
        model = resolved(litellm, api_base=server.url)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as made:
            await hear(made.speak(SEAT, ASK))
        with pytest.raises(ProviderError):
            await fetch_available(model)
    assert server.log
    assert not any("theirs" in f"{request.headers}{request.query}" for request in server.log)


@pytest.mark.parametrize(
    ("litellm", "api_base"),
    [
        ("openai/x", "https://eu.api.openai.com/v1"),
        ("openai/x", "https://api.openai.com"),
        ("openai/x", None),
        ("anthropic/x", "https://api.anthropic.com"),
    ],
)
def test_a_providers_own_host_gets_its_key(litellm: str, api_base: str | None) -> None:
    model = resolved(litellm, api_base=api_base)
    assert (key_state(model)[:3], sent_key(model)) == ("in ", "sk-theirs-0123456789")


@pytest.mark.parametrize("host", ["openai.com.example", "notopenai.com", "127.0.0.1", "proxy.example/api.openai.com"])
def test_a_host_that_only_looks_like_it_does_not(host: str) -> None:
    assert sent_key(resolved("openai/x", api_base=f"https://{host}/v1")) == "none"


def test_a_named_variable_that_is_not_set_is_asked_for() -> None:
    model = resolved("openai/x", api_base="http://127.0.0.1:1/v1", api_key="env:UNSET")
    assert (key_state(model), has_key(model)) == ("missing: set UNSET", False)


def test_a_variable_that_can_be_no_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one\nsk-two")
    model = resolved("openai/x")
    assert (key_of(model), has_key(model)) == (None, False)
    assert key_state(model) == "unusable: OPENAI_API_KEY holds what no key can be, so copy it again"


@pytest.mark.parametrize("prefix", ["openai", "hosted_vllm", "anthropic", "gemini", "ollama_chat"])
@pytest.mark.parametrize(
    ("key", "base", "environ"),
    [
        ("k\n1", "http://127.0.0.1:1", {}),
        ("“k” 1", "http://127.0.0.1:1", {}),
        *(("k", base, {}) for base in ("localhost:1/v1", "htp://h/v1", "http://h:99999/v1", "http://[::1/v1", "//h")),
        ("k", None, {"{}_API_BASE": "localhost:11434"}),
    ],
)
async def test_what_cannot_be_sent_is_no_fault_of_the_provider(
    prefix: str, key: str, base: str | None, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name.format(prefix.removesuffix("_chat").upper()), value)
    model = Model("m", f"{prefix}/x", "M", prefix, api_key=key, api_base=base)
    async with open_speaker(model) as made:
        heard = [(await hear(made.speak(SEAT, ASK))).error for _ in range(6)]
        assert {error and error.kind for error in heard} == {"ours"}
        assert not made.open_circuits()
    assert heard[0]
    assert heard[0].text.startswith("nothing was sent, as ")
    assert key == "k" or key not in heard[0].text
