"""One seat speaking: a model's answer as a stream of deltas, and every failure as a ProviderError."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import assert_never
from urllib.parse import urlsplit

import structlog

from bot.concurrency import KeyedSemaphore, SingleFlight
from bot.domain.asks import Ask, JsonSchema
from bot.domain.run import Seat, Usage
from bot.domain.spending import NOBODY, Payer
from bot.errors import StoreFailed
from bot.models import client, parameters, retries, search
from bot.models.catalogue import Model, check_sendable, has_key, key_of, key_state
from bot.models.client import ModelStream, Request
from bot.models.deltas import Delta
from bot.models.error_mapping import CLOSED_EARLY, kind_of, map_error, map_midstream_error
from bot.models.errors import ProviderError
from bot.models.frames import find_codes
from bot.models.images import BLIND, Message, describe_images
from bot.models.ledger import Ledger, Tab, open_tab
from bot.models.limits import Circuit, Queue, is_low, requests_left
from bot.models.local import is_loading
from bot.models.pictures import find_pictures, set_pictures
from bot.models.redaction import make_redactor
from bot.models.requests import (
    build_request,
    does_think,
    find_limit,
    find_reserve,
    response_format,
    takes_schema,
)
from bot.models.tokens import make_counter
from bot.models.transforms import (
    Deltas,
    Transform,
    blank_keys,
    clean_texts,
    count_usage,
    drop_markers,
    keep_deadlines,
    limit_length,
    need_text,
    split_thinking,
    stop_loops,
)
from bot.models.usage import LONG_PROMPT, count_prompt, read_report, read_usage
from bot.models.window import fit_messages
from bot.models.wire_usage import Report
from bot.ports import Clock, DocumentStore, PictureStore
from bot.settings import DeadlineSettings, LimitSettings, RetrySettings
from bot.text import ordinal

log = structlog.get_logger()

Messages = list[Message]
_USUAL_ANSWER = 1_200  # tokens kept free in a window where no limit is set


class Speaker:
    """The caller of models, within the limits of each provider. Close it when no seat speaks any more."""

    def __init__(
        self,
        models: Mapping[str, Model],
        deadlines: DeadlineSettings,
        retry: RetrySettings,
        *,
        answer_chars: int = LimitSettings().answer_chars,
        clock: Clock = time.time,
        shelf: DocumentStore | None = None,
        pictures: PictureStore | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """Take models by key. The shelf keeps what endpoints refuse; `pictures` has those that come without data.

        Without a ledger nothing limits what calls cost.
        """
        self._ledger = ledger
        self._answer_chars = answer_chars
        self._models = models
        self._deadlines = deadlines
        self._retry = retry
        self._clock = clock
        self._proxied = [host for m in models.values() if m.proxy and (host := urlsplit(m.api_base or "").hostname)]
        self._secrets = tuple(filter(None, map(key_of, models.values())))
        self._blank = make_redactor(self._secrets)
        self._queues = {
            provider: Queue(_least_concurrency(models, provider)) for provider in {m.provider for m in models.values()}
        }
        self._circuits = {provider: Circuit(provider) for provider in self._queues}
        self._shelf = shelf
        self._pictures = pictures
        self._habits: dict[str, dict[str, str]] = {}  # endpoint → what it refuses, and takes instead
        self._loading = SingleFlight(lambda key: is_loading(models[key]))  # many may ask a model at once
        self._warm_up_lock = asyncio.Lock()
        self._turns_by_run = KeyedSemaphore()
        self._warm = False

    async def warm_up(self) -> None:
        """Load litellm in a thread, so that the first answer need not wait 2 s for it. A second call does nothing."""
        async with self._warm_up_lock:
            if not self._warm:
                self._habits |= await parameters.read_habits(self._shelf)
                await asyncio.to_thread(_load, self._proxied)
                self._warm = True

    async def aclose(self) -> None:
        """Close the connections kept for later calls."""
        if self._warm:
            await client.close_pool()

    def open_circuits(self) -> Mapping[str, float]:
        """Return providers that are down → seconds until each is tried again."""
        now = _now()
        return {name: left for name, circuit in self._circuits.items() if (left := circuit.seconds_left(now))}

    async def speak(self, seat: Seat, ask: Ask, payer: Payer = NOBODY) -> Deltas:
        """Yield a seat's answer: notices while it waits, then text and thinking; usage and ending come last.

        Raises ProviderError for what a provider does wrong; what came before stands. Closing it closes the connection.
        """
        async with self._turns_by_run.of(payer.run):  # where many wait, one seat of each run goes first
            await self.warm_up()
        model = self._models[seat.model]
        if model.search and not has_key(model):
            raise ProviderError("key", f"its key is {key_state(model)}")
        check_sendable(model)
        ask = await find_pictures(ask, model, self._pictures)
        messages = [] if model.search else await _fit_messages(model, seat, ask)
        set_pictures(self._pictures, messages)
        ticket = self._queues[model.provider].join()
        try:
            async with aclosing(ticket.places()) as places:
                async for place in places:
                    yield Delta(_now(), notice=f"waiting: {ordinal(place)} in the queue of {model.provider}")
            if _is_local(model) and await self._loading.get(model.key):
                yield Delta(_now(), notice="loading the model")
            counted = partial(count_prompt, messages, make_counter(model.litellm, high=True))
            tab = await open_tab(self._ledger, payer, self._models, seat, counted)
            answer = self._answer(model, seat, build_request(model, seat, messages, ask.query), ask.schema, tab)
            for transform in self._transforms(model, messages, seat, find_codes(ask.parts)):
                answer = transform(answer)
            try:
                async with aclosing(answer):
                    async for delta in answer:
                        if tab.note(delta):
                            yield replace(delta, ending="length")
                            return
                        yield delta
            finally:
                await tab.settle()
        finally:
            ticket.leave()

    def _transforms(
        self, model: Model, messages: Messages, seat: Seat, codes: tuple[str, ...]
    ) -> tuple[Transform, ...]:
        """Return the transforms that a stream passes, in this order."""
        count = make_counter(model.litellm)
        return (
            partial(limit_length, most=self._answer_chars),  # first, so that no later one works on more
            clean_texts,  # the one place for whatever models and searches send
            split_thinking,  # before the others, which treat text and thinking apart
            partial(drop_markers, codes=codes),  # of what is text
            stop_loops,  # before anything costs work for text that nobody will see
            partial(blank_keys, secrets=self._secrets),  # on what is left to be seen
            partial(count_usage, count_prompt=partial(count_prompt, messages, count), count=count),  # of all that came
            partial(need_text, limit=find_limit(model, seat)),  # last: it judges what can be read in the end
        )

    def _deadlines_of(self, model: Model, seat: Seat) -> DeadlineSettings:
        """Return the deadlines of a model: its own, and all others'; who loads or thinks first may be silent longer."""
        own = model.deadlines.model_dump(exclude_unset=True) if model.deadlines else {}
        deadlines = self._deadlines.model_copy(update=own)
        is_slow = (_is_local(model) or does_think(model, seat)) and "first_token_timeout_s" not in own
        return _extend_first_token(deadlines) if is_slow else deadlines

    async def _answer(self, model: Model, seat: Seat, request: Request, schema: JsonSchema | None, tab: Tab) -> Deltas:
        """Yield one answer. It is asked for again if it fails in passing before its first token."""
        deadlines = self._deadlines_of(model, seat)
        ends_at = _now() + deadlines.total_timeout_s
        circuit = self._circuits[model.provider]
        for tried in count(1):
            circuit.check(_now())
            asked_at = _now()
            async for why in tab.hold():
                yield Delta(_now(), notice=why)
            ends_at += _now() - asked_at  # the provider has not been asked yet
            if tab.limit is not None and not model.search:
                request = {**request, "max_tokens": tab.limit}
            began = False
            try:
                async with aclosing(keep_deadlines(self._stream(model, request, schema), deadlines, ends_at)) as deltas:
                    async for delta in deltas:
                        if not began:
                            circuit.record_success()
                            began = True
                        yield delta
                return
            except ProviderError as error:
                if began:
                    raise map_midstream_error(error) from None
                _record_outcome(circuit, error)
                await tab.settle(error)
                wait = retries.wait_s(error, tried, self._retry, random.random())
                if wait is None or _now() + wait >= ends_at or circuit.seconds_left(_now()) > wait:
                    raise
                yield Delta(_now(), notice=retries.describe_wait(error, wait))
            await asyncio.sleep(wait)

    async def _stream(self, model: Model, request: Request, schema: JsonSchema | None) -> Deltas:
        """Yield what litellm makes of one call, as deltas."""
        stream = None
        try:
            if not model.search:
                stream = await self._open(model, request, schema)
                self._warn_when_low(model, stream)
            said = _stream_search(model, request) if stream is None else _stream_answer(request, stream)
            async with aclosing(said):
                async for delta in said:
                    yield delta
        except ProviderError:
            raise
        except Exception as error:
            is_reading = model.search != "" or stream is not None
            mapped = map_error(error, self._clock(), self._blank, is_reading=is_reading)
            if mapped.kind == "ours":
                log.error("our own client failed", model=model.key, reason=mapped.text)
            mapped.is_unbilled = not is_reading
            raise mapped from None  # litellm's own text may quote prompt and key

    async def _open(self, model: Model, request: Request, schema: JsonSchema | None) -> ModelStream:
        """Open a stream, with a schema if the model takes one.

        What the endpoint refuses of that is renamed or left out, now and in later requests.
        """
        if schema is not None and takes_schema(model):
            request = {**request, "response_format": response_format(schema)}
        habits = self._habits.setdefault(parameters.endpoint_key(model), {})
        tried: set[str] = set()
        while True:
            used = dict(habits)
            try:
                return await client.open_stream(parameters.adapt_request(request, used))
            except Exception as error:
                refusal = str(error)
                refused = _find_refused(error, [name for name in request if used.get(name, name)])
                if refused is None:
                    raise
            tried.add(used.get(refused, refused))
            if habits.get(refused) != used.get(refused):
                continue  # another seat has just learnt it
            habits[refused] = parameters.find_remedy(refused, refusal, tried)
            log.info("an endpoint refuses a parameter", model=model.key, parameter=refused, instead=habits[refused])
            if self._shelf is not None and not parameters.is_about_value(refusal):
                with suppress(StoreFailed):
                    await self._shelf.put(parameters.endpoint_key(model), dict(habits))

    def _warn_when_low(self, model: Model, stream: ModelStream) -> None:
        left = requests_left(client.response_headers(stream))
        if left and is_low(*left):
            log.warning("few requests are left", provider=model.provider, left=left[0], of=left[1])


def _load(proxied: Collection[str]) -> None:
    client.load_litellm(proxied)
    make_counter("")("hello")  # loads its tables


async def _stream_search(model: Model, request: Request) -> Deltas:
    """Yield what a search provider has found, all at once. It counts no tokens."""
    pages = await client.search_web(request)
    text = search.number_sources([search.Source(page.title, page.url, page.snippet) for page in pages], model.results)
    if not text:
        raise ProviderError("no_text", search.NOTHING)
    yield Delta(_now(), text)
    yield Delta(_now(), usage=Usage(source="reported"), ending="done")


async def _stream_answer(request: Request, stream: ModelStream) -> Deltas:
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


def _is_local(model: Model) -> bool:
    return not model.search and model.price is not None and model.price.source == "local"


def _extend_first_token(deadlines: DeadlineSettings) -> DeadlineSettings:
    """Allow more time: a model is not stalled while its weights load, it reads a long prompt, or it thinks unseen."""
    return deadlines.model_copy(update={"first_token_timeout_s": deadlines.total_timeout_s})


def _record_outcome(circuit: Circuit, error: ProviderError) -> None:
    """Tell the circuit whether an error shows the provider down or alive."""
    match error.kind:
        case "unreachable":
            circuit.record_failure(_now())
        case "rate_limit" | "key" | "billing" | "window" | "refused" | "not_found" | "no_text" | "other":
            circuit.record_success()
        case "stalled" | "broken_off" | "cap" | "ours":
            pass
        case _ as never:
            assert_never(never)


async def _fit_messages(model: Model, seat: Seat, ask: Ask) -> Messages:
    parts = ask.parts if model.sees else [describe_images(part, BLIND) for part in ask.parts]
    window = seat.window or model.window
    reserve = find_reserve(model, seat, window) if window else 0
    fitted = partial(fit_messages, parts, window, reserve, make_counter(model.litellm, high=True))
    if sum(len(part.text) for part in parts) < LONG_PROMPT:
        return fitted()
    return await asyncio.to_thread(fitted)


def _find_refused(error: Exception, sent: Sequence[str]) -> str | None:
    """Return the parameter that an endpoint refuses; None if the error is another one.

    A schema may be refused in any words: it is the least usual of what is sent.
    """
    if getattr(error, "status_code", None) not in (400, 422) or kind_of(error) != "other":
        return None
    return parameters.find_refused(str(error), sent) or next((n for n in sent if n == "response_format"), None)


def _least_concurrency(models: Mapping[str, Model], provider: str) -> int:
    """Return the least concurrency that any model of a provider asks for: they share its limit."""
    return min(m.concurrency for m in models.values() if m.provider == provider)


def _now() -> float:
    return asyncio.get_running_loop().time()
