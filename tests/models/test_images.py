"""Pictures on their way to a model: over the wire, through the real litellm, as each provider wants them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.asks import Ask, Part
from bot.domain.run import Image
from bot.models.catalogue import LOCAL, Model, resolve_models
from bot.models.errors import ProviderError
from bot.models.images import BLIND, IMAGE_TOKENS, NO_ROOM, describe_images
from bot.models.local import discover_servers
from bot.models.usage import count_prompt
from bot.models.window import CUT_MARK, fit_messages
from bot.settings.settings import ModelSettings
from tests.servers.model_server import ModelServer, Reply, answer, sse
from tests.support.answers import collect_deltas, make_model, open_speaker
from tests.support.local_servers import LLAMA_CPP, OLLAMA, send_json, serve_paths

DATA = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
CAT, DOG = Image("cat.png", "image/png", DATA), Image("dog.jpg", "image/jpeg", DATA)
ASK = Ask((Part("system", "Be brief."), Part("user", "Who is it?", images=(CAT, DOG)), Part("user", "Answer now.")))
TEXT = "Who is it?\n\nAnswer now."
LINE = "[Images came with this, but you cannot see images. Say so where it matters. They are: cat.png, dog.jpg]"


async def sent(asked: Model, reply: Reply, path: str) -> Any:
    """The body that arrives at `path`."""
    async with ModelServer() as server:
        server.tell(reply, path=path)
        async with open_speaker(replace(asked, api_base=server.url + (asked.api_base or ""))) as made:
            deltas = await collect_deltas(made, ask=ASK)
        assert "".join(delta.text for delta in deltas) == "A cat."
        return next(seen.body for seen in server.log if seen.path == path)


@pytest.mark.parametrize("prefix", ["hosted_vllm", "openai"])
async def test_a_model_that_sees_gets_images_before_the_text(prefix: str) -> None:
    asked = replace(make_model("", prefix), sees=True)
    body = await sent(asked, answer("A cat."), "/v1/chat/completions")
    system, question = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert [piece["type"] for piece in question["content"]] == ["image_url", "image_url", "text"]
    urls = [piece["image_url"]["url"] for piece in question["content"][:2]]
    assert urls == [f"data:image/png;base64,{DATA}", f"data:image/jpeg;base64,{DATA}"]
    assert question["content"][2]["text"] == TEXT


async def test_a_model_that_does_not_is_told_of_them() -> None:
    body = await sent(make_model(""), answer("A cat."), "/v1/chat/completions")
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"{LINE}\n{TEXT}"},
    ]


async def test_anthropic_gets_them_in_its_own_form() -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A cat."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    reply = Reply(sse(*events))
    asked = Model("m", "anthropic/claude-sonnet-4-5", "M", "p", api_key="k-1", api_base="", sees=True, max_tokens=9)
    body = await sent(asked, reply, "/v1/messages")
    pieces = body["messages"][0]["content"]
    source = {"type": "base64", "media_type": "image/png", "data": DATA}
    assert (pieces[0]["type"], pieces[0]["source"]) == ("image", source)
    assert [piece.get("text") for piece in pieces] == [None, None, TEXT]


async def test_gemini_gets_them_in_its_own_form() -> None:
    said = {"content": {"role": "model", "parts": [{"text": "A cat."}]}, "finishReason": "STOP"}
    asked = Model("m", "gemini/gemini-2.5-flash", "M", "p", api_key="k-1", api_base="/v1beta", sees=True)
    body = await sent(
        asked, Reply(sse({"candidates": [said]})), "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    )
    pieces = [piece for content in body["contents"] for piece in content["parts"]]
    assert [piece.get("text") for piece in pieces] == [None, None, TEXT]
    given = pieces[0].get("inline_data") or pieces[0].get("inlineData")
    assert given["data"] == DATA


async def test_ollama_gets_them_in_its_own_form() -> None:
    lines = [
        {"model": "llava", "message": {"role": "assistant", "content": "A cat."}, "done": False},
        {"model": "llava", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
    ]
    reply = Reply(tuple(json.dumps(line).encode() + b"\n" for line in lines))
    asked = Model("m", "ollama_chat/llava", "M", "p", api_base="", price=LOCAL, num_ctx=8192, sees=True)
    body = await sent(asked, reply, "/api/chat")
    assert body["messages"][-1]["content"] == TEXT
    assert len(body["messages"][-1]["images"]) == 2


# The window


def content(messages: list[dict[str, Any]]) -> Iterator[Any]:
    return (message["content"] for message in messages)


def test_images_count_towards_the_window() -> None:
    must = Part("user", "x" * 10, images=(CAT, DOG))
    room = 10 + 2 * IMAGE_TOKENS + 4
    assert len(fit_messages([must], room, 0, len).messages) == 1
    with pytest.raises(ProviderError, match=f"takes {room:,} tokens; the model reads {room - 1:,}"):
        fit_messages([must], room - 1, 0, len)


def test_images_go_before_words_do() -> None:
    question = Part("user", "Why?" * 30, cut="tail", images=(CAT,))
    [said] = content(fit_messages([question], IMAGE_TOKENS, 0, len).messages)
    assert said == describe_images(question, NO_ROOM).text
    assert "no room" in said.splitlines()[0]
    [said] = content(fit_messages([question], 150, 0, len).messages)
    assert said.startswith("[Images came with this")  # the line stands first, so that it is cut last
    assert said.endswith(CUT_MARK)


def test_parts_that_may_be_dropped_take_their_images_along() -> None:
    dropped, kept = Part("user", "a", cut="drop", images=(CAT,)), Part("user", "b")
    assert fit_messages([dropped, kept], 100, 0, len).messages == [{"role": "user", "content": "b"}]


def test_an_image_needs_no_words() -> None:
    wordless, cut = Part("user", "", images=(CAT,)), Part("user", "x" * 50, cut="tail")
    [said] = content(fit_messages([wordless, cut], IMAGE_TOKENS + 4, 0, len).messages)
    assert [piece["type"] for piece in said] == ["image_url"]


@given(
    st.lists(
        st.builds(
            Part,
            st.just("user"),
            st.text("x", max_size=60),
            st.integers(0, 2),
            st.sampled_from(["never", "tail", "drop"]),
            st.lists(st.sampled_from([CAT, DOG]), max_size=2).map(tuple),
        ),
        max_size=5,
    ),
    st.integers(0, 6 * IMAGE_TOKENS),
)
def test_with_images_too_nothing_is_over_the_window(parts: list[Part], room: int) -> None:
    def cost(part: Part) -> int:
        return len(part.text) + IMAGE_TOKENS * len(part.images) + 4

    must = [part for part in parts if part.cut == "never" and (part.text or part.images)]
    try:
        messages = fit_messages(parts, room, 0, len).messages
    except ProviderError:
        assert sum(map(cost, must)) > room
        return
    assert sum(map(cost, must)) <= room
    pieces = [p for said in content(messages) if isinstance(said, list) for p in said]
    assert sum(p["type"] == "image_url" for p in pieces) * IMAGE_TOKENS <= room


async def test_an_estimate_counts_them_and_not_their_letters() -> None:
    messages = fit_messages([Part("user", "12345", images=(CAT, DOG))], None, 0, len).messages
    assert await count_prompt(messages, len) == 5 + 2 * IMAGE_TOKENS


# Who sees


def test_the_map_tells_who_sees() -> None:
    names = ("openai/gpt-4.1", "claude-sonnet-4-5", "gpt-3.5-turbo", "hosted_vllm/unknown")
    models = resolve_models({name: ModelSettings(litellm=name) for name in names})
    assert [models[name].sees for name in names] == [True, True, False, False]


async def test_servers_on_this_machine_tell_who_sees() -> None:
    async def show(request: web.Request) -> web.Response:
        sees = (await request.json())["model"].startswith("qwen3")
        return web.json_response({"capabilities": ["completion", "vision"] if sees else ["completion"]})

    props = send_json({"modalities": {"vision": True, "audio": False}})
    async with (
        serve_paths({**OLLAMA, "/api/show": show}) as ollama,
        serve_paths({**LLAMA_CPP, "/props": props}) as llama,
    ):
        first, second = await discover_servers([ollama, llama])
    assert [model.name for model in first.models if model.sees] == ["qwen3:8b"]
    assert [model.sees for model in second.models] == [True]
    async with serve_paths(LLAMA_CPP) as older:
        [found] = await discover_servers([older])
    assert [model.sees for model in found.models] == [False]


def test_a_part_without_images_is_left_alone() -> None:
    part = Part("user", "Why?")
    assert describe_images(part, BLIND) is part
