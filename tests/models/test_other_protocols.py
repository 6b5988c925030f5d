"""Streams of every protocol with the habits of servers and of proxies on the way, through the real litellm."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bot.domain.run import Usage
from bot.models.catalogue import Model
from bot.models.errors import Kind
from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, Reply, answer, replay
from tests.support.answers import ASK, SEAT, Heard, assert_for_people, hear, open_speaker
from tests.support.streams import anthropic, cohere, gemini, responses

AS_JSON = {"Content-Type": "application/json"}
GEMINI = "/models/gemini-2.5-pro:streamGenerateContent"
USED = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}


def lines(*events: object) -> Reply:
    """Return Ollama's stream."""
    return Reply(tuple(json.dumps(event).encode() + b"\n" for event in events))


def said(text: str, **fields: object) -> dict[str, object]:
    """Return a line of Ollama's chat."""
    return {"model": "x", "message": {"role": "assistant", "content": text}, "done": False, **fields}


ENDED = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}
STREAMS: Mapping[str, tuple[str, Reply]] = {  # model → the path at which it is asked, and its stream
    "anthropic/claude-sonnet-4-0": (
        "/v1/messages",
        replay(
            anthropic.make_anthropic(
                anthropic.thinking_block("hm"), anthropic.text_block("Tabs", "."), sent=7, written=3
            )
        ),
    ),
    "gemini/gemini-2.5-pro": (
        GEMINI,
        replay(
            gemini.make_gemini(
                "gemini-2.5-pro", {"text": "hm", "thought": True}, {"text": "Tabs"}, {"text": "."}, used=USED
            )
        ),
    ),
    "openai/responses/gpt-5": ("/responses", replay(responses.make_text_response("Tabs", "."))),
    "cohere/command-a": ("/v2/chat", replay(cohere.make_cohere("Tabs", ".", thoughts=("hm",)))),
    "openai/x": ("/chat/completions", answer("Tabs", ".")),
    "hosted_vllm/x": ("/chat/completions", answer("Tabs", ".")),
    "ollama_chat/x": ("/api/chat", lines(said("Tabs"), said("."), said("", **ENDED))),
}


async def heard_from(name: str, reply: Reply) -> Heard:
    async with ModelServer() as server:
        server.tell(reply, path=STREAMS[name][0])
        model = Model("m", name, "M", "p", api_key="sk-12345", api_base=server.url)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert len(server.log) == 1
    return heard


def each(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, pieces=tuple(map(change, reply.pieces)))


def insert(*pieces: bytes, at: int = 1) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, pieces=(*reply.pieces[:at], *pieces, *reply.pieces[at:]))


def plain_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


HABITS: Mapping[str, Callable[[Reply], Reply]] = {
    "lines as on Windows": each(lambda data: plain_ends(data).replace(b"\n", b"\r\n")),
    "lines as on old Macs": each(lambda data: plain_ends(data).replace(b"\n", b"\r")),
    "a byte order mark": insert(b"\xef\xbb\xbf", at=0),
    "half of such a mark first": insert(b"\xef", b"\xbb\xbf", at=0),
    "comments": lambda reply: insert(b": wait\n\n")(insert(b": wait\n\n", at=0)(reply)),
    "blank lines first": insert(b"\n\n", at=0),
    "a time to try again": insert(b"id: 7\nretry: 3000\n\n"),
    "no blank after the colon": each(lambda data: data.replace(b"data: ", b"data:")),
    "an empty event": insert(b"data:\n\ndata: null\n\ndata: {}\n\n"),
    "words as an event": insert(b"data: wait\n\n"),
    "[DONE] behind it": lambda reply: replace(reply, pieces=(*reply.pieces, b"data: [DONE]\n\n")),
    "a byte at a time": lambda reply: replace(reply, pieces=tuple(bytes([b]) for p in reply.pieces for b in p)),
    "all at once": lambda reply: replace(reply, pieces=(b"".join(reply.pieces),)),
    "an odd type": lambda reply: replace(reply, headers={"Content-Type": "text/plain; charset=iso-8859-1"}),
    "another success": lambda reply: replace(reply, status=202),
}
NOT_OLLAMAS = ("lines as on old Macs", "words as an event", "an empty event")  # it sends no events
NOT_CUT = ("lines as on old Macs",)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("habit", HABITS)
async def test_no_habit_of_a_server_costs_a_word(habit: str, name: str) -> None:
    if name == "ollama_chat/x" and habit in NOT_OLLAMAS:
        return
    heard = await heard_from(name, HABITS[habit](STREAMS[name][1]))
    assert (heard.text, heard.ending, heard.error) == ("Tabs.", "done", None)
    assert heard.usage is not None
    assert heard.usage.source == "reported"


def body(value: object, status: int = 200) -> Reply:
    return Reply((json.dumps(value).encode(),), status, AS_JSON)


def of_gemini(*parts: object, finish: str | None = "STOP") -> dict[str, object]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "usageMetadata": USED}


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "QQ=="}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_sequence": None}
WHOLE: Mapping[str, tuple[str, Reply]] = {
    "Anthropic": (
        "anthropic/claude-sonnet-4-0",
        body(
            {
                **MESSAGE,
                "content": [THOUGHT, {"type": "text", "text": "Tabs."}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 7, "output_tokens": 3},
            }
        ),
    ),
    "Gemini": ("gemini/gemini-2.5-pro", body(of_gemini({"text": "hm", "thought": True}, {"text": "Tabs."}))),
    "Gemini, in a list": (
        "gemini/gemini-2.5-pro",
        body([of_gemini({"text": "hm", "thought": True}, finish=None), of_gemini({"text": "Tabs."})]),
    ),
    "Cohere": (
        "cohere/command-a",
        body(
            {
                "id": "c",
                "finish_reason": "COMPLETE",
                "message": {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Tabs."}],
                },
                "usage": {"tokens": {"input_tokens": 7, "output_tokens": 3}},
            }
        ),
    ),
    "Ollama": ("ollama_chat/x", body(said("Tabs.", **ENDED))),
}


@pytest.mark.parametrize("name", WHOLE)
async def test_an_answer_that_is_not_streamed_is_shown_whole(name: str) -> None:
    model, reply = WHOLE[name]
    heard = await heard_from(model, reply)
    assert (heard.text, heard.ending, heard.error) == ("Tabs.", "done", None)
    assert heard.thinking == ("" if name == "Ollama" else "hm")
    assert heard.usage == Usage(7, 3, 0, "reported")


async def test_a_whole_response_is_shown_where_a_stream_was_asked_for() -> None:
    heard = await heard_from("openai/responses/gpt-5", responses.make_whole_response("Tabs."))
    assert heard == Heard("Tabs.", "", "done", Usage(20, 70, 64, "reported"), None)


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "it is full"}}
REASON = "it is full"
FAILED = "the provider's server had an error: it is full"
ERRORS: Mapping[str, tuple[Reply, Kind, str]] = {  # in place of a stream
    "whole": (body(OVERLOADED), "unreachable", FAILED),
    "whole, in a list": (body([OVERLOADED]), "unreachable", FAILED),
    "as an event": (
        Reply((b"event: error\ndata: " + json.dumps(OVERLOADED).encode() + b"\n\n",)),
        "unreachable",
        FAILED,
    ),
    "other JSON": (
        body({"ok": True}),
        "not_found",
        "JSON without an answer in it came instead of one: look at its api_base",
    ),
    "words": (
        Reply((b"upstream connect error\n",), headers={"Content-Type": "text/plain"}),
        "not_found",
        "plain text (“upstream connect error”) came instead of an answer: look at its api_base",
    ),
    "a word": (body("Tabs."), "not_found", 'plain text (“"Tabs."”) came instead of an answer: look at its api_base'),
    "nothing": (Reply((), 204, {}), "broken_off", "the answer broke off: the connection closed before its end"),
    "zipped": (
        Reply((gzip.compress(json.dumps(OVERLOADED).encode()),), 500, {**AS_JSON, "Content-Encoding": "gzip"}),
        "unreachable",
        FAILED,
    ),
    "a text alone": (body({"error": REASON}, 400), "other", "the provider answered with an error: it is full"),
    "in a list": (
        body([{"error": {"message": REASON}}], 400),
        "other",
        "the provider answered with an error: it is full",
    ),
    "a field": (
        body({"detail": [{"loc": ["body", "n"], "msg": "must be 1"}]}, 422),
        "other",
        "the provider answered with an error: body.n: must be 1",
    ),
    "no words": (Reply((), 500, {}), "unreachable", "the provider's server had an error"),
    "no words, a limit": (Reply((), 429, {"Retry-After": "7"}), "rate_limit", "too many requests"),
    "a gateway's page": (
        Reply((b"<html><title>502 Bad Gateway</title></html>",), 502, {"Content-Type": "text/html"}),
        "unreachable",
        "the provider's server had an error: a web page (“502 Bad Gateway”) came instead of an answer",
    ),
    "a firewall's page": (
        Reply((b"<!DOCTYPE html><title>Sorry, you have been blocked</title>",), 403, {"Content-Type": "text/html"}),
        "other",
        "the provider answered with an error: a web page (“Sorry, you have been blocked”) came instead of an answer",
    ),
    "a page that is not there": (
        Reply((b"<html><title>404 Not Found</title>",), 404, {"Content-Type": "text/html"}),
        "not_found",
        "no such model or endpoint: a web page (“404 Not Found”) came instead of an answer",
    ),
    "with marks": (
        body({"error": {"message": "it\u0000 \u001b[31mis full"}}, 500),
        "unreachable",
        "the provider's server had an error: it [31mis full",
    ),
}
# Ollama sends lines of JSON, of which one is an error if it has one
NOT_AS_LINES = ("whole, in a list", "as an event", "other JSON")


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("error", ERRORS)
async def test_what_comes_instead_of_a_stream_is_said(error: str, name: str) -> None:
    if name == "ollama_chat/x" and error in NOT_AS_LINES:
        return
    reply, kind, told = ERRORS[error]
    heard = await heard_from(name, reply)
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text, heard.text) == (kind, told, "")
    assert_for_people(heard.error.text)
    assert heard.error.retry_after_s == (7 if error == "no words, a limit" else None)


IN_MID_STREAM: Mapping[str, bytes] = {
    "an event": b"event: error\ndata: " + json.dumps(OVERLOADED).encode() + b"\n\n",
    "an event without a name": b"data: " + json.dumps({"error": {"code": 503, "message": REASON}}).encode() + b"\n\n",
    "a line": json.dumps({"error": REASON}).encode() + b"\n",
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("form", IN_MID_STREAM)
async def test_an_error_in_mid_stream_says_why(form: str, name: str) -> None:
    if name == "ollama_chat/x" and form != "a line":
        return
    whole = plain_ends(b"".join(STREAMS[name][1].pieces))
    first = whole[: whole.index(b"\n", whole.index(b"Tabs")) + 1] + b"\n"
    heard = await heard_from(name, Reply((first, IN_MID_STREAM[form])))
    assert heard.error is not None
    assert (heard.text, heard.error.kind, heard.error.text) == (
        "Tabs",
        "broken_off",
        "the answer broke off: it is full",
    )


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_that_ends_too_early_broke_off(name: str) -> None:
    whole = plain_ends(b"".join(STREAMS[name][1].pieces))
    first = whole[: whole.index(b"\n", whole.index(b"Tabs")) + 1] + b"\n"
    heard = await heard_from(name, Reply((first,)))
    assert heard.error is not None
    assert (heard.text, heard.error.kind) == ("Tabs", "broken_off")
    assert heard.error.text == "the answer broke off: the connection closed before its end"


async def test_an_error_in_place_of_a_whole_response_is_the_providers() -> None:
    async with ModelServer() as server:
        server.tell(body(OVERLOADED), path="/responses")
        model = Model("m", "openai/gpt-5-pro", "M", "p", api_key="k", api_base=server.url)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("unreachable", FAILED)


PACKED: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "x-gzip": bytes}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("packing", PACKED)
async def test_a_stream_that_was_packed_all_the_same_is_read_as_any(packing: str, name: str) -> None:
    """The last of these says that it is packed, and is not."""
    pack, plain = PACKED[packing], STREAMS[name][1]
    packed = pack(b"".join(plain.pieces))
    pieces = tuple(packed[at : at + 50] for at in range(0, len(packed), 50))
    reply = Reply(pieces, headers={**plain.headers, "Content-Encoding": packing})
    heard = await heard_from(name, reply)
    assert heard == await heard_from(name, plain)
    assert (heard.text, heard.ending) == ("Tabs.", "done")


@pytest.mark.parametrize("name", STREAMS)
async def test_a_character_that_ends_lines_elsewhere_costs_no_word(name: str) -> None:
    plain = STREAMS[name][1]
    odd = "Ta\u2028b\u2029s\u0085"
    heard = await heard_from(name, Reply(tuple(piece.replace(b"Tabs", odd.encode()) for piece in plain.pieces)))
    assert (heard.text, heard.ending, heard.error) == (f"{odd}.", "done", None)


async def test_a_packed_stream_that_is_broken_says_so() -> None:
    packed = gzip.compress(b"".join(answer("Tabs").pieces))
    broken = Reply((packed[:10] + b"\xff" * 40,), headers={"Content-Encoding": "gzip"})
    heard = await heard_from("openai/x", broken)
    assert heard.error is not None
    assert heard.error.text.endswith("what the provider sent cannot be read")


TAGGED: list[tuple[list[str], str, str]] = [  # the lines of a server that leaves thinking in the text
    (["<think>", "hm", "</think>", "Tabs"], "Tabs", "hm"),
    (["<think>hm</think>Tabs"], "Tabs", "hm"),
    (["<think>h", "m</think>Ta", "bs"], "Tabs", "hm"),
    (["<think>\n", "hm", "\n</think>\n\n", "Tabs"], "Tabs", "\nhm\n"),
    (["hm</think>Tabs"], "Tabs", "hm"),
    (["The tag <think> is one"], "The tag <think> is one", ""),
    (["Use `<think>` and `</think>`."], "Use `<think>` and `</think>`.", ""),
]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize(("pieces", "text", "thinking"), TAGGED)
async def test_thinking_in_tags_of_ollama_is_told_apart(pieces: list[str], text: str, thinking: str, path: str) -> None:
    def line(piece: str, **fields: object) -> dict[str, object]:
        return said(piece, **fields) if path == "/api/chat" else {"response": piece, "done": False, **fields}

    async with ModelServer() as server:
        server.tell(lines(*map(line, pieces), line("", **ENDED)), path=path)
        prefix = "ollama_chat" if path == "/api/chat" else "ollama"
        async with open_speaker(Model("m", f"{prefix}/x", "M", "p", api_base=server.url)) as made:
            heard = await hear(made.speak(SEAT, ASK))
    assert (heard.text, heard.thinking, heard.error, heard.ending) == (text, thinking, None, "done")


async def test_an_answer_that_filled_anthropics_window_was_cut() -> None:
    stream = anthropic.make_anthropic(
        anthropic.text_block("Tabs"), sent=7, written=3, stop="model_context_window_exceeded"
    )
    heard = await heard_from("anthropic/claude-sonnet-4-0", replay(stream))
    assert (heard.text, heard.ending, heard.error) == ("Tabs", "length", None)


@pytest.mark.parametrize("nothing", [{"delta": None}, {"delta": {"message": None}}, {}])
async def test_an_event_of_coheres_without_content_costs_no_word(nothing: dict[str, object]) -> None:
    events = [{"type": "content-delta", "index": 0, **nothing}, {"type": "message-end", **nothing}]
    first, last = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
    told = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Tabs"}}}}
    heard = await heard_from("cohere/command-a", Reply((first, b"data: " + json.dumps(told).encode() + b"\n\n", last)))
    assert (heard.text, heard.ending, heard.error) == ("Tabs", "done", None)


@pytest.mark.parametrize("whole", [False, True])
async def test_a_refusal_over_the_responses_api_is_one(whole: bool) -> None:
    part = {"type": "refusal", "refusal": "I cannot help."}
    empty = responses.make_whole_response("")
    if whole:
        done = json.loads(b"".join(empty.pieces))
        done["output"][-1]["content"] = [part]
        reply = body(done)
    else:
        stream = b"".join(replay(responses.make_text_response("I cannot", " help.")).pieces)
        reply = Reply((stream.replace(b"response.output_text.delta", b"response.refusal.delta"),))
    heard = await heard_from("openai/responses/gpt-5", reply)
    assert heard.error is not None
    assert (heard.text, heard.error.kind) == ("I cannot help.", "refused")
