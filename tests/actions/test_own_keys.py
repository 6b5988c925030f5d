"""Giving, listing and forgetting a server's own keys: who may, what is checked, and what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.actions.own_keys import OwnKeyActions
from bot.actions.panels import PanelBook
from bot.actions.permissions import Membership, Person
from bot.actions.pipeline_files import PipelineBook
from bot.actions.services import Services
from bot.errors import Refused
from bot.models.catalogue import Model
from bot.models.own_keys import OwnKeys
from bot.settings.settings import Settings
from storage import open_store
from tests.servers.model_server import ModelServer, error
from tests.support.own_keys import GPT, MASTER, OWN_KEY, take_keys

ADMIN = Person("discord:1", "Ann*", "discord:9", manager=True)
MODERATOR = Person("discord:2", "Mo", "discord:9", moderator=True, manager=False)
DIRECT = Person("slack:U1", "Ann", "slack:T1:@U1", moderator=True, manager=True)
SHARING = Person("discord:1", "Ann", "discord:@1", manager=False, shared=(Membership("discord:9", manager=True),))
MODELS = {
    "m": GPT,
    "gate": Model("gate", "openai/x", "Gate", "openai@gate.example", api_base="https://gate.example/v1"),
    "ollama": Model("ollama", "ollama_chat/x", "O", "ollama_chat"),
    "far": Model("far", "replicate/x", "Far", "replicate"),
}


class Scene:
    """What people may do with keys, on a real store, and a provider's server."""

    def __init__(self, path: Path, server: ModelServer) -> None:
        self.path = path
        self.server = server

    async def open(self, master: str = MASTER) -> AsyncIterator[OwnKeyActions]:
        async with open_store(self.path, clock=lambda: 0.0) as store:
            services = Services(Settings(), PanelBook({}, store), PipelineBook({}, store), MODELS)
            yield OwnKeyActions(services, OwnKeys(store, MODELS, master), lambda: 1_767_268_800.0)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    async with ModelServer() as made:
        for name, value in take_keys(made).items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
async def keys(request: pytest.FixtureRequest, tmp_path: Path, server: ModelServer) -> AsyncIterator[OwnKeyActions]:
    """Yield the actions; its parameter, where a test gives one, is the master key."""
    async for made in Scene(tmp_path / "moot.db", server).open(getattr(request, "param", MASTER)):
        yield made


async def test_a_key_is_given_listed_and_forgotten(keys: OwnKeyActions, server: ModelServer) -> None:
    assert keys.list_providers(ADMIN) == ["openai", "replicate"], "no endpoint of the operator's, nothing that is free"
    assert "openai takes it" in await keys.give("openai", f" “{OWN_KEY}”\n", ADMIN)
    assert [asked.headers["Authorization"] for asked in server.log] == [f"Bearer {OWN_KEY}"]
    assert await keys.describe(ADMIN) == "- **openai**: ends in 6789; given by Ann\\* on 2026-01-01"
    assert "Forgotten" in await keys.take_away("openai", ADMIN)
    assert "has given no key" in await keys.describe(ADMIN)
    with pytest.raises(Refused, match="no such key"):
        await keys.take_away("openai", ADMIN)


@pytest.mark.parametrize("by", [MODERATOR, DIRECT, SHARING], ids=["moderator", "direct", "sharing"])
async def test_only_who_manages_a_server_sees_and_gives_its_keys_and_there_alone(
    keys: OwnKeyActions, by: Person, server: ModelServer
) -> None:
    await keys.give("openai", OWN_KEY, ADMIN)
    asked = len(server.log)
    with pytest.raises(Refused, match=r"somebody who manages this server|in the server whose runs"):
        await keys.give("openai", OWN_KEY, by)
    with pytest.raises(Refused):
        await keys.take_away("openai", by)
    with pytest.raises(Refused):
        await keys.describe(by)
    with pytest.raises(Refused):
        keys.list_providers(by)
    assert len(server.log) == asked


@pytest.mark.parametrize("keys", [""], indirect=True)
async def test_without_a_master_key_it_is_said_how_the_operator_opens_this(keys: OwnKeyActions) -> None:
    with pytest.raises(Refused, match=r"no `own_keys\.master_key`\. They make one with `python -c"):
        await keys.give("openai", OWN_KEY, ADMIN)
    assert "has given no key" in await keys.describe(ADMIN)


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "openai refuses this key"), (403, "openai refuses this key"), (500, "cannot be asked now")],
)
async def test_a_key_that_is_not_taken_is_not_kept(
    keys: OwnKeyActions, server: ModelServer, status: int, said: str
) -> None:
    server.tell(error(status, f"no: {OWN_KEY}"), path="/v1/models")
    with pytest.raises(Refused, match=said) as told:
        await keys.give("openai", OWN_KEY, ADMIN)
    assert OWN_KEY not in str(told.value)
    assert "has given no key" in await keys.describe(ADMIN)


async def test_where_no_list_is_known_the_key_is_kept_unchecked(keys: OwnKeyActions, server: ModelServer) -> None:
    assert "no way to check it" in await keys.give("replicate", OWN_KEY, ADMIN)
    assert server.log == []


@pytest.mark.parametrize("typed", ["", "two words", "schlüssel"])
async def test_what_can_be_no_key_is_not_kept(keys: OwnKeyActions, typed: str, server: ModelServer) -> None:
    with pytest.raises(Refused, match="Nothing was kept"):
        await keys.give("openai", typed, ADMIN)
    with pytest.raises(Refused, match="No model here"):
        await keys.give("elsewhere", OWN_KEY, ADMIN)
    assert server.log == []
