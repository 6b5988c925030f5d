"""What litellm makes of one call, read as deltas: its chunks, their end, and the pages of a search."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.run import Usage
from bot.models import client, search
from bot.models.catalogue import Model
from bot.models.client import ModelStream, Request
from bot.models.deltas import Delta
from bot.models.error_mapping import CLOSED_EARLY
from bot.models.errors import ProviderError
from bot.models.transforms import Deltas
from bot.models.usage import read_report, read_usage
from bot.models.wire_usage import Report


async def stream_search(model: Model, request: Request) -> Deltas:
    """Yield what a search provider has found, all at once. It counts no tokens."""
    pages = await client.search_web(request)
    text = search.number_sources([search.Source(page.title, page.url, page.snippet) for page in pages], model.results)
    if not text:
        raise ProviderError("no_text", search.NOTHING)
    now = asyncio.get_running_loop().time()
    yield Delta(now, text)
    yield Delta(now, usage=Usage(source="reported"), ending="done")


async def stream_answer(request: Request, stream: ModelStream) -> Deltas:
    try:
        async for delta in _read_chunks(stream, searches="web_search_options" in request):
            yield delta
    finally:
        await client.close_stream(stream)


async def _read_chunks(stream: ModelStream, *, searches: bool) -> Deltas:
    """Yield litellm's chunks as deltas. The first may be empty: a sign of life.

    `searches`: the provider was to search. The pages that the answer names then come last; if it names none, nothing
    was searched.
    """
    now = asyncio.get_running_loop().time
    finish, tool, read = None, "", False
    report: Report | None = None
    sources: list[search.Source] = []
    try:
        async for chunk in stream:
            if not chunk.choices:
                continue
            choice = chunk.choices[0]
            finish = choice.finish_reason or finish
            delta = client.read_fields(choice.delta)
            text = delta.get("content") or ""
            thinking = delta.get("reasoning_content") or ""
            if calls := delta.get("tool_calls"):
                tool = tool or calls[0].function.name or "a tool"
            read = read or bool(text)
            sources += search.find_sources(delta)
            known, report = report, read_report(stream)
            so_far = replace(report.usage, source="estimated") if report and report is not known else None
            yield Delta(now(), text, thinking, usage=so_far)
    except Exception:
        if report := read_report(stream):
            yield Delta(now(), usage=report.usage, cost_usd=report.cost_usd)
        raise
    usage, cost = read_report(stream) or (read_usage(stream), None)
    if error := _find_fault(stream, finish, "" if read else tool):
        yield Delta(now(), usage=usage, cost_usd=cost)
        raise error
    if searches:
        pages = search.number_sources(sources, search.MAX_CITED_PAGES)
        yield Delta(now(), f"\n\n{pages}" if pages else "", usage=usage, cost_usd=cost)
        if not pages:
            raise ProviderError("no_text", search.NOTHING)
    yield Delta(now(), usage=usage, cost_usd=cost, ending="length" if finish == "length" else "done")


def _find_fault(stream: ModelStream, finish: str | None, tool: str) -> ProviderError | None:
    if finish == "content_filter":
        return ProviderError("refused", "the model, or the provider's content filter, refused to answer")
    if tool:
        return ProviderError("no_text", f"it asked for a tool ({tool}) instead of answering")
    if stream.received_finish_reason is None and stream.intermittent_finish_reason is None:
        return ProviderError("broken_off", CLOSED_EARLY)
    return None
