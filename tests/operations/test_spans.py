"""Spans: a run, its stages, their turns and the calls of providers, each in the one above, and no text in any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bot.operations import conventions as names
from tests.servers.model_server import answer, error
from tests.support.discord_bot import StartMoot


class Collector:
    """A collector of spans over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def take(self, request: web.Request) -> web.Response:
        assert request.path == "/v1/traces"
        self.bodies.append(await request.read())
        return web.Response()

    def list_spans(self) -> Iterator[Span]:
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    collector, app = Collector(), web.Application()
    app.router.add_post("/{path:.*}", collector.take)
    async with TestServer(app) as server:
        yield collector, str(server.make_url(""))


def read_attributes(span: Span) -> dict[str, str]:
    """Return what a span holds, as text."""
    return {each.key: str(getattr(each.value, each.value.WhichOneof("value") or "")) for each in span.attributes}


async def test_each_span_lies_in_the_one_above_and_holds_no_text(
    start_moot: StartMoot, collector: tuple[Collector, str]
) -> None:
    taken, url = collector
    moot = await start_moot(tracing={"endpoint": url}, retries={"tries": 2, "base_s": 0.01, "cap_s": 0.05})
    moot.script_model("gpt", error(503, "later"), answer("GPT ", "speaks."))
    moot.script_model("gemini", error(400, "no"))
    await moot.find_end_card(await moot.find_thread(await moot.ask(question="A planted question?")))
    await moot.wait_until_over()
    [row] = await moot.store.runs()
    await moot.stop()  # which sends the last spans
    async with asyncio.timeout(30):
        while not taken.bodies:
            await asyncio.sleep(0.01)

    spans = list(taken.list_spans())
    by_id = {span.span_id: span for span in spans}
    above = sorted((span.name, by_id[span.parent_span_id].name if span.parent_span_id else "") for span in spans)
    assert above == sorted(
        [
            ("run compare", ""),
            ("stage answer", "run compare"),
            *((f"turn {seat}", "stage answer") for seat in ("claude", "gpt", "gemini")),
            ("chat hosted_vllm/claude", "turn claude"),
            ("chat hosted_vllm/gpt", "turn gpt"),
            ("chat hosted_vllm/gpt", "turn gpt"),
            ("chat hosted_vllm/gemini", "turn gemini"),
        ]
    )
    for span in spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        told = read_attributes(span)
        assert not [value for value in told.values() if "planted" in value or "speaks" in value]
        if span.name.startswith("chat "):
            assert (told[names.OPERATION], told[names.PROVIDER]) == ("chat", "hosted_vllm")
            assert span.kind == Span.SPAN_KIND_CLIENT
    [run] = [read_attributes(span) for span in spans if span.name == "run compare"]
    assert (run[names.RUN], run[names.OUTCOME]) == (row.run, "compared")
    failed = [span for span in spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert sorted(span.name for span in failed) == ["chat hosted_vllm/gemini", "chat hosted_vllm/gpt", "turn gemini"]
    again = [told for span in spans if names.RETRIES in (told := read_attributes(span))]
    assert [told[names.RETRIES] for told in again] == ["unreachable"]
