"""Streams of chat completions as endpoints send them, with every habit that was met: a row each."""

from __future__ import annotations

import json

import pytest

from bot.domain.run import Usage
from bot.models import mender
from bot.models.errors import Kind
from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, Reply, answer, sse
from tests.servers.model_server import chunk as regular_chunk
from tests.support.answers import ASK, SEAT, Heard, assert_for_people, hear, make_model, open_speaker

PREFIXES = ("hosted_vllm", "openai")  # litellm's two ways to an OpenAI-compatible endpoint
AS_JSON = {"Content-Type": "application/json"}
STOP = regular_chunk(finish="stop")


def chunk(content: object = None, **delta: object) -> dict[str, object]:
    """Return an event whose content may be anything."""
    return choice(delta={"content": content, **delta})


def choice(finish: str | None = None, **fields: object) -> dict[str, object]:
    """Return an event whose one choice has these fields and nothing else."""
    return {"id": "c-1", "choices": [{"index": 0, "finish_reason": finish, **fields}]}


def counted(sent: int, written: int, thought: int = 0) -> dict[str, object]:
    details = {"reasoning_tokens": thought}
    return {"prompt_tokens": sent, "completion_tokens": written, "completion_tokens_details": details}


def used(sent: int, written: int, thought: int = 0) -> dict[str, object]:
    return {"id": "c-1", "choices": [], "usage": counted(sent, written, thought)}


def whole(content: object = "Tabs.", **fields: object) -> dict[str, object]:
    message = {"role": "assistant", "content": content, **fields}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "t", "usage": counted(7, 3)}
    return {**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def body(said: object, *, indent: int | None = None) -> Reply:
    return Reply((json.dumps(said, indent=indent).encode(),), headers=AS_JSON)


def parts(*texts: object) -> list[object]:
    return [{"type": "text", "text": text} for text in texts]


async def heard_by(prefix: str, reply: Reply) -> tuple[Heard, ModelServer]:
    async with ModelServer() as server:
        server.tell(reply)
        async with open_speaker(make_model(server.url, prefix), retries=RetrySettings(tries=1)) as made:
            return await hear(made.speak(SEAT, ASK)), server


REPORTED = Usage(7, 3, 0, "reported")
ANSWERS: dict[str, tuple[Reply, str, str]] = {  # name → the stream, its text and its thinking
    "parts": (Reply(sse(chunk(parts("Tabs")), chunk(parts(", ", "yes")), STOP, "[DONE]")), "Tabs, yes", ""),
    "a part": (Reply(sse(chunk({"type": "text", "text": "Tabs"}), STOP, "[DONE]")), "Tabs", ""),
    "strings in a list": (Reply(sse(chunk(["Ta", "bs"]), STOP, "[DONE]")), "Tabs", ""),
    "parts of OpenAI's assistants": (Reply(sse(chunk(parts({"value": "Tabs"})), STOP, "[DONE]")), "Tabs", ""),
    "a part without text": (Reply(sse(chunk(parts(None)), chunk("Tabs"), STOP, "[DONE]")), "Tabs", ""),
    "parts that think": (
        Reply(sse(chunk([{"type": "thinking", "thinking": parts("hm")}]), chunk("Tabs"), STOP, "[DONE]")),
        "Tabs",
        "hm",
    ),
    "a part that reasons": (
        Reply(sse(chunk([{"type": "reasoning", "reasoning": "hm"}, *parts("Tabs")]), STOP, "[DONE]")),
        "Tabs",
        "hm",
    ),
    "thinking as an object": (
        Reply(sse(chunk(reasoning={"text": "h"}), chunk(reasoning_content=parts("m")), chunk("Tabs"), STOP, "[DONE]")),
        "Tabs",
        "hm",
    ),
    "all of it once more": (
        Reply(sse(chunk("Ta"), chunk("bs"), choice("stop", message={"content": "Tabs"}), "[DONE]")),
        "Tabs",
        "",
    ),
    "an event in an event": (
        Reply((b"data: " + sse(chunk("Tabs"))[0], *sse(STOP), b"data: data: [DONE]\n\n")),
        "Tabs",
        "",
    ),
    "a number": (Reply(sse(chunk(42), STOP, "[DONE]")), "42", ""),
    "a null delta first": (Reply(sse(choice(delta=None), chunk("Tabs"), STOP, "[DONE]")), "Tabs", ""),
    "a null delta amid": (Reply(sse(chunk("Ta"), choice(delta=None), chunk("bs"), STOP, "[DONE]")), "Tabs", ""),
    "a null delta last": (Reply(sse(chunk("Tabs"), choice("stop", delta=None), "[DONE]")), "Tabs", ""),
    "a null choice": (Reply(sse(chunk("Tabs"), {"id": "c-1", "choices": [None]}, STOP, "[DONE]")), "Tabs", ""),
    "a text for a delta": (Reply(sse(choice("stop", text="Tabs"), "[DONE]")), "Tabs", ""),
    "figures first": (Reply(sse(used(7, 3), chunk("Tabs"), STOP, "[DONE]")), "Tabs", ""),
    "figures amid": (Reply(sse(chunk("Ta"), used(7, 3), chunk("bs"), STOP, "[DONE]")), "Tabs", ""),
    "a reason of its own": (Reply(sse(chunk("Tabs"), choice("eos", delta={}), "[DONE]")), "Tabs", ""),
    "no delta last": (Reply(sse(chunk("Tabs"), choice("stop"), "[DONE]")), "Tabs", ""),
    "null choices": (Reply(sse(chunk("Tabs"), {"id": "c-1", "choices": None}, STOP, "[DONE]")), "Tabs", ""),
    "no choices": (Reply(sse(chunk("Tabs"), {"id": "c-1"}, STOP, "[DONE]")), "Tabs", ""),
    "an end without a reason": (Reply(sse(chunk("Tabs"), "[DONE]")), "Tabs", ""),
    "an empty reason": (Reply(sse(choice("", delta={"content": "Tabs"}), choice("", delta={}), "[DONE]")), "Tabs", ""),
    "figures for an end": (Reply(sse(chunk("Tabs"), used(7, 3))), "Tabs", ""),
    "a message for a delta": (Reply(sse(choice("stop", message={"content": "Tabs"}), "[DONE]")), "Tabs", ""),
    "a named event": (Reply((*sse(chunk("Tabs")), b"event: ping\ndata: {}\n\n", *sse(STOP, "[DONE]"))), "Tabs", ""),
    "an event without data": (Reply((*sse(chunk("Tabs")), b"event: ping\n\n", *sse(STOP, "[DONE]"))), "Tabs", ""),
    "empty data": (Reply((*sse(chunk("Tabs")), b"data:\n\n", b"data: {}\n\n", *sse(STOP, "[DONE]"))), "Tabs", ""),
    "comments": (Reply((b": wait\n\n", *sse(chunk("Tabs")), b": wait\n\n", *sse(STOP, "[DONE]"))), "Tabs", ""),
    "lines as on Windows": (Reply(tuple(p.replace(b"\n", b"\r\n") for p in answer("Tabs").pieces)), "Tabs", ""),
    "no blank after the colon": (
        Reply(tuple(p.replace(b"data: ", b"data:") for p in answer("Tabs").pieces)),
        "Tabs",
        "",
    ),
    "a byte at a time": (Reply(tuple(bytes([b]) for p in answer("Tabs").pieces for b in p)), "Tabs", ""),
    "all at once": (Reply((b"".join(answer("Tabs").pieces),)), "Tabs", ""),
    "whole": (body(whole()), "Tabs.", ""),
    "whole, indented": (body(whole(), indent=2), "Tabs.", ""),
    "whole, in parts": (body(whole(parts("Tabs", "."))), "Tabs.", ""),
    "whole, with thinking": (body(whole(reasoning_content="hm")), "Tabs.", "hm"),
    "whole, as an event": (Reply(sse(whole(), "[DONE]")), "Tabs.", ""),
    "whole, in a list": (body([whole()]), "Tabs.", ""),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_of_any_shape_is_whole(name: str, prefix: str) -> None:
    reply, text, thinking = ANSWERS[name]
    heard, _ = await heard_by(prefix, reply)
    assert (heard.text, heard.thinking, heard.ending, heard.error) == (text, thinking, "done", None)
    if name.startswith(("whole", "figures")):
        assert heard.usage == REPORTED


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("finish", ["model_length", "model_context_window_exceeded", "MAX_OUTPUT_TOKENS", "incomplete"])
async def test_an_answer_that_was_cut_is_never_whole(finish: str, prefix: str) -> None:
    heard, _ = await heard_by(prefix, Reply(sse(chunk("Ta"), choice(finish, delta={}), "[DONE]")))
    assert (heard.text, heard.ending, heard.error) == ("Ta", "length", None)


@pytest.mark.parametrize(
    "sign", ["\u200b", "\ufeff", "\u200f\u200e", "\u2800", "\u3164", "\ufe0f", "\U000e0041", " \xad\n"]
)
async def test_an_answer_of_nothing_that_can_be_seen_is_empty(sign: str) -> None:
    heard, _ = await heard_by("openai", Reply(sse(chunk(sign), STOP, "[DONE]")))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("no_text", "the answer was empty")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("figures", [[], [used(7, 3)]])
async def test_a_connection_that_stays_open_after_a_whole_answer_costs_nothing(
    figures: list[object], prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mender, "LAST_WAIT_S", 0.05)
    heard, _ = await heard_by(prefix, Reply(sse(chunk("Tabs"), STOP, *figures), then="hang"))
    assert (heard.text, heard.ending, heard.error) == ("Tabs", "done", None)
    assert heard.usage is not None
    assert (heard.usage == REPORTED) is bool(figures)


LOG_IN = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>" + b"x" * 10_000
SAID = {"message": "the queue is full", "code": 503}
FAILURES: dict[str, tuple[Reply, str, Kind, str]] = {  # name → the stream, what is kept, and the error
    "a web page": (
        Reply((LOG_IN,)),
        "",
        "not_found",
        "a web page (“Log in”) came instead of an answer: look at its api_base",
    ),
    "a page in pieces": (Reply(tuple(bytes([b]) for b in LOG_IN[:99])), "", "not_found", "a web page (“Log in”) came"),
    "an error, whole": (
        body({"error": SAID}),
        "",
        "unreachable",
        "the provider's server had an error: the queue is full",
    ),
    "an error as an event": (Reply(sse({"error": SAID})), "", "unreachable", "the queue is full"),
    "an error by name": (Reply((b'event: error\ndata: {"message": "boom"}\n\n',)), "", "unreachable", "boom"),
    "an error in mid-stream": (Reply(sse(chunk("Ta"), {"error": SAID})), "Ta", "broken_off", "the queue is full"),
    "a bare line in mid-stream": (
        Reply((*sse(chunk("Ta")), b'{"error": "out of memory"}\n')),
        "Ta",
        "broken_off",
        "the answer broke off: out of memory",
    ),
    "an error in one piece with text": (
        Reply((b"".join(sse(chunk("Ta"), {"error": SAID})),)),
        "Ta",
        "broken_off",
        "the queue is full",
    ),
    "an error in Groq's own field": (
        Reply(sse(chunk("Ta"), {"choices": [], "x_groq": {"error": "over capacity"}}, "[DONE]")),
        "Ta",
        "broken_off",
        "over capacity",
    ),
    "an error beside a choice": (
        Reply(sse({**chunk(""), "error": {"code": 502, "message": "it fell"}})),
        "",
        "unreachable",
        "it fell",
    ),
    "an end by an error": (
        Reply(sse(chunk("Ta"), choice("error", delta={}, error={"code": 502, "message": "it fell"}), "[DONE]")),
        "Ta",
        "broken_off",
        "it fell",
    ),
    "no capacity in mid-stream": (
        Reply(sse(chunk("Ta"), choice("insufficient_system_resource", delta={}), "[DONE]")),
        "Ta",
        "broken_off",
        "it has no capacity left",
    ),
    "an end by a network": (
        Reply(sse(choice("network_error", delta={}), "[DONE]")),
        "",
        "unreachable",
        "a network error on its side",
    ),
    "an end by an engine": (
        Reply(sse(chunk("Ta"), choice("abort", delta={}), "[DONE]")),
        "Ta",
        "broken_off",
        "it was stopped there",
    ),
    "an end by a filter": (
        Reply(sse(chunk("Ta"), choice("safety", delta={}), "[DONE]")),
        "Ta",
        "refused",
        "content filter, refused",
    ),
    "a text alone": (body({"error": 'model "x" not found, try pulling it first'}), "", "not_found", "try pulling it"),
    "a detail": (body({"detail": "Invalid API key"}), "", "key", "the API key was refused: Invalid API key"),
    "details": (
        body({"detail": [{"loc": ["body", "n"], "msg": "must be 1"}, {"loc": ["body", "m"], "msg": "is missing"}]}),
        "",
        "unreachable",
        "body.n: must be 1; body.m: is missing",
    ),
    "an empty purse": (
        body({"code": 1113, "msg": "no billing"}),
        "",
        "billing",
        "quota or credit is used up: no billing",
    ),
    "a status inside": (body({"error": {"status": 429, "message": "slow down"}}), "", "rate_limit", "slow down"),
    "a limit in words": (body({"error": {"type": "rate_limit_error", "message": "later"}}), "", "rate_limit", "later"),
    "an object of errors": (body({"object": "error", "message": "no", "code": 404}), "", "not_found", "no"),
    "a filter in mid-stream": (
        Reply(sse(chunk("Ta"), {"error": {"code": "content_filter", "message": "not that"}})),
        "Ta",
        "refused",
        "not that",
    ),
    "a refusal": (
        Reply(sse(chunk(refusal="I cannot "), chunk(refusal="help."), STOP, "[DONE]")),
        "I cannot help.",
        "refused",
        "refused to answer",
    ),
    "a refusal, whole": (body(whole(None, refusal="I cannot help.")), "I cannot help.", "refused", "refused to answer"),
    "a refusal without an end": (Reply(sse(chunk(refusal="No."), "[DONE]")), "No.", "refused", "refused to answer"),
    "figures first, and no end": (Reply(sse(used(7, 3), chunk("Ta"))), "Ta", "broken_off", "closed before its end"),
    "an event that is cut": (
        Reply((*sse(chunk("Ta")), b'data: {"choices": [{"delta": {"con\n\n', *sse(STOP, "[DONE]"))),
        "Ta",
        "broken_off",
        "the answer broke off: what the provider sent cannot be read",
    ),
    "nothing": (Reply(()), "", "broken_off", "the connection closed before its end"),
    "an end alone": (Reply(sse("[DONE]")), "", "no_text", "the answer was empty"),
    "half of a whole": (
        Reply((b'{"choices": [{"message": {"con',), headers=AS_JSON),
        "",
        "broken_off",
        "closed before",
    ),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_in_any_shape_says_why(name: str, prefix: str) -> None:
    reply, text, kind, told = FAILURES[name]
    heard, server = await heard_by(prefix, reply)
    assert heard.text == text
    assert heard.error is not None
    assert (heard.error.kind, len(server.log)) == (kind, 1)
    assert told in heard.error.text
    assert_for_people(heard.error.text)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_key_in_an_error_of_a_stream_is_not_shown(prefix: str) -> None:
    heard, _ = await heard_by(prefix, Reply(sse({"error": {"message": "Incorrect key: sk-12345", "code": 401}})))
    assert heard.error is not None
    assert heard.error.text == "the API key was refused: Incorrect key: [key removed]"
