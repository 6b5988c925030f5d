"""Substitutes of a model that cannot be asked: the real litellm, and a server that fails as providers do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp.test_utils import unused_port

from bot.domain.asks import Ask, Part
from bot.domain.run import Price
from bot.domain.spending import Balance, Caps, Payer
from bot.models.catalogue import Model
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.ledger import Ledger
from bot.models.speak import Speaker
from bot.models.substitutes import line_up
from bot.settings.settings import DeadlineSettings
from storage import open_store
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, sse
from tests.support.answers import ASK, AT_ONCE, SEAT

QUOTA = error(429, "You exceeded your quota", code="insufficient_quota")
OUTAGES = {
    "503": (error(503), "unreachable"),
    "connection torn": (Reply(then="reset"), "unreachable"),
    "429": (error(429), "rate_limit"),
    "429 after an hour": (error(429, headers={"Retry-After": "3600"}), "rate_limit"),
    "quota": (QUOTA, "billing"),
    "401": (error(401), "key"),
    "an end before any word": (Reply(sse(chunk(""))), "broken_off"),
}
A_MILLIONTH, TEN = Price(1.0, 1.0, "settings"), Price(10.0, 10.0, "settings")
RUN = Payer("r", "ann", "discord:1", "council")


class Said(NamedTuple):
    text: str
    switches: tuple[tuple[str, str, str], ...]  # the model that failed, how, and the one that is asked instead
    usage: tuple[int, int] | None
    error: ProviderError | None


async def listen(speaker: Speaker, ask: Ask = ASK) -> Said:
    deltas: list[Delta] = []
    failure = None
    try:
        async for delta in speaker.speak(SEAT, ask, RUN):
            deltas.append(delta)  # noqa: PERF401  # what came before a failure counts
    except ProviderError as raised:
        failure = raised
    switches = [delta.switch for delta in deltas if delta.switch]
    used = [delta.usage for delta in deltas if delta.usage]
    return Said(
        "".join(delta.text for delta in deltas),
        tuple((switch.failed, switch.error.kind, switch.stand_in.model) for switch in switches),
        (used[-1].input, used[-1].output) if used else None,
        failure,
    )


def tell(server: ModelServer, **replies: Reply) -> None:
    for key, reply in replies.items():
        server.tell(reply, path=f"/{key}/chat/completions")


def make(server: ModelServer, *fallbacks: str, key: str = "m", **changes: object) -> Model:
    model = Model(key, "hosted_vllm/test", key.upper(), key, api_base=f"{server.url}/{key}", fallbacks=fallbacks)
    return replace(model, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def seated(*models: Model, ledger: Ledger | None = None) -> AsyncIterator[Speaker]:
    speaker = Speaker({m.key: m for m in models}, DeadlineSettings(), AT_ONCE, ledger=ledger)
    try:
        yield speaker
    finally:
        await speaker.aclose()


def paths(server: ModelServer) -> list[str]:
    return [seen.path.split("/")[1] for seen in server.log]


@pytest.mark.parametrize("name", OUTAGES)
async def test_where_a_model_cannot_be_asked_its_substitute_answers(name: str) -> None:
    reply, kind = OUTAGES[name]
    async with ModelServer() as server, seated(make(server, "n"), make(server, key="n")) as speaker:
        tell(server, m=reply, n=answer("Tabs.", usage=(7, 5)))
        said = await listen(speaker)
    assert said == Said("Tabs.", (("m", kind, "n"),), (7, 5), None)
    tries = 3 if name in ("503", "connection torn", "429") else 1
    assert paths(server) == ["m"] * tries + ["n"]


async def test_a_refused_connection_is_an_outage() -> None:
    async with ModelServer() as server:
        away = make(server, "n", api_base=f"http://127.0.0.1:{unused_port()}")
        async with seated(away, make(server, key="n")) as speaker:
            tell(server, n=answer("Tabs."))
            assert (await listen(speaker)).text == "Tabs."


REFUSALS: Mapping[str, tuple[Reply, str]] = {
    "content filter": (answer("", finish="content_filter"), "refused"),
    "flagged": (error(403, "Your input was flagged by moderation"), "refused"),
    "content policy": (error(400, "rejected by our content policy", code="content_policy_violation"), "refused"),
    "a prompt too long": (error(400, "too long", code="context_length_exceeded"), "window"),
    "no such model": (error(404), "not_found"),
    "a mistake of ours": (error(400, "Unknown field"), "other"),
    "no words": (answer(""), "no_text"),
    "half an answer": (Reply(sse(chunk("half ")), then="reset"), "broken_off"),
    "half a thought": (Reply(sse(chunk(reasoning_content="hm")), then="reset"), "broken_off"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_nothing_else_is_carried_to_another_model(name: str) -> None:
    reply, kind = REFUSALS[name]
    async with ModelServer() as server, seated(make(server, "n"), make(server, key="n")) as speaker:
        tell(server, m=reply, n=answer("Tabs."))
        said = await listen(speaker)
    assert said.error is not None
    assert (said.error.kind, said.switches) == (kind, ())
    assert set(paths(server)) == {"m"}


async def test_substitutes_are_asked_in_turn_and_the_last_one_says_why_it_cannot() -> None:
    async with ModelServer() as server:
        models = [make(server, "n", "q"), make(server, "o", key="n"), make(server, key="o"), make(server, key="q")]
        async with seated(*models) as speaker:
            tell(server, m=error(401), n=QUOTA, o=error(401), q=answer("no", finish="content_filter"))
            said = await listen(speaker)
    assert said.switches == (("m", "key", "n"), ("n", "billing", "o"), ("o", "key", "q"))
    assert said.error is not None
    assert said.error.kind == "refused"


async def test_what_is_asked_is_fitted_to_the_substitutes_window_and_costs_nothing_where_it_cannot() -> None:
    ask = Ask((Part("user", "word " * 100),))
    async with ModelServer() as server, seated(make(server, "n"), make(server, key="n", window=50)) as speaker:
        tell(server, m=error(401), n=answer("Tabs."))
        said = await listen(speaker, ask)
    assert said.error is not None
    assert said.error.kind == "window"
    assert paths(server) == ["m"]


async def test_a_line_has_each_model_once_and_none_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    made = {key: Model(key, "hosted_vllm/x", key, "p", fallbacks=then) for key, then in (("a", ("b", "c")), ("c", ()))}
    made["b"] = Model("b", "anthropic/x", "b", "anthropic", fallbacks=("c",))
    assert [model.key for model in await line_up(made, "a", ASK, None, "")] == ["a", "c"]
    assert [model.key for model in await line_up(made, "a", Ask((), query="news"), None, "")] == ["a"]


async def test_a_substitutes_own_price_is_held_and_paid_and_no_limit_is_passed(tmp_path: Path) -> None:
    noon = 1_767_225_600.0
    caps = Caps(run=1_300e-6)
    async with ModelServer() as server, open_store(tmp_path / "moot.db", clock=lambda: noon) as store:
        cheap = make(server, "n", price=A_MILLIONTH, max_tokens=100)
        dear = make(server, key="n", price=TEN, max_tokens=100)
        ledger = Ledger(store, caps, TEN, lambda: noon)
        async with seated(cheap, dear, ledger=ledger) as speaker:
            tell(server, m=error(503), n=answer("Tabs.", usage=(7, 50)))
            assert (await listen(speaker)).error is None
            assert (await store.balances(RUN, noon))[0] == Balance(570, 0)
            assert (await listen(speaker)).error is None
            over = await listen(speaker)
        assert over.error is not None
        assert over.error.kind == "cap"
        assert (await store.balances(RUN, noon))[0] == Balance(1_140, 0)
