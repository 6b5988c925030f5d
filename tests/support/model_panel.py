"""A panel of three seats, in the settings of the working directory, whose models are on a model server."""

from __future__ import annotations

from pathlib import Path

from tests.servers.model_server import ModelServer, Reply

SEATS = ("ada", "bob", "cyd")


def write_settings(server: ModelServer) -> None:
    """Write moot.toml with the panel; each seat has an endpoint of its own on the server."""
    models = "".join(
        f'[models.{s}]\nlitellm = "hosted_vllm/{s}"\nname = "{s.capitalize()}"\napi_base = "{server.url}/{s}"\n'
        for s in SEATS
    )
    panel = '[panels.default]\nseats = ["ada", "bob", "cyd"]\n'
    waits = "[council]\nquorum = 1.0\nreview_quorum = 1.0\n"  # for a seat that a busy machine holds up as well
    Path("moot.toml").write_text(f"{models}{panel}{waits}[retries]\nbase_s = 0.001\ncap_s = 0.001\n")


def tell_seat(server: ModelServer, seat: str, *replies: Reply) -> None:
    """Set what a seat's model replies, one reply a request."""
    server.tell(*replies, path=f"/{seat}/chat/completions")


def tell_every_seat(server: ModelServer, *replies: Reply) -> None:
    """Set what the model of each seat replies."""
    for seat in SEATS:
        tell_seat(server, seat, *replies)
