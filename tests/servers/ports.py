"""Who has sent a request, as far as a server can see."""

from __future__ import annotations

from aiohttp import web


def read_port(request: web.BaseRequest) -> int:
    """Return the port of the client's end of a request's connection, 0 once that is gone."""
    peer = request.transport and request.transport.get_extra_info("peername")
    return int(peer[1]) if peer else 0
