"""Streams in OpenAI's protocol, which most providers speak with habits of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.servers.model_server import Recording
from tests.support.streams.recording import Json, make_recording


def _chat(path: str, *events: Json | str, model: str) -> Recording:
    """Build a stream of chat completions: a string is a line as it stands, a mapping the fields of an event."""
    head = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}
    lines = (event if isinstance(event, str) else f"data: {json.dumps({**head, **event})}" for event in events)
    return make_recording(path, [*lines, "data: [DONE]"])


def _choice(finish: str | None = None, **delta: object) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _usage(prompt: int, completion: int, reasoning: int | None = None) -> Json:
    details = {} if reasoning is None else {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"usage": {**counts, **details}}


def _tool_arguments(finish: str | None = None, **function: str) -> Json:
    return _choice(finish, tool_calls=[{"index": 0, "function": function}])


def _openai_text() -> Recording:
    """Build an answer whose usage comes in an event without any choice."""
    return _chat(
        "/v1/chat/completions",
        {**_choice(role="assistant", content="", refusal=None), "usage": None},
        *({**_choice(content=piece), "usage": None} for piece in ("Wait", " for", " the", " tram", ".")),
        {**_choice("stop"), "usage": None},
        {"choices": [], **_usage(31, 6, 0)},
        model="gpt-4o-mini",
    )


def _openai_tool_call() -> Recording:
    """Build a tool call, its arguments in pieces, without any text."""
    named = {"name": "find_crossing", "arguments": ""}
    call = {"index": 0, "id": "call_1", "type": "function", "function": named}
    return _chat(
        "/v1/chat/completions",
        _choice(role="assistant", content=None, tool_calls=[call]),
        *(_tool_arguments(arguments=piece) for piece in ('{"', "street", '":"Quay', ' Lane"}')),
        _choice("tool_calls"),
        {"choices": [], **_usage(48, 11, 0)},
        model="gpt-4o-mini",
    )


def _deepseek_thinking() -> Recording:
    """Build thinking in a field of its own; the text's field is null meanwhile, and the other way round."""
    return _chat(
        "/chat/completions",
        _choice(role="assistant", content=None, reasoning_content=""),
        *(_choice(content=None, reasoning_content=piece) for piece in ("A street", " has two", " sides.")),
        *(_choice(content=piece, reasoning_content=None) for piece in ("Look", " both ways", "!")),
        {**_choice("stop", content="", reasoning_content=None), **_usage(9, 14, 8)},
        model="deepseek-reasoner",
    )


def _zai_thinking() -> Recording:
    """Build thinking of several lines, every event with a role."""
    return _chat(
        "/api/paas/v4/chat/completions",
        *(
            _choice(role="assistant", reasoning_content=p)
            for p in ("\n1.  **Who asks:**", " a walker", "\n2.  Be brief.")
        ),
        *(_choice(role="assistant", content=piece) for piece in ("On", " foot.", "")),
        {**_choice("stop", role="assistant", content=""), **_usage(12, 21, 17)},
        model="glm-4.7",
    )


def _mistral_thinking() -> Recording:
    """Build thinking that comes as parts in the content, where text is a plain string."""
    thoughts = ("Is there", " a light?", " Say so.")
    parts = ([{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}] for thought in thoughts)
    return _chat(
        "/v1/chat/completions",
        _choice(role="assistant", content=""),
        *(_choice(content=part) for part in parts),
        *(_choice(content=piece) for piece in ("Cross", " at the", " light.")),
        {**_choice("stop", content=""), **_usage(8, 15)},
        model="magistral-medium-latest",
    )


def _groq_web_search() -> Recording:
    """Build a search whose every event has an id of its own; the usage is in `x_groq`."""
    tool = {"index": 0, "type": "search", "arguments": '{"query": "zebra crossing"}', "search_results": {"results": []}}
    used = {**_usage(640, 33)["usage"], "queue_time": 0.1, "total_time": 0.4}
    pieces: list[Json] = [
        *({"reasoning": piece} for piece in ("<think>\n", "Search first.", "\n</think>\n")),
        {"executed_tools": [tool]},
        *({"content": piece} for piece in ("Drivers", " stop at", " a zebra.")),
    ]
    return _chat(
        "/openai/v1/chat/completions",
        *({**_choice(**piece), "id": f"chat-{n}"} for n, piece in enumerate(pieces)),
        {**_choice("stop"), "id": "stub", "x_groq": {"usage": used}},
        model="groq/compound",
    )


PROCESSING = ": OPENROUTER PROCESSING"


def _openrouter_reasoning() -> Recording:
    """Build an answer between comments; the usage, with its cost, comes after the end."""
    usage = {**_usage(11, 7, 0)["usage"], "cost": 0.0002, "is_byok": False}
    return _chat(
        "/api/v1/chat/completions",
        PROCESSING,
        PROCESSING,
        _choice(role="assistant", content=""),
        PROCESSING,
        *(_choice(role="assistant", content=piece) for piece in ("Mind", " the", " bicycles", ".")),
        _choice("stop", role="assistant", content=""),
        {**_choice(role="assistant", content=""), "usage": usage},
        model="openai/o3",
    )


def _openrouter_error() -> Recording:
    """Build thinking that ends in an error, in an event with a choice that looks like any other."""
    thoughts = ("Somebody wants", " to cross")
    return _chat(
        "/api/v1/chat/completions",
        PROCESSING,
        *(_choice(role="assistant", content="", reasoning=thought) for thought in thoughts),
        _choice("length", role="assistant", content="", reasoning=None),
        {
            **_choice(role="assistant", content=""),
            "error": {"code": 400, "message": "The street is closed"},
            **_usage(20, 4, 4),
        },
        model="minimax/minimax-m2:free",
    )


def _openrouter_cost() -> Recording:
    """Build an answer whose last event says what it cost."""
    cost = {"cost": 0.00012, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.00012}}
    return _chat(
        "/api/v1/chat/completions",
        PROCESSING,
        _choice(role="assistant", content="Wave"),
        _choice("stop", role="assistant", content=""),
        {**_choice("stop", role="assistant", content=""), "usage": {**_usage(9, 2, 0)["usage"], **cost}},
        model="anthropic/claude-haiku-4.5",
    )


def _perplexity_cost() -> Recording:
    """Build a search whose every event repeats the pages and the cost so far; the last one has no [DONE] behind it."""
    pages = {"citations": ["https://crossings.example/zebra"], "search_results": [{"title": "Zebra crossings"}]}

    def event(written: int, cost: float, finish: str | None = None, **delta: str) -> Json:
        costs = {"input_tokens_cost": 0, "output_tokens_cost": cost / 50, "request_cost": cost, "total_cost": cost}
        usage = {**_usage(6, written)["usage"], "search_context_size": "low", "cost": costs}
        return {**_choice(finish, role="assistant", **delta), **pages, "usage": usage}

    events = [event(1, 0, content="Look"), event(2, 0, content=" left."), event(3, 0.005, "stop", content="")]
    recording = _chat("/chat/completions", *events, model="sonar")
    return {**recording, "sse": recording["sse"].removesuffix("data: [DONE]\n\n")}


def _snowflake_no_finish() -> Recording:
    """Build an answer that ends without a reason."""
    return _chat(
        "/api/v2/cortex/v1/chat/completions",
        _choice(role="assistant", content="Run", refusal="", tool_calls=None),
        _choice(role="assistant", content="", refusal="", tool_calls=None),
        {"choices": [], **_usage(21, 4, 0)},
        model="claude-sonnet-4-6",
    )


STREAMS: Mapping[str, Recording] = {
    "deepseek-thinking": _deepseek_thinking(),
    "groq-web-search": _groq_web_search(),
    "mistral-thinking": _mistral_thinking(),
    "openai-text": _openai_tool_call(),
    "openai-text-1": _openai_text(),
    "openrouter-error": _openrouter_error(),
    "openrouter-reasoning": _openrouter_reasoning(),
    "openrouter-cost": _openrouter_cost(),
    "perplexity-cost": _perplexity_cost(),
    "snowflake-no-finish": _snowflake_no_finish(),
    "zai-thinking": _zai_thinking(),
}
