"""Streams of OpenAI's Responses API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.servers.model_server import Recording, Reply
from tests.support.streams.recording import Json, make_recording

_REASONING = {"id": "rs_1", "type": "reasoning", "summary": []}


def make_responses(
    item: Json, *events: Json, sent: int, written: int, thought: int, cut_by: str = "", path: str = "/v1/responses"
) -> Recording:
    """Build a response that thinks unseen and then brings one item. `cut_by`: why it is not whole."""
    usage = {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": sent + written,
    }
    response: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "gpt-5"}
    response |= {
        "error": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "incomplete_details": None,
    }
    begun = {**response, "status": "in_progress", "output": []}
    ended = {**response, "status": "completed", "output": [_REASONING, item], "usage": usage}
    if cut_by:
        ended |= {"status": "incomplete", "incomplete_details": {"reason": cut_by}, "output": [_REASONING]}
    said: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _REASONING},
        {"type": "response.output_item.done", "output_index": 0, "item": _REASONING},
        *events,
        {"type": f"response.{ended['status']}", "response": ended},
    ]
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(said))
    return make_recording(path, (f"event: {event['type']}\ndata: {json.dumps(event)}" for event in numbered))


def make_text_response(*pieces: str, cut_by: str = "") -> Recording:
    text = "".join(pieces)
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    at = {"output_index": 1, "item_id": "msg_1", "content_index": 0}
    deltas = [{"type": "response.output_text.delta", **at, "delta": piece} for piece in pieces]
    events = [
        {"type": "response.output_item.added", "output_index": 1, "item": {**item, "content": []}},
        *deltas,
        {"type": "response.output_text.done", **at, "text": text},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
    ]
    return make_responses(item, *(events if pieces else []), sent=20, written=70, thought=64, cut_by=cut_by)


def make_whole_response(text: str) -> Reply:
    """Build the answer to a request that asks for no stream: the response that a stream ends with."""
    last = make_text_response(text)["sse"].strip().rpartition("data: ")[2]
    body = json.dumps(json.loads(last)["response"]).encode()
    return Reply((body,), headers={"Content-Type": "application/json"})


def _tool_call() -> Recording:
    """Build a tool call, its arguments in pieces, without any text."""
    call = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "find_crossing"}
    item = {**call, "status": "completed", "arguments": '{"street":"Quay"}'}
    at = {"output_index": 1, "item_id": "fc_1"}
    deltas = [
        {"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in ('{"street":', '"Quay"}')
    ]
    return make_responses(
        item,
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {**call, "status": "in_progress", "arguments": ""},
        },
        *deltas,
        {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
        sent=41,
        written=90,
        thought=64,
    )


STREAMS: Mapping[str, Recording] = {"openai-responses": _tool_call()}
