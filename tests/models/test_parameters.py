"""Parameters that an endpoint refuses: renamed or left out, asked once more, and remembered."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.asks import Ask
from bot.models import listing, parameters
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings
from storage import open_store
from tests.servers.model_server import ModelServer, Reply, answer, error
from tests.support.answers import ASK, SEAT, hear, make_model, open_speaker

ONCE = RetrySettings(tries=1)
SCHEMA = {"type": "object", "properties": {"ranking": {"type": "string"}}, "required": ["ranking"]}
OPENAI = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def refuse(said: object, status: int = 400) -> Reply:
    return Reply((json.dumps(said).encode(),), status, {"Content-Type": "application/json"})


def of_pydantic(*place: str) -> dict[str, object]:
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": "Extra inputs are not permitted"}]}


REFUSALS: dict[str, tuple[Reply, str, str]] = {  # name → the refusal, the parameter, and what is sent instead
    "OpenAI": (
        error(400, OPENAI, param="max_tokens", code="unsupported_parameter"),
        "max_tokens",
        "max_completion_tokens",
    ),
    "in other words": (
        error(400, "max_tokens is deprecated, use `max_completion_tokens`."),
        "max_tokens",
        "max_completion_tokens",
    ),
    "with a question": (
        error(400, "Unknown field max_tokens. Did you mean max_output_tokens?"),
        "max_tokens",
        "max_output_tokens",
    ),
    "a value": (error(400, "max_tokens is too large: 64000. This model supports at most 4096."), "max_tokens", ""),
    "a temperature": (
        error(400, "Unsupported value: 'temperature' does not support 0.2 with this model. Only 1 is supported."),
        "temperature",
        "",
    ),
    "a temperature, deprecated": (error(400, "`temperature` is deprecated for this model."), "temperature", ""),
    "a field of the stream": (
        error(400, "Unrecognized request argument supplied: stream_options"),
        "stream_options",
        "",
    ),
    "FastAPI": (refuse(of_pydantic("stream_options"), 422), "stream_options", ""),
    "FastAPI, within": (refuse(of_pydantic("stream_options", "include_usage"), 422), "stream_options", ""),
    "two at once": (error(400, "temperature is not supported together with max_tokens"), "temperature", ""),
}


def sent_with(log: list[Any], names: tuple[str, ...]) -> list[dict[str, object]]:
    return [{name: seen.body[name] for name in names if name in seen.body} for seen in log]


@pytest.mark.parametrize("prefix", ["hosted_vllm", "openai"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_what_is_refused_is_renamed_or_left_out_and_not_sent_again(name: str, prefix: str) -> None:
    refusal, parameter, instead = REFUSALS[name]
    async with ModelServer() as server:
        server.tell(refusal, answer("ok"))
        asked = replace(make_model(server.url, prefix), max_tokens=64_000, temperature=0.2)
        async with open_speaker(asked, retries=ONCE) as made:
            heard = [await hear(made.speak(SEAT, ASK)) for _ in range(2)]
        first, *later = (seen.body for seen in server.log)
    assert [each.text for each in heard] == ["ok", "ok"]
    assert len(later) == 2
    for body in later:
        assert parameter not in body
        if instead:
            assert body[instead] == first[parameter]
        others = {"max_tokens", "temperature", "stream_options"} - {parameter}
        assert {name: body[name] for name in others} == {name: first[name] for name in others}


async def test_what_is_refused_one_after_another_is_left_out_in_the_end() -> None:
    replies = [
        error(400, OPENAI),
        error(400, "Unrecognized field: max_completion_tokens"),
        error(400, "Unknown parameter: temperature"),
        error(400, "response_format is not supported"),
        answer("ok"),
    ]
    async with ModelServer() as server:
        server.tell(*replies)
        asked = replace(make_model(server.url), max_tokens=9, temperature=0.2)
        async with open_speaker(asked, retries=ONCE) as made:
            heard = await hear(made.speak(SEAT, Ask(ASK.parts, SCHEMA)))
        last = server.log[-1].body
    assert heard.text == "ok"
    assert not {"max_tokens", "max_completion_tokens", "temperature", "response_format"} & set(last)


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Something else is wrong"),
        error(400, "The prompt speaks of max_tokens"),
        error(401, "temperature is not supported without a key"),
        error(400, "maximum context length is 8: reduce max_tokens", code="context_length_exceeded"),
        error(500, "max_tokens is not supported"),
    ],
    ids=str,
)
async def test_other_errors_are_asked_once(refusal: Reply) -> None:
    async with ModelServer() as server:
        server.tell(refusal, answer("ok"))
        asked = replace(make_model(server.url), max_tokens=9, temperature=0.2)
        async with open_speaker(asked, retries=ONCE) as made:
            heard = await hear(made.speak(SEAT, ASK))
        assert len(server.log) == 1
    assert heard.error is not None


async def test_a_reason_is_told_with_its_remedy() -> None:
    said = "The model is not enabled for your project. Enable it at the console. Then wait e.g. 5 min."
    async with ModelServer() as server:
        server.tell(error(400, said))
        async with open_speaker(make_model(server.url), retries=ONCE) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert heard.error.text == f"the provider answered with an error: {said.rstrip('.')}"


async def test_what_an_endpoint_refuses_outlives_the_process_and_is_listed(tmp_path: Path) -> None:
    async with ModelServer() as server, open_store(tmp_path / "moot.db", clock=time.time) as store:
        server.tell(error(400, OPENAI), answer("ok"))
        asked = replace(make_model(server.url), max_tokens=9)
        for _ in range(2):
            made = Speaker({"m": asked}, DeadlineSettings(), ONCE, shelf=store)
            assert (await hear(made.speak(SEAT, ASK))).text == "ok"
            await made.aclose()
        sent = sent_with(server.log, ("max_tokens", "max_completion_tokens"))
        [row] = listing.list_configured([asked], habits=await parameters.read_habits(store))
    assert sent == [{"max_tokens": 9}, {"max_completion_tokens": 9}, {"max_completion_tokens": 9}]
    assert row.sent == "max_tokens as max_completion_tokens"


async def test_a_value_that_is_too_large_is_forgotten_with_the_process(tmp_path: Path) -> None:
    async with ModelServer() as server, open_store(tmp_path / "moot.db", clock=time.time) as store:
        server.tell(REFUSALS["a value"][0], answer("ok"))
        made = Speaker({"m": replace(make_model(server.url), max_tokens=64_000)}, DeadlineSettings(), ONCE, shelf=store)
        await hear(made.speak(SEAT, ASK))
        await made.aclose()
        assert await parameters.read_habits(store) == {}


@pytest.mark.parametrize(
    ("habits", "told"),
    [
        ({}, ""),
        ({"temperature": ""}, "without temperature"),
        (
            {"temperature": "", "max_tokens": "max_completion_tokens"},
            "max_tokens as max_completion_tokens, without temperature",
        ),
    ],
)
def test_habits_are_told_in_words(habits: Mapping[str, str], told: str) -> None:
    assert parameters.describe_habits(habits) == told
