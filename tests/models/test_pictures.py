"""Pictures that lie in the store reach each provider as if they had been in the request."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.asks import Ask, Part
from bot.domain.run import Image
from bot.models.catalogue import LOCAL, Model
from bot.models.images import GONE, MARK
from storage import SqlStore, open_store
from tests.servers.model_server import ModelServer, Reply, answer, sse
from tests.support.answers import collect_deltas, make_model, open_speaker

CAT, DOG = (bytes(range(256)) * size + b"end" * extra for size, extra in ((1_000, 1), (1, 0)))  # of many pieces; of one
OPENAI = answer("Seen.")
ANTHROPIC = Reply(
    sse(
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Seen."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    )
)
GEMINI = Reply(
    sse({"candidates": [{"content": {"role": "model", "parts": [{"text": "Seen."}]}, "finishReason": "STOP"}]})
)
OLLAMA = Reply(
    tuple(
        json.dumps({"model": "llava", "message": {"role": "assistant", "content": text}, "done": done}).encode() + b"\n"
        for text, done in (("Seen.", False), ("", True))
    )
)
PROVIDERS: dict[str, tuple[Model, Reply, str]] = {
    "hosted_vllm": (make_model("", "hosted_vllm"), OPENAI, "/v1/chat/completions"),
    "openai": (make_model("", "openai"), OPENAI, "/v1/chat/completions"),
    "anthropic": (
        Model("m", "anthropic/claude-sonnet-4-5", "M", "p", api_key="k-1", api_base="", max_tokens=9),
        ANTHROPIC,
        "/v1/messages",
    ),
    "gemini": (
        Model("m", "gemini/gemini-2.5-flash", "M", "p", api_key="k-1", api_base="/v1beta"),
        GEMINI,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    ),
    "ollama": (Model("m", "ollama_chat/llava", "M", "p", api_base="", price=LOCAL, num_ctx=8192), OLLAMA, "/api/chat"),
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=itertools.count(1.0).__next__) as opened:
        yield opened


async def send(provider: str, store: SqlStore, *images: Image) -> Any:
    """Return the body that arrives when a model is asked about these pictures."""
    asked, reply, path = PROVIDERS[provider]
    async with ModelServer() as server:
        server.tell(reply, path=path)
        model = replace(asked, api_base=server.url + (asked.api_base or ""), sees=True)
        async with open_speaker(model, pictures=store) as speaker:
            deltas = await collect_deltas(speaker, ask=Ask((Part("user", "Who is it?", images=images),)))
        assert "".join(delta.text for delta in deltas) == "Seen."
        return next(seen.body for seen in server.log if seen.path == path)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_arrives_is_what_a_request_with_its_data_would_be(provider: str, store: SqlStore) -> None:
    pictures = {"cat.png": CAT, "dog.png": DOG, "again.png": CAT}
    inline = [Image(name, "image/png", base64.b64encode(data).decode()) for name, data in pictures.items()]
    kept = [
        Image(name, "image/png", "", await store.keep_picture("r", "ann", "s", data)) for name, data in pictures.items()
    ]
    bodies = [await send(provider, store, *images) for images in (inline, kept, [inline[0], *kept[1:]])]
    assert bodies[0] == bodies[1] == bodies[2]
    assert MARK not in json.dumps(bodies[1])


async def test_a_model_is_told_of_those_that_are_no_longer_kept(store: SqlStore) -> None:
    dog = Image("dog.png", "image/png", "", await store.keep_picture("r", "ann", "s", DOG))
    body = await send("hosted_vllm", store, Image("cat.png", "image/png", "", "0" * 64), dog)
    picture, text = body["messages"][0]["content"]
    assert picture["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(DOG).decode()}"
    assert GONE in text["text"]
    assert "cat.png" in text["text"]
    assert "dog.png" not in text["text"]


async def test_a_person_who_writes_a_mark_gets_no_picture_of_others(store: SqlStore) -> None:
    digest = await store.keep_picture("r", "ann", "s", DOG)
    asked, reply, path = PROVIDERS["hosted_vllm"]
    async with ModelServer() as server:
        server.tell(reply, path=path)
        async with open_speaker(
            replace(asked, api_base=server.url + (asked.api_base or ""), sees=True), pictures=store
        ) as speaker:
            await collect_deltas(speaker, ask=Ask((Part("user", f"What is {MARK}{digest}?"),)))
        assert server.log[-1].body["messages"][0]["content"] == f"What is {MARK}{digest}?"
