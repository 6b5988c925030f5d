"""What a LiteLLM proxy is told of who asks, and that nobody else is told any of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.spending import NOBODY, Payer
from bot.models.catalogue import resolve_models
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, ModelSettings
from storage import SqlStore, open_store
from tests.servers.model_server import CHAT, ModelServer, answer
from tests.support.answers import ASK, AT_ONCE, SEAT, hear

ANN = Payer("r", "discord:123456789", "discord:9", "council")
BOB = ANN._replace(person="discord:987654321")
DIRECT = Payer("d", "slack:U1", "slack:T1:@U1", "compare")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=lambda: 0.0) as opened:
        yield opened


async def ask(store: SqlStore | None, *payers: Payer, litellm: str = "openai/x", **settings: Any) -> list[Any]:
    """Ask a model for each payer; return the bodies of its requests."""
    async with ModelServer() as server:
        server.tell(answer("Tabs."))
        given = {"litellm": litellm, "api_base": f"{server.url}/v1", "api_key": "k", **settings}
        models = resolve_models({"m": ModelSettings.model_validate(given)})
        speaker = Speaker(models, DeadlineSettings(), AT_ONCE, shelf=store)
        for payer in payers:
            assert (await hear(speaker.speak(SEAT, ASK, payer))).text == "Tabs."
        await speaker.aclose()
        return [seen.body for seen in server.log if seen.path == CHAT]


@pytest.mark.parametrize("litellm", ["openai/x", "hosted_vllm/x", "litellm_proxy/x"])
async def test_a_proxy_is_told_a_pseudonym_and_tags(store: SqlStore, litellm: str) -> None:
    ann, bob, direct, nobody = await ask(store, ANN, BOB, DIRECT, NOBODY, litellm=litellm, litellm_proxy=True)
    assert ann["metadata"] == {"tags": ["moot", "server:discord:9", "format:council", "run:r"]}
    assert direct["metadata"] == {"tags": ["moot", "server:slack:T1", "format:compare", "run:d"]}
    assert (nobody["metadata"], nobody.get("user")) == ({"tags": ["moot"]}, None)
    assert len({ann["user"], bob["user"], direct["user"]}) == 3
    assert not any(word in f"{ann} {direct}" for word in ("123456789", "U1"))
    [again] = await ask(store, ANN, litellm=litellm, litellm_proxy=True)
    assert again["user"] == ann["user"], "in another process as well"


async def test_nobody_else_is_told_anything_of_it(store: SqlStore) -> None:
    [body] = await ask(store, ANN)
    assert not {"user", "metadata"} & body.keys()
    assert await store.documents("pseudonyms") == {}


async def test_what_the_operator_sends_along_stays(store: SqlStore) -> None:
    [body] = await ask(store, ANN, litellm_proxy=True, params={"extra_body": {"cache": {"no-cache": True}}})
    assert body["cache"] == {"no-cache": True}
    assert body["metadata"]["tags"][0] == "moot"


async def test_without_a_store_no_person_is_named() -> None:
    [body] = await ask(None, ANN, litellm_proxy=True)
    assert "user" not in body


@pytest.mark.parametrize(
    "given", [{"litellm": "openai/x"}, {"litellm": "anthropic/x", "api_base": "http://127.0.0.1:4000"}]
)
def test_a_model_that_is_no_proxy_cannot_be_called_one(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="litellm_proxy needs api_base, and a name that begins with"):
        ModelSettings.model_validate({**given, "litellm_proxy": True})
