"""One seat speaking: a model's answer as a stream of deltas, and every failure as a ProviderError."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, zip_longest
from math import ceil, inf
from urllib.parse import urlsplit

import structlog

from bot.concurrency import KeyedSemaphore, SingleFlight
from bot.domain.asks import Ask, JsonSchema
from bot.domain.run import Seat, StandIn
from bot.domain.spending import NOBODY, Payer
from bot.errors import StoreFailed
from bot.models import client, parameters, retries
from bot.models.calls import ObserveCall, ignore_call, observe_stream
from bot.models.catalogue import Model, check_sendable, has_key, key_of, key_state, prefix_of
from bot.models.client import ModelStream, Request
from bot.models.deadlines import find_deadlines, is_on_this_machine
from bot.models.deltas import THINKING, Delta, Switch
from bot.models.error_mapping import kind_of, map_error, map_midstream_error
from bot.models.errors import Kind, ProviderError
from bot.models.frames import find_codes
from bot.models.gates import Gates, Ticket
from bot.models.images import Message
from bot.models.ledger import INPUT_MARGIN, Ledger, Tab, open_tab
from bot.models.limits import Circuit, find_reset_s, is_low, requests_left
from bot.models.local import is_loading
from bot.models.own_keys import OwnKeys, explain_refusal
from bot.models.pictures import find_pictures, set_pictures
from bot.models.proxy_tags import ProxyTags
from bot.models.rate_limits import MINUTE_S, RateLimit
from bot.models.reading import stream_answer, stream_search
from bot.models.redaction import make_redactor
from bot.models.requests import (
    build_request,
    find_limit,
    find_worst_limit,
    response_format,
    takes_schema,
)
from bot.models.substitutes import REPLACEABLE, line_up, seat_on
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
from bot.models.usage import LONG_PROMPT, count_prompt
from bot.models.window import Fitted, fit_ask
from bot.ports.process import Clock, Hold, hold_alone
from bot.ports.store import DocumentStore, PictureStore
from bot.settings.settings import DeadlineSettings, LimitSettings, RetrySettings

log = structlog.get_logger()

Messages = list[Message]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One seat's turn on one model: what is asked, within which limits. `longest_wait_s`: for what a provider asks."""

    seat: Seat
    model: Model
    request: Request
    schema: JsonSchema | None
    deadlines: DeadlineSettings
    longest_wait_s: float
    ticket: Ticket
    tab: Tab


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
        own_keys: OwnKeys | None = None,
        observe_call: ObserveCall = ignore_call,
        hold: Hold = hold_alone,
    ) -> None:
        """Take models by key. The shelf keeps what endpoints refuse; `pictures` has those that come without data.

        Without a ledger nothing limits what calls cost; without `own_keys` all are made with the operator's keys. No
        call is made before `hold` returns: whoever only slept would ask what another process has asked since.
        """
        self._observe_call = observe_call
        self._hold = hold
        self._own_keys = own_keys
        self._ledger = ledger
        self._answer_chars = answer_chars
        self._deadlines = deadlines
        self._retry = retry
        self._clock = clock
        self._proxied = [host for m in models.values() if m.proxy and (host := urlsplit(m.api_base or "").hostname)]
        self._models: Mapping[str, Model] = {}
        self._secrets: tuple[str, ...] = ()
        self._circuits: dict[str, Circuit] = {}
        self._gates = Gates({})
        self.replace_models(models)
        self._shelf = shelf
        self._tags = ProxyTags(shelf)
        self._pictures = pictures
        self._habits: dict[str, dict[str, str]] = {}  # endpoint → what it refuses, and takes instead
        self._loading = SingleFlight(lambda key: is_loading(self._models[key]))  # many may ask a model at once
        self._warm_up_lock = asyncio.Lock()
        self._turns_by_run = KeyedSemaphore()
        self._warm = False

    def replace_models(self, models: Mapping[str, Model]) -> None:
        """Ask these models from now on. Those that are gone are still known to runs that go on with them."""
        self._models = {**self._models, **models}
        self._secrets = tuple(dict.fromkeys(filter(None, (*self._secrets, *map(key_of, models.values())))))
        self._gates.replace_models(models)
        self._circuits = {m.provider: Circuit(prefix_of(m)) for m in models.values()} | self._circuits

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
        """Return providers that are down, by their names without addresses → seconds until each is tried again."""
        now = _now()
        return {circuit.provider: left for circuit in self._circuits.values() if (left := circuit.seconds_left(now))}

    def count_waiting(self) -> int:
        """Return how many calls wait for a place with their provider, or for its minute."""
        return self._gates.count_waiting()

    async def speak(self, seat: Seat, ask: Ask, payer: Payer = NOBODY) -> Deltas:
        """Yield a seat's answer: notices while it waits, then text and thinking; usage and ending come last.

        Where its model cannot be asked and has said nothing, its substitutes are, one after the other. Raises
        ProviderError for what a provider does wrong; what came before stands. Closing it closes the connection.
        """
        was_warm = self._warm
        async with self._turns_by_run.of(payer.run):  # where many wait, one seat of each run goes first
            await self.warm_up()
        if not was_warm:
            yield Delta(_now(), loaded=True)
        line = await line_up(self._models, seat.model, ask, self._own_keys, payer.server)
        reason: Kind | None = None  # of the first failure
        for model, following in zip_longest(line, line[1:]):
            spoke = False
            try:
                answer = self._speak_on(model, seat_on(seat, model), ask, payer, may_wait=following is None)
                async with aclosing(answer) as deltas:
                    async for delta in deltas:
                        spoke = spoke or bool(delta.text or delta.thinking)
                        yield delta
                return
            except ProviderError as error:
                if spoke or following is None or error.kind not in REPLACEABLE:
                    raise
                failure = error
            reason = reason or failure.kind
            log.info("a substitute is asked", model=model.key, reason=failure.kind, substitute=following.key)
            stand_in = StandIn(following.key, following.name, following.price, reason)
            yield Delta(_now(), switch=Switch(model.key, failure, stand_in))

    async def _speak_on(self, model: Model, seat: Seat, ask: Ask, payer: Payer, *, may_wait: bool) -> Deltas:
        """Yield the answer of one model. `may_wait`: a provider that asks for a long wait is waited for."""
        if self._own_keys is not None:
            model, payer = await self._own_keys.lend(model, payer)
        ticket = self._gates.draw(model, payer.run)
        if model.search and not has_key(model):
            raise ProviderError("key", f"its key is {key_state(model)}")
        check_sendable(model)
        ask = await find_pictures(ask, model, self._pictures)
        fitted = Fitted([]) if model.search else await _fit_ask(model, seat, ask)
        messages = fitted.messages
        set_pictures(self._pictures, messages)
        if fitted.cut:
            yield Delta(_now(), cut=fitted.cut)
        counted = partial(count_prompt, messages, make_counter(model.litellm, high=True))
        if ticket.limit.tokens is not None:
            ticket.tokens = ceil(await counted() * INPUT_MARGIN) + find_worst_limit(model, seat, fitted.room)
        tab = await open_tab(self._ledger, payer, self._models, seat, counted, fitted.room)
        request = build_request(model, seat, messages, ask.query, fitted.room)
        request = await self._tags.add(request, model, payer)
        deadlines = find_deadlines(model, seat, self._deadlines)
        longest = min(inf if may_wait else self._retry.cap_s, deadlines.total_timeout_s)
        answer = self._answer(_Turn(seat, model, request, ask.schema, deadlines, longest, ticket, tab))
        for transform in self._transforms(model, messages, seat, find_codes(ask.parts)):
            answer = transform(answer)
        try:
            async with aclosing(answer):
                async for delta in answer:
                    if tab.note(delta):
                        yield replace(delta, ending="length")
                        return
                    yield delta
        except ProviderError as error:
            raise explain_refusal(error, payer) from None
        finally:
            ticket.leave(tab.tokens_used())
            await tab.settle()

    def _transforms(self, model: Model, messages: Messages, seat: Seat, codes: Sequence[str]) -> tuple[Transform, ...]:
        """Return the transforms that a stream passes, in this order."""
        count = make_counter(model.litellm)
        return (
            partial(limit_length, most=self._answer_chars),  # first, so that no later one works on more
            clean_texts,  # the one place for whatever models and searches send
            split_thinking,  # before the others, which treat text and thinking apart
            partial(drop_markers, codes=codes),  # of what is text
            stop_loops,  # before anything costs work for text that nobody will see
            partial(blank_keys, secrets=self._secrets_beside(model)),  # on what is left to be seen
            partial(count_usage, count_prompt=partial(count_prompt, messages, count), count=count),  # of all that came
            partial(need_text, limit=find_limit(model, seat)),  # last: it judges what can be read in the end
        )

    def _secrets_beside(self, model: Model) -> tuple[str, ...]:
        """Return all keys that an answer of a model may hold: the operator's, and one that a server has lent."""
        return tuple(dict.fromkeys(filter(None, (*self._secrets, model.api_key))))

    async def _answer(self, turn: _Turn) -> Deltas:
        """Yield one answer. It is asked for again if it fails in passing before its first token."""
        model, ticket, tab, request = turn.model, turn.ticket, turn.tab, turn.request
        ends_at = _now() + turn.deadlines.total_timeout_s
        circuit = self._circuits[model.provider]
        failed: Kind | None = None  # the try before this one
        for tried in count(1):
            came_at = _now()
            async with aclosing(self._enter(turn)) as waits:
                async for why in waits:
                    yield Delta(_now(), notice=why)
            await self._hold()
            ends_at += _now() - came_at  # the provider has not been asked yet
            if tab.limit is not None and not model.search:
                request = {**request, "max_tokens": tab.limit}
            began = False
            try:
                stream = self._stream(model, request, turn.schema, ticket)
                kept = keep_deadlines(stream, turn.deadlines, ends_at)
                heard = observe_stream(kept, self._observe_call, ticket.run, turn.seat.key, model, failed)
                async with aclosing(heard) as deltas:
                    async for delta in deltas:
                        if not began:
                            circuit.record_success()
                            began = True
                        if delta.ending:
                            tab.note_end()
                        yield delta
                return
            except ProviderError as error:
                if began:
                    raise map_midstream_error(error) from None
                circuit.record_error(error, _now())
                wait = retries.wait_s(error, tried, self._retry, random.random())
                if error.kind == "rate_limit":
                    ticket.limit.pause(_now() + (error.retry_after_s or wait or 0.0))
                ticket.leave(0 if error.is_unbilled else None)
                failed = error.kind
                await tab.settle(error)
                longest = min(turn.longest_wait_s, ends_at - _now())
                if wait is None or wait >= longest or circuit.seconds_left(_now()) > wait:
                    raise
                if error.kind != "rate_limit":
                    yield Delta(_now(), notice=retries.describe_wait(error, wait))
                    await asyncio.sleep(wait)
                    yield Delta(_now(), notice=THINKING)

    async def _enter(self, turn: _Turn) -> AsyncGenerator[str, None]:
        """Wait for a place with the provider and then for room under the limits on spending; yield why.

        Nobody keeps a place while waiting for room, or holds money while waiting for a place.
        """
        waited = False
        while True:
            async with aclosing(turn.ticket.wait(turn.longest_wait_s)) as waits:
                async for why in waits:
                    waited = True
                    yield why
            self._circuits[turn.model.provider].check(_now())
            if (freed := await turn.tab.hold()) is None:
                break
            turn.ticket.withdraw()
            waited = True
            yield "waiting: what others may cost leaves no room under a limit"
            await freed.wait()
        if is_on_this_machine(turn.model) and await self._loading.get(turn.model.key):
            yield "loading the model"
        elif waited:
            yield THINKING

    async def _stream(self, model: Model, request: Request, schema: JsonSchema | None, ticket: Ticket) -> Deltas:
        """Yield what litellm makes of one call, as deltas."""
        stream = None
        try:
            if not model.search:
                stream = await self._open(model, request, schema)
                self._read_limits(model, stream, ticket.limit)
            said = stream_search(model, request) if stream is None else stream_answer(request, stream)
            async with aclosing(said):
                async for delta in said:
                    yield delta
        except ProviderError:
            raise
        except Exception as error:
            is_reading = model.search != "" or stream is not None
            mapped = map_error(error, self._clock(), make_redactor(self._secrets_beside(model)), is_reading=is_reading)
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

    def _read_limits(self, model: Model, stream: ModelStream, limit: RateLimit) -> None:
        headers = client.response_headers(stream)
        if (left := requests_left(headers)) and is_low(*left):
            log.warning("few requests are left", provider=model.provider, left=left[0], of=left[1])
        reset_s = find_reset_s(headers, self._clock())
        limit.pause(_now() + min(reset_s, MINUTE_S))  # of a longer one the provider's own refusal tells


def _load(proxied: Collection[str]) -> None:
    client.load_litellm(proxied)
    make_counter("")("hello")  # loads its tables


async def _fit_ask(model: Model, seat: Seat, ask: Ask) -> Fitted:
    if sum(len(part.text) for part in ask.parts) < LONG_PROMPT:
        return fit_ask(model, seat, ask)
    return await asyncio.to_thread(fit_ask, model, seat, ask)


def _find_refused(error: Exception, sent: Sequence[str]) -> str | None:
    """Return the parameter that an endpoint refuses; None if the error is another one.

    A schema may be refused in any words: it is the least usual of what is sent.
    """
    if getattr(error, "status_code", None) not in (400, 422) or kind_of(error) != "other":
        return None
    return parameters.find_refused(str(error), sent) or next((n for n in sent if n == "response_format"), None)


def _now() -> float:
    return asyncio.get_running_loop().time()
