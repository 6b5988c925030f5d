"""The run that `moot demo` plays, made anew: `python -m tests.support.demo_recording`.

The answers are those of the pictures. A real run in this process is told them at the pace below, and its file replaces
the packaged one.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.cli.records import export_once
from bot.cli.replay import DEMO
from bot.cli.try_run import try_once
from storage import open_store
from tests.servers.model_server import MakeReply, ModelServer, Reply
from tests.support.pictures.scripts import ANSWERS, QUESTION, REVIEWS, SEATS, SYNTHESIS, make_review, say

SPEAKS_S = {"skeptic": 8.2, "engineer": 7.6, "economist": 7.9, "chair": 7.0}  # nearly as slowly as people read
REVIEWS_S = 1.5


def review_slowly(seat: str) -> MakeReply:
    """Make the review of a seat, at the pace of a review."""
    return lambda request: slow_down(make_review(seat)(request), REVIEWS_S)


def slow_down(reply: Reply, seconds: float) -> Reply:
    """Return the reply as it takes about so many seconds."""
    return replace(reply, gap_s=seconds / len(reply.pieces))


def write_settings(server: ModelServer) -> None:
    """Write the settings of a council whose seats and chair are asked at the server."""
    prices = "input_usd_per_mtok = 3.0\noutput_usd_per_mtok = 15.0"
    models = "".join(
        f'[models.{key}]\nlitellm = "hosted_vllm/{key}"\nname = "{name}"\napi_base = "{server.url}/{key}"\n{prices}\n'
        for key, name in {**SEATS, "chair": "Chair"}.items()
    )
    panel = f'[panels.default]\nseats = {json.dumps(list(SEATS))}\nchair = "chair"\n'
    Path("moot.toml").write_text(f"{models}{panel}[council]\nquorum = 1.0\nreview_quorum = 1.0\n")


async def record_demo(path: Path) -> None:
    """Play the scripted council in the working directory, and write its file to `path`."""
    async with ModelServer() as server:
        write_settings(server)
        for seat, text in {**ANSWERS, "chair": SYNTHESIS}.items():
            reviews = [review_slowly(seat)] if seat in REVIEWS else []
            # the first run loads what all later ones use, which is no pace of a seat
            server.tell(say(text), slow_down(say(text), SPEAKS_S[seat]), *reviews, path=f"/{seat}/chat/completions")
        await try_once("compare", {"question": QUESTION, "models": ",".join(SPEAKS_S)})
        await try_once("council", {"question": QUESTION})
    async with open_store(Path("moot.db"), clock=time.time, read_only=True) as store:
        [run] = [row.run for row in await store.runs() if row.format == "council"]
    await export_once(run, "json", path)


if __name__ == "__main__":
    packaged = DEMO.resolve()
    with TemporaryDirectory() as empty:
        os.chdir(empty)
        asyncio.run(record_demo(packaged))
