"""Keys that servers give for their own runs: who pays with which, and what is left of them in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.run import Price
from bot.domain.spending import NOBODY, Caps, Payer
from bot.errors import Misconfigured
from bot.models.catalogue import Model
from bot.models.ledger import Ledger
from bot.models.own_keys import OwnKey, OwnKeys
from bot.models.speak import Speaker
from bot.models.substitutes import line_up
from bot.settings.settings import DeadlineSettings
from storage import SqlStore, open_store
from tests.servers.model_server import ModelServer, answer, error
from tests.support.answers import ASK, AT_ONCE, SEAT, Heard, hear
from tests.support.doctor import ask_doctor
from tests.support.model_panel import tell_every_seat, write_settings
from tests.support.own_keys import GPT, MASTER, NEWER, OWN_KEY, take_keys

HERE, THERE = Payer("r", "discord:1", "discord:9", "council"), Payer("s", "discord:1", "discord:8", "council")
GIVEN = OwnKey("openai", None, "discord:1", "Ann", 5.0)
MODELS = {"m": GPT}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=lambda: 5.0) as opened:
        yield opened


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    """Yield a server that stands in for OpenAI, with a key of the operator's in the environment."""
    async with ModelServer() as made:
        for name, value in take_keys(made).items():
            monkeypatch.setenv(name, value)
        made.tell(answer("Tabs."))
        yield made


def keys_of(store: SqlStore, master: str = MASTER) -> OwnKeys:
    return OwnKeys(store, MODELS, master)


async def ask(keys: OwnKeys, payer: Payer, ledger: Ledger | None = None) -> Heard:
    speaker = Speaker(MODELS, DeadlineSettings(), AT_ONCE, ledger=ledger, own_keys=keys)
    try:
        return await hear(speaker.speak(SEAT, ASK, payer))
    finally:
        await speaker.aclose()


async def test_a_substitute_that_only_a_servers_key_serves_is_asked_there_alone(
    store: SqlStore, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    first = Model("m", "hosted_vllm/first", "First", "first", api_base=f"{server.url}/first", fallbacks=("gpt",))
    models = {"m": first, "gpt": replace(GPT, key="gpt")}
    keys = OwnKeys(store, models, MASTER)
    await keys.put(HERE.server, GIVEN, OWN_KEY)
    lines = [await line_up(models, "m", ASK, keys, payer.server) for payer in (HERE, THERE)]
    assert [[model.key for model in line] for line in lines] == [["m", "gpt"], ["m"]]


async def test_a_servers_key_pays_for_its_runs_and_for_no_others(store: SqlStore, server: ModelServer) -> None:
    keys = keys_of(store)
    await keys.put(HERE.server, GIVEN, OWN_KEY)
    for payer in (HERE, THERE, NOBODY):
        assert (await ask(keys, payer)).text == "Tabs."
    await keys.forget(HERE.server, "openai")
    await ask(keys, HERE)
    operators = "Bearer sk-of-the-operator-0123456789"
    sent = [asked.headers["Authorization"] for asked in server.log]
    assert sent == [f"Bearer {OWN_KEY}", operators, operators, operators]


async def test_the_database_holds_no_key_and_lists_tell_its_ending_alone(store: SqlStore, tmp_path: Path) -> None:
    keys = keys_of(store)
    await keys.put(HERE.server, GIVEN, OWN_KEY)
    assert await keys.list_keys(HERE.server) == [OwnKey("openai", "6789", "discord:1", "Ann", 5.0)]
    assert await keys.list_keys(THERE.server) == []
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"own-key/discord:9/openai" in written
    assert OWN_KEY.encode() not in written
    assert MASTER.encode() not in written


async def test_a_key_that_cannot_be_opened_is_paid_for_by_nobody_else(store: SqlStore, server: ModelServer) -> None:
    await keys_of(store).put(HERE.server, GIVEN, OWN_KEY)
    for master in (NEWER, ""):
        heard = await ask(keys_of(store, master), HERE)
        assert heard.error
        assert "this server's own key for openai cannot be opened" in heard.error.text
        assert [key.ending for key in await keys_of(store, master).list_keys(HERE.server)] == [None]
    assert server.log == []


async def test_a_key_that_was_put_to_another_server_opens_nothing(store: SqlStore, server: ModelServer) -> None:
    await keys_of(store).put(HERE.server, GIVEN, OWN_KEY)
    [sealed] = (await store.documents("own-key/")).values()
    await store.put(f"own-key/{THERE.server}/openai", sealed)
    heard = await ask(keys_of(store), THERE)
    assert heard.error
    assert "cannot be opened" in heard.error.text
    assert server.log == []


async def test_a_master_key_is_replaced_in_two_starts(store: SqlStore) -> None:
    await keys_of(store, MASTER).put(HERE.server, GIVEN, OWN_KEY)
    both = keys_of(store, f"{NEWER},{MASTER}")
    assert [key.ending for key in await both.list_keys(HERE.server)] == ["6789"]
    await both.seal_anew()
    newer = keys_of(store, NEWER)
    await newer.seal_anew()  # changes nothing
    assert await newer.list_keys(HERE.server) == [OwnKey("openai", "6789", "discord:1", "Ann", 5.0)]


@pytest.mark.parametrize("master", ["short", f"{MASTER},", MASTER[:-1]], ids=["short", "no second", "cut"])
def test_a_master_key_that_is_none_is_told_of_and_not_shown(master: str) -> None:
    with pytest.raises(Misconfigured, match=r"own_keys\.master_key is no key: make one with") as told:
        OwnKeys(None, MODELS, master)  # type: ignore[arg-type]  # it reads nothing yet
    assert master not in str(told.value)


@pytest.mark.parametrize("status", [401, 402])
async def test_a_refused_key_is_told_to_the_server_and_does_not_show(
    store: SqlStore, server: ModelServer, status: int
) -> None:
    keys = keys_of(store)
    await keys.put(HERE.server, GIVEN, OWN_KEY)
    server.tell(error(status, f"Incorrect API key provided: {OWN_KEY}."))
    heard = await ask(keys, HERE)
    assert heard.error
    assert heard.error.kind == "other", "no matter of the operator's"
    assert "own key" in heard.error.text
    assert "`/moot key set`" in heard.error.text
    assert OWN_KEY not in heard.error.text
    assert len(server.log) == 1, "the operator's key is not tried instead"


async def test_no_substitute_stands_in_for_a_refused_key(store: SqlStore, server: ModelServer) -> None:
    await keys_of(store).put(HERE.server, GIVEN, OWN_KEY)
    server.tell(error(401, "no"))
    models = {"m": replace(GPT, fallbacks=("n",)), "n": replace(GPT, key="n", litellm="openai/other")}
    speaker = Speaker(models, DeadlineSettings(), AT_ONCE, own_keys=keys_of(store))
    heard = await hear(speaker.speak(SEAT, ASK, HERE))
    await speaker.aclose()
    assert heard.error
    assert [asked.body["model"] for asked in server.log] == ["test"]


async def test_a_model_that_repeats_the_key_does_not_show_it(store: SqlStore, server: ModelServer) -> None:
    odd = "Wx4" + "ab1_" * 8  # of no issuer that is known
    keys = keys_of(store)
    await keys.put(HERE.server, GIVEN, odd)
    server.tell(answer(f"It is {odd[:9]}", f"{odd[9:]}, isn't it?"))
    assert (await ask(keys, HERE)).text == "It is [key removed], isn't it?"


async def test_what_a_server_pays_counts_against_the_limit_of_the_run_alone(
    store: SqlStore, server: ModelServer
) -> None:
    ledger = Ledger(store, Caps(0.5, 0.0, 0.0, 0.0, 0.0), Price(5.0, 25.0, "fallback"), lambda: 5.0)
    keys = keys_of(store)
    refused = await ask(keys, HERE, ledger)
    assert refused.error
    assert refused.error.kind == "cap"
    await keys.put(HERE.server, GIVEN, OWN_KEY)
    assert (await ask(keys, HERE, ledger)).text == "Tabs."
    assert [balance.spent > 0 for balance in await store.balances(HERE, 5.0)] == [True, *[False] * 4]
    [row] = await store.costs("model", 0.0)
    assert row.own_usd == row.usd > 0
    tight = Ledger(store, Caps(0.0), Price(5.0, 25.0, "fallback"), lambda: 5.0)
    capped = await ask(keys, HERE, tight)
    assert capped.error
    assert "for a run" in capped.error.text


async def test_the_doctor_tells_of_a_master_key_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("yes"))
        for master, state in ((MASTER, None), ("sixteen-letters-", "broken")):
            monkeypatch.setenv("MOOT_OWN_KEYS__MASTER_KEY", master)
            report = await ask_doctor(capsys, spend=False)
            assert report.findings.get("own_keys.master_key", {}).get("state") == state
            assert master not in report.text
