"""How much a model thinks and says, and what is sent along, as it arrives at the provider through the real litellm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from bot.actions.panels import seat_panel
from bot.domain.run import Effort
from bot.models.catalogue import Model, resolve_models
from bot.settings.settings import DeadlineSettings, ModelSettings, PanelSettings
from tests.servers.model_server import ModelServer, Reply, answer, error, replay
from tests.support.answers import ASK, SEAT, collect_deltas, hear, make_model, open_speaker
from tests.support.streams import anthropic, gemini

CHAT = "/v1/chat/completions"
GEMINI = "/models/gemini-2.5-pro:streamGenerateContent"


class Sent(NamedTuple):
    """A model as settings name it, where its provider hears of it, and with what that answers."""

    litellm: str
    path: str
    base: str
    reply: Reply


CLAUDE = Sent(
    "anthropic/claude-sonnet-4-5",
    "/v1/messages",
    "",
    replay(anthropic.make_anthropic(anthropic.text_block("Yes"), sent=9, written=2)),
)
GEMINI_PRO = Sent(
    "gemini/gemini-2.5-pro",
    GEMINI,
    "",
    replay(gemini.make_gemini("gemini-2.5-pro", {"text": "Yes"}, used=gemini.SOME_USAGE)),
)
GPT = Sent("openai/gpt-5-mini", "/chat/completions", "", answer("Yes"))
OWN = Sent("hosted_vllm/qwen3", CHAT, "/v1", answer("Yes"))
LLAMA = Sent("groq/llama-3.3-70b-versatile", "/chat/completions", "", answer("Yes"))
PLAIN = Sent("openai/gpt-4.1", "/chat/completions", "", answer("Yes"))


async def send(sent: Sent, effort: Effort | None = None, **settings: Any) -> Mapping[str, Any]:
    """Return the body that arrives."""
    async with ModelServer() as server:
        server.tell(sent.reply, path=sent.path)
        written = ModelSettings.model_validate(
            {"litellm": sent.litellm, "api_base": f"{server.url}{sent.base}", "api_key": "k-1", **settings}
        )
        [model] = resolve_models({"m": written}).values()
        async with open_speaker(model) as made:
            heard = await hear(made.speak(replace(SEAT, effort=effort), ASK))
        assert (heard.text, heard.error) == ("Yes", None)
        body: Mapping[str, Any] = server.log[-1].body
        return body


@pytest.mark.parametrize(
    ("sent", "effort", "expected"),
    [
        (CLAUDE, "low", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (CLAUDE, "high", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (CLAUDE, "none", {"thinking": None}),
        (CLAUDE, None, {"thinking": None, "temperature": 0.3}),
        (GPT, "low", {"reasoning_effort": "low"}),
        (GPT, None, {"reasoning_effort": None}),
        (OWN, "high", {"reasoning_effort": "high"}),
        (OWN, None, {"reasoning_effort": None, "temperature": 0.3}),
        (LLAMA, "high", {"reasoning_effort": None, "temperature": 0.3}),  # it cannot think
    ],
)
async def test_an_effort_is_asked_for_as_the_provider_takes_it(
    sent: Sent, effort: Effort | None, expected: Mapping[str, Any]
) -> None:
    body = await send(sent, effort, temperature=0.3)
    assert {name: body.get(name) for name in expected} == expected
    if sent is CLAUDE and effort in ("low", "high"):
        assert body.get("temperature") in (None, 1.0), "it takes no other while it thinks"


async def test_gemini_is_given_a_budget() -> None:
    config = (await send(GEMINI_PRO, "medium"))["generationConfig"]
    assert config["thinkingConfig"]["thinkingBudget"] > 0


@pytest.mark.parametrize(
    ("sent", "effort", "max_tokens", "expected"),
    [
        (PLAIN, None, None, 1200),
        (PLAIN, None, 50, 50),
        (PLAIN, None, 0, None),
        (GPT, None, None, None),  # it thinks by itself, and its limit would cut the thinking
        (GPT, None, 500, 500 + 16_384),
        (GPT, "low", 500, 500 + 4_096),
        (CLAUDE, None, None, 1200),  # it thinks on request only
        (CLAUDE, "high", 500, 500 + 32_768),
        (CLAUDE, "none", 500, 500),
    ],
)
async def test_a_limit_counts_the_answer_and_leaves_room_for_thinking(
    sent: Sent, effort: Effort | None, max_tokens: int | None, expected: int | None
) -> None:
    body = await send(sent, effort, **({} if max_tokens is None else {"max_tokens": max_tokens}))
    assert body.get("max_tokens", body.get("max_completion_tokens")) == expected


async def test_a_router_is_looked_through_for_a_model_that_thinks() -> None:
    models = resolve_models({"m": ModelSettings(litellm="openrouter/openai/gpt-5")})
    assert models["m"].max_tokens is None


async def test_params_arrive_as_they_are() -> None:
    params = {"top_p": 0.9, "seed": 7, "top_k": 40, "extra_body": {"repetition_penalty": 1.1}}
    body = await send(OWN, params=params)
    assert {name: body[name] for name in ("top_p", "seed", "top_k", "repetition_penalty")} == {
        "top_p": 0.9,
        "seed": 7,
        "top_k": 40,
        "repetition_penalty": 1.1,
    }


@pytest.mark.parametrize(
    "name",
    ["api_key", "messages", "max_tokens", "stream", "model", "max_retries", "drop_params", "allowed_openai_params"],
)
def test_params_that_are_moots_own_are_a_mistake(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ModelSettings(litellm="openai/x", params={name: 1})


async def test_an_effort_that_an_endpoint_refuses_is_left_out() -> None:
    async with ModelServer() as server:
        refusal = error(400, "Unsupported parameter: 'reasoning_effort' is not supported with this model.")
        server.tell(refusal, answer("Yes"))
        asked = replace(make_model(server.url), effort="high")
        async with open_speaker(asked) as made:
            deltas = await collect_deltas(made)
        assert "".join(delta.text for delta in deltas) == "Yes"
        assert ["reasoning_effort" in seen.body for seen in server.log] == [True, False]


SEATS = {"a": Model("a", "openai/gpt-5", "A", "openai", effort="low"), "b": Model("b", "openai/gpt-5", "B", "openai")}


def test_a_seats_effort_is_its_own_or_the_panels_or_the_models() -> None:
    written = {"seats": ["a", "b", {"model": "b", "effort": "high"}]}
    own = seat_panel(PanelSettings.model_validate(written), SEATS)
    assert [seat.effort for seat in own.everyone()] == ["low", None, "high", "low", "low"]
    of_panel = seat_panel(PanelSettings.model_validate({**written, "effort": "medium"}), SEATS)
    assert [seat.effort for seat in of_panel.everyone()] == ["medium", "medium", "high", "medium", "medium"]


async def test_a_model_has_deadlines_of_its_own() -> None:
    async with ModelServer() as server:
        server.tell(Reply(then="hang"))
        asked = replace(make_model(server.url), deadlines=DeadlineSettings(first_token_timeout_s=0.05))
        async with open_speaker(asked) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert (heard.error.kind, "0.05 s" in heard.error.text) == ("stalled", True)


async def test_one_that_thinks_unseen_is_not_stalled() -> None:
    async with ModelServer() as server:
        server.tell(answer("Yes", gap_s=0.2))
        asked = replace(make_model(server.url), effort="high")
        async with open_speaker(asked, deadlines=DeadlineSettings(first_token_timeout_s=0.05)) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert (heard.text, heard.error) == ("Yes", None)
