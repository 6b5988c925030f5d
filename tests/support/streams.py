"""Providers' streams: the recorded ones of the shared folder, and our own in the same shapes under the same names.

What our own say and count is invented. Each has what makes its provider's stream unlike the others'.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.servers.model_server import Recording, recordings
from tests.support.shared import OWN, SHARED

Json = Mapping[str, Any]


def _recording(path: str, lines: Iterable[str], end: str = "\n\n") -> Recording:
    sse = "".join(line + end for line in lines)
    return {"path": path, "status": 200, "content_type": "text/event-stream", "sse": sse}


# OpenAI's protocol, which most providers speak with habits of their own


def _chat(path: str, *events: Json | str, model: str) -> Recording:
    """Build a stream of chat completions: text is a line as it stands, anything else an event's own fields."""
    head = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}
    lines = (event if isinstance(event, str) else f"data: {json.dumps({**head, **event})}" for event in events)
    return _recording(path, [*lines, "data: [DONE]"])


def _choice(finish: str | None = None, **delta: object) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _used(prompt: int, completion: int, reasoning: int | None = None) -> Json:
    details = {} if reasoning is None else {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"usage": {**counts, **details}}


def _calls(finish: str | None = None, **function: str) -> Json:
    return _choice(finish, tool_calls=[{"index": 0, "function": function}])


def _openai_text() -> Recording:
    """Build an answer whose usage comes in an event without any choice."""
    return _chat(
        "/v1/chat/completions",
        {**_choice(role="assistant", content="", refusal=None), "usage": None},
        *({**_choice(content=piece), "usage": None} for piece in ("Wait", " for", " the", " tram", ".")),
        {**_choice("stop"), "usage": None},
        {"choices": [], **_used(31, 6, 0)},
        model="gpt-4o-mini",
    )


def _openai_tool_call() -> Recording:
    """Build a tool call, its arguments in pieces, without any text."""
    named = {"name": "find_crossing", "arguments": ""}
    call = {"index": 0, "id": "call_1", "type": "function", "function": named}
    return _chat(
        "/v1/chat/completions",
        _choice(role="assistant", content=None, tool_calls=[call]),
        *(_calls(arguments=piece) for piece in ('{"', "street", '":"Quay', ' Lane"}')),
        _choice("tool_calls"),
        {"choices": [], **_used(48, 11, 0)},
        model="gpt-4o-mini",
    )


def _deepseek_thinking() -> Recording:
    """Build thinking in a field of its own; the text's field is null meanwhile, and the other way round."""
    return _chat(
        "/chat/completions",
        _choice(role="assistant", content=None, reasoning_content=""),
        *(_choice(content=None, reasoning_content=piece) for piece in ("A street", " has two", " sides.")),
        *(_choice(content=piece, reasoning_content=None) for piece in ("Look", " both ways", "!")),
        {**_choice("stop", content="", reasoning_content=None), **_used(9, 14, 8)},
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
        {**_choice("stop", role="assistant", content=""), **_used(12, 21, 17)},
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
        {**_choice("stop", content=""), **_used(8, 15)},
        model="magistral-medium-latest",
    )


def _groq_web_search() -> Recording:
    """Build a search whose every event has an id of its own; the usage is in `x_groq`."""
    tool = {"index": 0, "type": "search", "arguments": '{"query": "zebra crossing"}', "search_results": {"results": []}}
    used = {**_used(640, 33)["usage"], "queue_time": 0.1, "total_time": 0.4}
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
    usage = {**_used(11, 7, 0)["usage"], "cost": 0.0002, "is_byok": False}
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
            **_used(20, 4, 4),
        },
        model="minimax/minimax-m2:free",
    )


# Anthropic's protocol


def _anthropic(*blocks: Iterable[Json], sent: int, written: int) -> Recording:
    """Build a message of content blocks: of each, what it starts with and then its deltas."""
    first = {"input_tokens": sent, "cache_read_input_tokens": 0, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-0", "content": []}
    events: list[Json] = [{"type": "message_start", "message": {**message, "stop_reason": None, "usage": first}}]
    for index, (start, *deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "ping"}] if index == 0 else []
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    last = {"input_tokens": sent, "cache_read_input_tokens": 0, "output_tokens": written}
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": last})
    events.append({"type": "message_stop"})
    return _recording("/v1/messages?beta=true", (f"event: {e['type']}\ndata: {json.dumps(e)}" for e in events))


def _thought(*pieces: str) -> list[Json]:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    return [
        {"type": "thinking", "thinking": "", "signature": ""},
        *deltas,
        {"type": "signature_delta", "signature": "QQ=="},
    ]


def _written(*pieces: str, pages: Iterable[Json] = ()) -> list[Json]:
    """Build a block of text that rests on these pages."""
    cited = [{"type": "citations_delta", "citation": {"type": "web_search_result_location", **page}} for page in pages]
    start = {"type": "text", "text": "", **({"citations": []} if cited else {})}
    return [start, *cited, *({"type": "text_delta", "text": piece} for piece in pieces)]


def _anthropic_thinking() -> Recording:
    return _anthropic(_thought("No lights", " are named."), _written("Find", " a bridge", "."), sent=27, written=19)


def _anthropic_web_search() -> Recording:
    """Build a search: the provider's own tool, its pages, and text in blocks with and without citations."""
    title, url = "Zebra crossings", "https://crossings.example/zebra"
    other = {"title": "Trams (a list)", "url": "https://trams.example/list?of=all&by=town"}
    found = [{"type": "web_search_result", "title": title, "url": url, "encrypted_content": "QQ==", "page_age": None}]
    page = {"cited_text": "Cars stop.", "title": title, "url": url, "encrypted_index": "QQ=="}
    return _anthropic(
        _thought("I should look", " it up."),
        [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            *({"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"query": "zeb', 'ra crossing"}')),
        ],
        [{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found}],
        _written("Use a zebra crossing: "),
        _written("cars stop", " there", pages=[page]),
        _written(", and trams may not", pages=[{**page, **other}, page]),
        _written("."),
        sent=410,
        written=58,
    )


# Gemini's protocol


def _gemini(model: str, *parts: Json, used: Json, grounding: Json | None = None) -> Recording:
    """Build a stream of parts, each with the usage so far; lines end as Google ends them."""
    events = [{"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]} for part in parts]
    last: dict[str, Any] = events[-1]["candidates"][0]
    last |= {"finishReason": "STOP", **({"groundingMetadata": grounding} if grounding else {})}
    early = {"promptTokenCount": used["promptTokenCount"], "totalTokenCount": used["promptTokenCount"]}
    lines = [
        f"data: {json.dumps({**event, 'usageMetadata': used if event is events[-1] else early, 'modelVersion': model})}"
        for event in events
    ]
    return _recording(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", lines, "\r\n\r\n")


def _gemini_text() -> Recording:
    return _gemini(
        "gemini-2.0-flash-exp",
        *({"text": piece} for piece in ("By", " the footbridge", ".\n")),
        used={"promptTokenCount": 14, "candidatesTokenCount": 6, "totalTokenCount": 20},
    )


def _gemini_thinking() -> Recording:
    """Build thinking as parts that are marked as thoughts."""
    return _gemini(
        "gemini-2.5-pro",
        *({"text": piece, "thought": True} for piece in ("**Weighing it**\n\nIt depends", " on the street.\n\n\n")),
        *({"text": piece} for piece in ("Slowly", " and together.")),
        used={"promptTokenCount": 22, "candidatesTokenCount": 5, "thoughtsTokenCount": 40, "totalTokenCount": 67},
    )


def _gemini_web_search() -> Recording:
    """Build a search: its pages are in the last event, its tokens beside the prompt's."""
    sites = {"crossings.example": "https://search.example/to/1", "trams.example": "https://search.example/to/2"}
    segments = (
        {"startIndex": 6, "endIndex": 11, "text": "brake"},
        {"startIndex": 12, "endIndex": 19, "text": "slowly."},
    )
    grounding = {
        "searchEntryPoint": {"renderedContent": "<div>tram brakes</div>"},
        "groundingChunks": [{"web": {"uri": uri, "title": title}} for title, uri in sites.items()],
        "groundingSupports": [{"segment": s, "groundingChunkIndices": [n]} for n, s in enumerate(segments)],
        "webSearchQueries": ["tram brakes"],
    }
    return _gemini(
        "gemini-2.5-pro",
        *({"text": piece} for piece in ("Trams", " brake", " slowly.")),
        used={
            "promptTokenCount": 13,
            "candidatesTokenCount": 7,
            "toolUsePromptTokenCount": 60,
            "thoughtsTokenCount": 25,
            "totalTokenCount": 105,
        },
        grounding=grounding,
    )


# by folder of reference data, then by name
STREAMS: Mapping[Path, Mapping[str, Recording]] = {
    OWN: {
        "anthropic-thinking": _anthropic_thinking(),
        "anthropic-web-search": _anthropic_web_search(),
        "deepseek-thinking": _deepseek_thinking(),
        "gemini-text": _gemini_text(),
        "gemini-thinking": _gemini_thinking(),
        "gemini-web-search": _gemini_web_search(),
        "groq-web-search": _groq_web_search(),
        "mistral-thinking": _mistral_thinking(),
        "openai-text": _openai_tool_call(),
        "openai-text-1": _openai_text(),
        "openrouter-error": _openrouter_error(),
        "openrouter-reasoning": _openrouter_reasoning(),
        "zai-thinking": _zai_thinking(),
    },
    SHARED: recordings(SHARED / "wire"),
}
