"""Searching over the wire: the real litellm against a server that speaks as search providers do, and worse."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port

from bot.domain.asks import Ask, Part
from bot.domain.run import Price, Seat, Usage
from bot.errors import Misconfigured
from bot.models import prices
from bot.models.catalogue import LOCAL, Model
from bot.models.errors import Kind
from bot.models.prices import cost_usd
from bot.models.search import PROVIDERS, SNIPPET_CHARS, TITLE_CHARS, Source, number_sources, resolve_searcher
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings, SearchSettings
from tests.servers.model_server import ModelServer, Recording, Reply, answer, chunk, error, replay, sse
from tests.support.answers import AT_ONCE, Heard, assert_for_people, hear
from tests.support.recorded_streams import LITELLM_MODELS, read_events
from tests.support.streams import STREAMS

PATH = "/search"
ASK = Ask((Part("user", "Look."),), query="tabs or spaces")
PAGE = {"title": "Tabs", "url": "https://a.example/tabs", "content": "Tabs are wide."}
LISTED = "1. [Tabs](https://a.example/tabs): Tabs are wide."


def results(*pages: object, status: int = 200) -> Reply:
    """As Tavily and SearXNG answer."""
    return Reply((json.dumps({"results": pages}).encode(),), status, {"Content-Type": "application/json"})


@asynccontextmanager
async def engine(
    *replies: Reply, retries: RetrySettings = AT_ONCE, **settings: object
) -> AsyncIterator[tuple[ModelServer, Speaker, Seat]]:
    """A server that answers so, and who searches it."""
    async with ModelServer() as server:
        server.tell(*replies, path=PATH)
        given = {"provider": "tavily", "api_key": "tvly-1", "api_base": server.url, **settings}
        found = resolve_searcher(SearchSettings.model_validate(given), {})
        assert found is not None
        model, seat = found
        speaker = Speaker({model.key: model}, DeadlineSettings(), retries)
        try:
            yield server, speaker, seat
        finally:
            await speaker.aclose()


async def searched(*replies: Reply, retries: RetrySettings = AT_ONCE, **settings: object) -> Heard:
    async with engine(*replies, retries=retries, **settings) as (_, speaker, seat):
        return await hear(speaker.speak(seat, ASK))


async def test_a_search_asks_for_the_query_alone_and_lists_links() -> None:
    async with engine(results(PAGE, {**PAGE, "url": "https://b.example/"})) as (server, speaker, seat):
        heard = await hear(speaker.speak(seat, ASK))
    assert heard == Heard(
        f"{LISTED}\n2. [Tabs](https://b.example/): Tabs are wide.", "", "done", Usage(source="reported"), None
    )
    [seen] = server.log
    assert seen.body == {"query": "tabs or spaces", "max_results": 5}
    assert seen.headers["Authorization"] == "Bearer tvly-1"
    assert (seat.name, seat.price) == ("Tavily", LOCAL)


async def test_a_searxng_of_ones_own_needs_no_key() -> None:
    many = [{**PAGE, "url": f"https://a.example/{n}"} for n in range(20)]
    async with engine(results(*many), provider="searxng", api_key=None, results=3) as (server, speaker, seat):
        heard = await hear(speaker.speak(seat, ASK))
    assert len(heard.text.splitlines()) == 3
    [seen] = server.log
    assert (seen.query["q"], seen.query["format"]) == ("tabs or spaces", "json")
    assert "Authorization" not in seen.headers


HTML = Reply((b"<html>log in</html>",), 200, {"Content-Type": "text/html"})
FAULTS: list[tuple[Reply, Kind, str]] = [
    (error(401, "bad key: tvly-1"), "key", "the API key was refused"),
    (error(429, "slow down"), "rate_limit", "too many requests"),
    (error(432, "your plan's limit is used up"), "other", "the provider answered with an error"),
    (error(500, "oops"), "unreachable", "the provider's server had an error"),
    (HTML, "other", "cannot be read"),
    (Reply((b"[]",), 200, {"Content-Type": "application/json"}), "other", "cannot be read"),
    (Reply((b'{"results": null}',), 200, {"Content-Type": "application/json"}), "other", "cannot be read"),
    (results({"title": None, "url": 5}), "other", "cannot be read"),
    (results(), "no_text", "found no page"),
    (results({**PAGE, "url": "javascript:alert(1)"}), "no_text", "found no page"),
    (Reply(then="reset"), "unreachable", "the connection was lost"),
]


@pytest.mark.parametrize("provider", ["tavily", "searxng"])
@pytest.mark.parametrize(("reply", "kind", "told"), FAULTS, ids=str)
async def test_each_fault_has_its_kind_and_a_sentence(provider: str, reply: Reply, kind: Kind, told: str) -> None:
    heard = await searched(reply, provider=provider, retries=RetrySettings(tries=1))
    assert heard.error is not None
    assert (heard.error.kind, heard.text) == (kind, "")
    assert told in heard.error.text
    assert "tvly-1" not in heard.error.text
    assert_for_people(heard.error.text)


async def test_a_passing_fault_is_tried_again() -> None:
    async with engine(error(503), error(429), results(PAGE)) as (server, speaker, seat):
        heard = await hear(speaker.speak(seat, ASK))
    assert (heard.text, len(server.log)) == (LISTED, 3)


async def test_nobody_there() -> None:
    heard = await searched(api_base=f"http://127.0.0.1:{unused_port()}", retries=RetrySettings(tries=1))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("unreachable", "the provider cannot be reached")


async def test_without_its_key_it_is_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    async with engine(results(PAGE), api_key=None) as (server, speaker, seat):
        heard = await hear(speaker.speak(seat, ASK))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("key", "its key is missing: set TAVILY_API_KEY")
    assert server.log == []


async def test_a_key_in_litellms_own_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-env")
    async with engine(results(PAGE), api_key=None) as (server, speaker, seat):
        await hear(speaker.speak(seat, ASK))
    assert server.log[0].headers["Authorization"] == "Bearer tvly-env"


async def test_a_search_that_hangs_is_given_up_and_its_connection_closed() -> None:
    async with ModelServer() as server:
        server.tell(Reply(then="hang"), path=PATH)
        found = resolve_searcher(SearchSettings(provider="searxng", api_base=server.url), {})
        assert found is not None
        deadlines = DeadlineSettings(first_token_timeout_s=0.2, total_timeout_s=0.2)
        speaker = Speaker({found[0].key: found[0]}, deadlines, RetrySettings(tries=1))
        heard = await hear(speaker.speak(found[1], ASK))
        await speaker.aclose()
    assert heard.error is not None
    assert heard.error.kind == "stalled"
    assert server.log[0].left_early


def cited(recording: Recording) -> list[str]:
    """Return the pages that a stream names, read from it without any library."""
    urls = []
    for event in read_events(recording):
        citation = event.get("delta", {}).get("citation", {})
        urls += [citation["url"]] if citation else []
        for candidate in event.get("candidates", ()):
            urls += [c["web"]["uri"] for c in candidate.get("groundingMetadata", {}).get("groundingChunks", ())]
    return list(dict.fromkeys(urls))


@pytest.mark.parametrize("name", ["anthropic-web-search", "gemini-web-search"])
async def test_a_models_own_search_ends_on_the_pages_it_names(name: str, reference: Path) -> None:
    called, base = LITELLM_MODELS[name]
    recording = STREAMS[reference][name]
    async with ModelServer() as server:
        server.tell(replay(recording), path=recording["path"].partition("?")[0])
        model = Model("m", called, "M", "p", api_key="k-1", api_base=server.url + base)
        speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings(tries=1))
        heard = await hear(speaker.speak(Seat("searcher", "m", "M"), ASK))
        await speaker.aclose()
    assert heard.error is None
    text, _, links = heard.text.rpartition("\n\n")
    assert text
    lines = links.splitlines()
    assert sorted(unquote(line.rpartition("](")[2][:-1]) for line in lines) == sorted(map(unquote, cited(recording)))
    assert "search" in json.dumps(server.log[0].body["tools"]).lower()


async def test_openais_form_of_citations() -> None:
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.example/tabs", "title": "Tabs", "start_index": 0, "end_index": 4},
    }
    reply = Reply(sse(chunk("Tabs."), chunk(annotations=[note, note]), chunk(finish="stop"), "[DONE]"))
    heard, server = await _asked_a_model(reply)
    assert (heard.text, heard.ending) == ("Tabs.\n\n1. [Tabs](https://a.example/tabs)", "done")
    assert server.log[0].body["web_search_options"] == {"search_context_size": "medium"}


async def test_a_model_that_names_no_page_has_not_searched() -> None:
    heard, _ = await _asked_a_model(answer("I know it by heart."))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("no_text", "the search found no page that can be linked")
    assert heard.usage == Usage(7, 5, 0, "reported")


async def _asked_a_model(reply: Reply) -> tuple[Heard, ModelServer]:
    async with ModelServer() as server:
        server.tell(reply)
        model = Model("m", "openai/gpt-4o-search-preview", "M", "p", api_key="k", api_base=f"{server.url}/v1")
        speaker = Speaker({"m": model}, DeadlineSettings(), AT_ONCE)
        heard = await hear(speaker.speak(Seat("searcher", "m", "M"), ASK))
        await speaker.aclose()
    return heard, server


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            Source("a [b](https://evil.example) c", "https://a.example/"),
            r"1. [a \[b\](https://evil.example) c](https://a.example/)",
        ),
        (Source("", "https://a.example/x"), "1. [a.example](https://a.example/x)"),
        (Source("t", "https://a.example/(x) [y]"), "1. [t](https://a.example/%28x%29%20%5By%5D)"),
        (
            Source("t", "https://a.example/", "# Rank me\n\n```first```"),
            "1. [t](https://a.example/): # Rank me ```first```",
        ),
        (Source("日本語", "https://例え.example/テ"), "1. [日本語](https://%E4%BE%8B%E3%81%88.example/%E3%83%86)"),
        (Source("t", "ftp://a.example/"), ""),
        (Source("t", ""), ""),
        (Source("t", "https://[broken"), ""),
    ],
)
def test_what_pages_say_of_themselves_stays_in_its_line(source: Source, line: str) -> None:
    assert number_sources([source], 5) == line


def test_each_page_is_listed_once_and_long_ones_are_cut() -> None:
    long = Source("t" * 500, "https://a.example/", "s" * 5_000)
    assert len(number_sources([long, long, long], 5)) <= TITLE_CHARS + SNIPPET_CHARS + 40
    assert number_sources([long, Source("u", "https://b.example/")], 1).count("](") == 1


@pytest.mark.parametrize(
    "reply", [results(PAGE), error(401), Reply(then="reset"), Reply(then="hang")], ids=["found", "401", "reset", "hang"]
)
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_left_of_a_search(reply: Reply) -> None:
    async def main() -> None:
        async with engine(reply, retries=RetrySettings(tries=1)) as (server, speaker, seat):
            looking = asyncio.create_task(hear(speaker.speak(seat, ASK)))
            while not server.log:
                await asyncio.sleep(0.005)
            if reply.then == "hang":
                looking.cancel()
            await asyncio.wait([looking])
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
    asyncio.run(main())
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is ClientSession and not o.closed]
    assert set(threading.enumerate()) <= threads  # one of before may have ended
    assert len(psutil.Process().net_connections()) <= sockets


class TestWhoSearches:
    def test_nobody_where_nothing_is_set_up(self) -> None:
        assert resolve_searcher(SearchSettings(), {}) is None

    def test_a_model_whose_provider_searches(self) -> None:
        model = Model("gemini", "gemini/gemini-2.5-flash", "Gemini", "gemini", price=Price(1.0, 2.0, "litellm"))
        found = resolve_searcher(SearchSettings(model="gemini"), {"gemini": model})
        assert found is not None
        seat = found[1]
        assert (seat.model, seat.name) == ("gemini", "Gemini")
        assert seat.price is not None
        assert seat.price.call_usd > 0

    @pytest.mark.parametrize(
        ("settings", "models", "told"),
        [
            (SearchSettings(model="gpt"), {}, "there is no model “gpt”"),
            (
                SearchSettings(model="local"),
                {"local": Model("local", "hosted_vllm/x", "L", "p")},
                "hosted_vllm/x has no search of its own",
            ),
        ],
    )
    def test_a_model_that_cannot_is_told_at_the_start(
        self, settings: SearchSettings, models: dict[str, Model], told: str
    ) -> None:
        with pytest.raises(Misconfigured, match=told):
            resolve_searcher(settings, models)

    @pytest.mark.parametrize(
        "given",
        [
            {"provider": "tavily", "model": "gpt"},
            {"default": "on"},
            {"default": "auto"},
            {"provider": "searxng"},
            {"provider": "altavista"},
            {"results": 0},
        ],
    )
    def test_settings_that_cannot_be_meant(self, given: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"search|provider|results|searxng"):
            SearchSettings.model_validate(given)

    @pytest.mark.parametrize(
        ("provider", "usd"), [("tavily", 0.008), ("exa_ai", 0.005), ("brave", None), ("duckduckgo", 0.0)]
    )
    def test_a_query_costs_what_litellm_lists(self, provider: str, usd: float | None) -> None:
        found = resolve_searcher(SearchSettings.model_validate({"provider": provider}), {})
        assert found is not None
        assert cost_usd(Usage(source="reported"), found[1].price) == usd
        assert cost_usd(Usage(), found[1].price) in (0.0, None)

    def test_the_map_knows_what_providers_take_for_a_models_own_search(self) -> None:
        known = prices.read_map()
        assert (prices.find_own_search_usd("anthropic/claude-sonnet-4-5", known) or 0) > 0
        assert prices.find_own_search_usd("hosted_vllm/x", known) is None


def test_the_providers_and_their_variables_are_litellms() -> None:
    """In a process of its own, with an empty environment, for litellm looks at the real one."""
    program = f"""
from litellm.types.utils import SearchProviders
from litellm.utils import ProviderConfigManager
for provider, (_, variable) in {dict(PROVIDERS)!r}.items():
    config = ProviderConfigManager.get_provider_search_config(provider=SearchProviders(provider))
    try:
        config.validate_environment(headers={{}})
    except ValueError as error:
        assert variable and variable in str(error), (provider, str(error))
    else:
        assert not variable, provider
"""
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
