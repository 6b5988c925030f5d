"""What providers say when they refuse, in the words of each: of which kind it is, why, and when to come again."""

from __future__ import annotations

import json

import pytest

from bot.models.errors import Kind
from bot.settings.settings import RetrySettings
from tests.servers.model_server import Reply
from tests.support.answers import answered, assert_for_people

ONE_TRY = RetrySettings(tries=1)
INNER = json.dumps({"error": {"message": "only temperature 1 is taken"}})

# (what is refused, its status, what the body says, the kind, and what people read of it)
REFUSALS: list[tuple[str, int, object, Kind, str]] = [
    ("xAI without credits", 403, "Your team doesn't have any credits yet", "billing", "any credits yet"),
    (
        "Moonshot",
        429,
        {"message": "insufficient balance", "type": "exceeded_current_quota_error"},
        "billing",
        "balance",
    ),
    ("Zhipu without balance", 429, {"code": "1113", "message": "余额不足或无可用资源包"}, "billing", "余额不足"),
    ("Gemini, for a while", 429, {"message": "check your plan and billing details"}, "rate_limit", "too many"),
    ("Qwen in arrears", 400, {"code": "Arrearage", "message": "Access denied"}, "billing", "Access denied"),
    ("a model of others", 403, {"message": "The project does not have access to model `x`"}, "not_found", "access to"),
    ("a model that is gone", 410, {"message": "The model has been retired"}, "not_found", "has been retired"),
    ("DeepSeek's filter", 400, {"message": "Content Exists Risk"}, "refused", "Content Exists Risk"),
    ("Qwen's filter", 400, {"code": "data_inspection_failed", "message": "no"}, "refused", "content filter refused"),
    ("Zhipu's filter", 400, {"code": "1301", "message": "可能包含敏感内容"}, "refused", "敏感内容"),
    ("Bedrock's window", 400, {"message": "Input is too long for requested model."}, "window", "too long"),
    ("xAI's window", 400, {"message": "This model's maximum prompt length is 131072"}, "window", "prompt length"),
    (
        "OpenRouter tells on",
        400,
        {"message": "Provider returned error", "code": 400, "metadata": {"raw": INNER}},
        "other",
        "the provider answered with an error: only temperature 1 is taken",
    ),
    (
        "OpenRouter tells on in words",
        429,
        {"message": "Provider returned error", "metadata": {"raw": "x is rate-limited upstream"}},
        "rate_limit",
        "too many requests: x is rate-limited upstream",
    ),
    ("a gateway tells on", 400, {"message": INNER}, "other", "an error: only temperature 1 is taken"),
]


@pytest.mark.parametrize("prefix", ["hosted_vllm", "openai"])
@pytest.mark.parametrize(("status", "said", "kind", "told"), [pytest.param(*row, id=name) for name, *row in REFUSALS])
async def test_a_refusal_is_of_its_kind_in_whatever_words(
    status: int, said: object, kind: Kind, told: str, prefix: str
) -> None:
    body = json.dumps({"error": said}, ensure_ascii=False).encode()
    reply = Reply((body,), status, {"Content-Type": "application/json"})
    heard, _ = await answered(reply, prefix=prefix, retries=ONE_TRY)
    assert heard.error is not None
    assert heard.error.kind == kind
    assert told in heard.error.text
    assert_for_people(heard.error.text)


async def test_a_firewall_that_refuses_knows_no_key() -> None:
    heard, _ = await answered(Reply((b"error code: 1020",), 403, {"Content-Type": "text/plain"}), retries=ONE_TRY)
    assert heard.error is not None
    assert heard.error.kind == "other"


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ({"Retry-After": "10s"}, "slow", 10),
        ({"Retry-After": "1m30s"}, "slow", 90),
        ({"Retry-After": "2001-01-01T00:00:00Z"}, "slow", 0),
        ({"Retry-After": "1000000001"}, "slow", 0),
        ({"Retry-After": "soon"}, "slow", None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "42"}, "slow", 42),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, "slow", 7),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "9"}, "slow", 9),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please try again in 6m0s. Need more?", 360),
        ({}, "Please retry in 13h5m2s.", 47_102),
        ({}, "Please retry after 26 seconds.", 26),
        ({}, "Try again in 2 minutes", 120),
        ({}, "Please try again in a while", None),
    ],
)
async def test_when_to_come_again_is_read_in_whatever_form(
    headers: dict[str, str], said: str, seconds: float | None
) -> None:
    body = json.dumps({"error": {"message": said}}).encode()
    heard, _ = await answered(Reply((body,), 429, {"Content-Type": "application/json", **headers}), retries=ONE_TRY)
    assert heard.error is not None
    assert (heard.error.kind, heard.error.retry_after_s) == ("rate_limit", seconds)
