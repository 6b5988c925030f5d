"""Streams in Gemini's protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.servers.model_server import Recording
from tests.support.streams.recording import Json, make_recording


def make_gemini(model: str, *parts: Json, used: Json, grounding: Json | None = None, finish: str = "STOP") -> Recording:
    """Build a stream of parts, each with the usage so far; lines end as Google ends them. It may have no parts."""
    contents: list[Json] = [{"parts": [part], "role": "model"} for part in parts] or [{"role": "model"}]
    events = [{"candidates": [{"content": content, "index": 0}]} for content in contents]
    last: dict[str, Any] = events[-1]["candidates"][0]
    last |= {"finishReason": finish, **({"groundingMetadata": grounding} if grounding else {})}
    early = {"promptTokenCount": used["promptTokenCount"], "totalTokenCount": used["promptTokenCount"]}
    lines = [
        f"data: {json.dumps({**event, 'usageMetadata': used if event is events[-1] else early, 'modelVersion': model})}"
        for event in events
    ]
    return make_recording(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", lines, "\r\n\r\n")


def _gemini_text() -> Recording:
    return make_gemini(
        "gemini-2.0-flash-exp",
        *({"text": piece} for piece in ("By", " the footbridge", ".\n")),
        used={"promptTokenCount": 14, "candidatesTokenCount": 6, "totalTokenCount": 20},
    )


def _gemini_thinking() -> Recording:
    """Build thinking as parts that are marked as thoughts."""
    return make_gemini(
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
    return make_gemini(
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


SOME_USAGE: Json = {"promptTokenCount": 14, "candidatesTokenCount": 6, "totalTokenCount": 20}
ALL_THOUGHT: Json = {"promptTokenCount": 14, "thoughtsTokenCount": 1_197, "totalTokenCount": 1_211}

STREAMS: Mapping[str, Recording] = {
    "gemini-text": _gemini_text(),
    "gemini-thinking": _gemini_thinking(),
    "gemini-web-search": _gemini_web_search(),
}
