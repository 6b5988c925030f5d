"""Streams in Cohere's protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.servers.model_server import Recording
from tests.support.streams.recording import Json, make_recording


def make_cohere(*pieces: str, thoughts: tuple[str, ...] = (), finish: str = "COMPLETE") -> Recording:
    """Build a message whose blocks are named events; what is billed is less than what was read and written."""
    blocks = [(kind, said) for kind, said in (("thinking", thoughts), ("text", pieces)) if said]
    events: list[Json] = [{"type": "message-start", "id": "m-1", "delta": {"message": {"role": "assistant"}}}]
    for index, (kind, said) in enumerate(blocks):
        events.append({**_content(kind=kind, text=""), "type": "content-start", "index": index})
        events += ({**_content(**{kind: piece}), "type": "content-delta", "index": index} for piece in said)
        events.append({"type": "content-end", "index": index})
    usage = {
        "billed_units": {"input_tokens": 4, "output_tokens": 3},
        "tokens": {"input_tokens": 90, "output_tokens": 5},
    }
    events.append({"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}})
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}" for event in events]
    return make_recording("/v2/chat", [*lines, "data: [DONE]"])


def _content(kind: str = "", **content: str) -> Json:
    return {"delta": {"message": {"content": {**({"type": kind} if kind else {}), **content}}}}


STREAMS: Mapping[str, Recording] = {"cohere-text": make_cohere("Take", " the", " tunnel", ".")}
