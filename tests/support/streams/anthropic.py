"""Streams in Anthropic's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from tests.servers.model_server import Recording
from tests.support.streams.recording import Json, make_recording

NO_CACHE: Mapping[str, int] = {"cache_read_input_tokens": 0}


def make_anthropic(
    *blocks: Iterable[Json], sent: int, written: int, stop: str = "end_turn", cache: Mapping[str, int] = NO_CACHE
) -> Recording:
    """Build a message of content blocks; each is its start and then its deltas. `cache`: its figures in the usage."""
    first = {"input_tokens": sent, **cache, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-0", "content": []}
    events: list[Json] = [{"type": "message_start", "message": {**message, "stop_reason": None, "usage": first}}]
    for index, (start, *deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "ping"}] if index == 0 else []
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    last = {"input_tokens": sent, **cache, "output_tokens": written}
    events.append({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": last})
    events.append({"type": "message_stop"})
    return make_recording("/v1/messages?beta=true", (f"event: {e['type']}\ndata: {json.dumps(e)}" for e in events))


def thinking_block(*pieces: str) -> list[Json]:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    return [
        {"type": "thinking", "thinking": "", "signature": ""},
        *deltas,
        {"type": "signature_delta", "signature": "QQ=="},
    ]


def text_block(*pieces: str, pages: Iterable[Json] = ()) -> list[Json]:
    """Build a block of text that cites these pages."""
    cited = [{"type": "citations_delta", "citation": {"type": "web_search_result_location", **page}} for page in pages]
    start = {"type": "text", "text": "", **({"citations": []} if cited else {})}
    return [start, *cited, *({"type": "text_delta", "text": piece} for piece in pieces)]


def _anthropic_thinking() -> Recording:
    return make_anthropic(
        thinking_block("No lights", " are named."), text_block("Find", " a bridge", "."), sent=27, written=19
    )


def _anthropic_web_search() -> Recording:
    """Build a search: the provider's own tool, its pages, and text in blocks with and without citations."""
    title, url = "Zebra crossings", "https://crossings.example/zebra"
    other = {"title": "Trams (a list)", "url": "https://trams.example/list?of=all&by=town"}
    found = [{"type": "web_search_result", "title": title, "url": url, "encrypted_content": "QQ==", "page_age": None}]
    page = {"cited_text": "Cars stop.", "title": title, "url": url, "encrypted_index": "QQ=="}
    return make_anthropic(
        thinking_block("I should look", " it up."),
        [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            *({"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"query": "zeb', 'ra crossing"}')),
        ],
        [{"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found}],
        text_block("Use a zebra crossing: "),
        text_block("cars stop", " there", pages=[page]),
        text_block(", and trams may not", pages=[{**page, **other}, page]),
        text_block("."),
        sent=410,
        written=58,
    )


STREAMS: Mapping[str, Recording] = {
    "anthropic-thinking": _anthropic_thinking(),
    "anthropic-web-search": _anthropic_web_search(),
}
