"""Web search by one of litellm's search providers, or by a model whose own provider searches for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from bot.domain.run import Price, Seat
from bot.errors import Misconfigured
from bot.models import prices
from bot.models.catalogue import LOCAL, LOOPBACK, Model, named_variable, provider_of
from bot.models.client import Request
from bot.settings.key_sources import read_key
from bot.settings.settings import SearchSettings

KEY = "searcher"  # of the seat that searches
NOTHING = "the search found no page that can be linked"
MAX_CITED_PAGES = 10  # pages named below a model's own search
TITLE_CHARS, SNIPPET_CHARS = 120, 300  # so much of one source, as people read the same in a message or two

# The providers that take one key, with the variable in which litellm looks for it; "" if they ask for none.
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "brave": ("Brave", "BRAVE_API_KEY"),
    "duckduckgo": ("DuckDuckGo", ""),
    "exa_ai": ("Exa", "EXA_API_KEY"),
    "firecrawl": ("Firecrawl", "FIRECRAWL_API_KEY"),
    "linkup": ("Linkup", "LINKUP_API_KEY"),
    "perplexity": ("Perplexity", "PERPLEXITYAI_API_KEY"),
    "searxng": ("SearXNG", ""),
    "serper": ("Serper", "SERPER_API_KEY"),
    "tavily": ("Tavily", "TAVILY_API_KEY"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A page that a search has brought. `text`: its words on the matter, "" if only the page is named."""

    title: str
    url: str
    text: str = ""


def resolve_searcher(settings: SearchSettings, models: Mapping[str, Model]) -> tuple[Model, Seat] | None:
    """Return the model that searches, and its seat; None if nothing is set up. Raises Misconfigured.

    A search provider is a model of the catalogue's kind, so that its gate, circuit and key are like any model's; no
    panel can seat it.
    """
    if settings.model:
        model, price = _own_search(settings.model, models)
    elif settings.provider:
        model = _search_model(settings)
        price = model.price
    else:
        return None
    return model, Seat(KEY, model.key, model.name, window=model.window, price=price, max_tokens=model.max_tokens)


def with_searcher(models: Mapping[str, Model], found: tuple[Model, Seat] | None) -> Mapping[str, Model]:
    """Return all models that can be asked."""
    return {**models, found[0].key: found[0]} if found else models


def _own_search(key: str, models: Mapping[str, Model]) -> tuple[Model, Price | None]:
    if key not in models:
        raise Misconfigured(f"search.model: there is no model “{key}”; the models are: {', '.join(models) or 'none'}.")
    model = models[key]
    extra = prices.find_own_search_usd(model.litellm, prices.read_map())
    if extra is None:
        raise Misconfigured(
            f"search.model: {model.litellm} has no search of its own that litellm knows of: name a model that has, or "
            f"set search.provider ({', '.join(PROVIDERS)})."
        )
    return model, model.price and replace(model.price, call_usd=extra)


def _search_model(settings: SearchSettings) -> Model:
    provider = settings.provider
    name, variable = PROVIDERS[provider]
    named = named_variable(settings.api_key) if settings.api_key else variable
    return Model(
        key=f"search {provider}",  # with a space, which no model's key has
        litellm=f"{provider}/search",
        name=name,
        provider=provider_of(provider, settings.api_base),
        api_key=settings.resolve_key()
        or read_key(named, os.environ)
        or None,  # litellm takes none of its own to another endpoint
        api_base=settings.api_base,
        concurrency=settings.concurrency,
        price=_price(settings),
        key_variable=named,
        search=provider,
        results=settings.results,
    )


def _price(settings: SearchSettings) -> Price | None:
    """Return the price of a query. What the map lists at nothing is free only if no key is asked for, else unknown."""
    if settings.api_base and urlsplit(settings.api_base).hostname in LOOPBACK:
        return LOCAL
    listed = prices.find_search_usd(settings.provider, settings.results, prices.read_map())
    if listed is None and PROVIDERS[settings.provider][1]:
        return None
    return Price(0.0, 0.0, "litellm", listed or 0.0)


def build_search(model: Model, query: str) -> Request:
    """Build the arguments of litellm.asearch."""
    given = {
        "query": query,
        "search_provider": model.search,
        "max_results": model.results,
        "api_key": model.api_key,
        "api_base": model.api_base,
    }
    return {name: value for name, value in given.items() if value is not None}


def find_sources(delta: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the sources that a chunk of a model's own search names, in the fields of its delta.

    They come in OpenAI's form, which litellm gives Gemini's as well, or in Anthropic's.
    """
    for note in delta.get("annotations") or ():
        if citation := note.get("url_citation"):
            yield Source(str(citation.get("title") or ""), str(citation.get("url") or ""))
    if citation := (delta.get("provider_specific_fields") or {}).get("citation"):
        yield Source(str(citation.get("title") or ""), str(citation.get("url") or ""))


def number_sources(sources: list[Source], most: int) -> str:
    """Write a list of links in Markdown, each page once, in the order in which they were named; "" if none has a link.

    What pages say is one line each, so that it makes no headings, lists or fences.
    """
    pages = {s.url: s for s in reversed(sources) if _host(s.url)}
    kept = [pages[url] for url in dict.fromkeys(s.url for s in sources) if url in pages][:most]
    return "\n".join(f"{n}. {_link(source)}" for n, source in enumerate(kept, 1))


def _host(url: str) -> str:
    """Return the host of a page's address; "" if it cannot be linked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else ""


def _link(source: Source) -> str:
    title = _shorten(source.title, TITLE_CHARS) or _host(source.url)
    for mark in "\\[]":
        title = title.replace(mark, f"\\{mark}")
    url = quote(source.url, safe="/:?&=#%@+,;!$'*~-._")  # without brackets, blanks and quotes, which end a link
    text = _shorten(source.text, SNIPPET_CHARS)
    return f"[{title}]({url})" + (f": {text}" if text else "")


def _shorten(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
