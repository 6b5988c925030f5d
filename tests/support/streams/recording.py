"""A recorded stream, built from its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.servers.model_server import Recording

Json = Mapping[str, Any]


def make_recording(path: str, lines: Iterable[str], end: str = "\n\n") -> Recording:
    """Return a recorded stream of server-sent events with these lines."""
    sse = "".join(line + end for line in lines)
    return {"path": path, "status": 200, "content_type": "text/event-stream", "sse": sse}
