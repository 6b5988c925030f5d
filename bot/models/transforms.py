"""Transforms of a seat's stream: small functions from deltas to deltas, composed in `bot.models.speak`.

Each closes the stream that it reads when it is closed itself, so that closing the last one closes the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Generic, Protocol, TypeVar, assert_never

from bot.domain.run import Usage
from bot.models.deltas import Delta, Ending
from bot.models.errors import ProviderError
from bot.models.frames import MarkerFilter
from bot.models.loops import Repetition
from bot.models.redaction import Redactor
from bot.models.thinking import SplitText, ThoughtSplitter
from bot.models.tokens import Count
from bot.models.usage import GrowingCount
from bot.settings.settings import DeadlineSettings
from bot.text import TextCleaner, has_signs

_MOST_APART = 3  # times what is reported, of text that is counted: tables differ by less
_FEW_TOKENS = 50  # of which the count is too uneven to say

Deltas = AsyncGenerator[Delta, None]
Transform = Callable[[Deltas], Deltas]


async def keep_deadlines(deltas: Deltas, deadlines: DeadlineSettings, ends_at: float) -> Deltas:
    """Raise ProviderError("stalled") when the first token, the next delta or the end (loop time) is late.

    Only the wait for the provider counts, not the time that readers take over a delta.
    """
    now = asyncio.get_running_loop().time
    first_at = now() + deadlines.first_token_timeout_s
    spoke = False
    async with aclosing(deltas):
        while True:
            next_at = now() + deadlines.idle_timeout_s if spoke else first_at
            try:
                async with asyncio.timeout_at(min(next_at, ends_at)):
                    delta = await anext(deltas)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise ProviderError("stalled", _describe_stall(spoke, next_at, ends_at, deadlines)) from None
            spoke = spoke or bool(delta.text or delta.thinking)
            yield delta


def _describe_stall(spoke: bool, next_at: float, ends_at: float, deadlines: DeadlineSettings) -> str:
    if ends_at <= next_at:
        return f"the answer was not finished after {deadlines.total_timeout_s:g} s"
    if spoke:
        return f"nothing more came for {deadlines.idle_timeout_s:g} s"
    return f"no answer began within {deadlines.first_token_timeout_s:g} s"


async def limit_length(deltas: Deltas, most: int) -> Deltas:
    """End a stream with "length" once more than `most` characters have come, text and thinking together."""
    left = most
    async with aclosing(deltas):
        async for delta in deltas:
            came = len(delta.text) + len(delta.thinking)
            if came > left:
                text = delta.text[:left]
                yield replace(delta, text=text, thinking=delta.thinking[: left - len(text)], ending="length")
                return
            left -= came
            yield delta


def clean_texts(deltas: Deltas) -> Deltas:
    """Take out of text and thinking what is no text, however divided over deltas."""
    pair = _Pair(TextCleaner)
    return _apply(deltas, pair.feed, pair.finish)


def split_thinking(deltas: Deltas) -> Deltas:
    """Move thinking that stands in the text, however divided over deltas, from `text` to `thinking`.

    The blank lines between a leading thought and the answer go with it. A delta that `restarts` says that all text
    before it was thinking.
    """
    splitter = ThoughtSplitter()

    def feed(delta: Delta) -> Delta:
        told = splitter.feed(delta.text)
        if told.text == delta.text and not told.thinking and not told.restarts:
            return delta  # nearly always
        return _add(replace(delta, text=""), told)

    return _apply(deltas, feed, lambda delta: _add(delta, splitter.flush()))


def _add(delta: Delta, told: SplitText) -> Delta:
    if told.restarts:
        return replace(delta, text=told.text, thinking=delta.thinking + delta.text + told.thinking, restarts=True)
    return replace(delta, text=delta.text + told.text, thinking=delta.thinking + told.thinking)


def drop_markers(deltas: Deltas, codes: Sequence[str]) -> Deltas:
    """Drop the marker lines of the prompt, known by their codes, from the text."""
    pair = _Pair(partial(MarkerFilter, codes))
    return _apply(deltas, pair.feed, pair.finish) if codes else deltas


def stop_loops(deltas: Deltas) -> Deltas:
    """End a stream with "repeated" when its text or its thinking goes round in circles; what came before is kept."""
    pair = _Pair(Repetition)

    def feed(delta: Delta) -> Delta:
        delta = pair.feed(delta)
        return replace(delta, ending="repeated") if pair.text.looping or pair.thinking.looping else delta

    return _apply(deltas, feed, pair.finish)


def blank_keys(deltas: Deltas, secrets: tuple[str, ...]) -> Deltas:
    """Blank API keys that a model writes, the configured ones among them."""
    pair = _Pair(partial(Redactor, secrets))
    return _apply(deltas, pair.feed, pair.finish)


async def count_usage(deltas: Deltas, count_prompt: Callable[[], Awaitable[int]], count: Count) -> Deltas:
    """Add the usage so far as it grows, as a turn may be cut off at any moment: what is counted, or more if reported.

    `count_prompt`: counts the tokens of what is asked; it is called once the answer has begun, so that it holds up no
    first word. At the end, and where the stream fails, it is what the provider reports, or else the count of all: also
    where that has less output than can be seen.
    """
    said, thought = GrowingCount(count), GrowingCount(count)
    known = Usage()
    prompt: int | None = None

    def find_used(*, ended: bool) -> Usage:
        if ended or not said.total + thought.total:  # the first words are counted at once, as they may be the only ones
            said.catch_up()
            thought.catch_up()
        read = known.input or prompt or 0
        is_whole = known.input == 0  # a search counts nothing at all
        if known.output:
            is_whole = said.total <= max(_FEW_TOKENS, known.output * _MOST_APART)
        if known.source == "reported" and is_whole:
            return replace(known, input=read)
        thinking = max(known.thinking, thought.total)  # it may come unseen, and reported before what is said
        output = max(known.output, said.total + thinking)
        return replace(known, input=read, output=output, thinking=thinking, source="estimated")

    async with aclosing(deltas):
        try:
            async for delta in deltas:
                if delta.restarts:
                    thought.take(said)
                has_grown = said.add(delta.text) | thought.add(delta.thinking)
                if delta.usage is not None:
                    known, has_grown = delta.usage, True
                if delta.notice:  # nothing is used while it waits
                    yield delta
                    continue
                if prompt is None and not known.input:
                    if not delta.ending:
                        yield replace(delta, usage=None)
                        delta = Delta(_now(), cost_usd=delta.cost_usd)
                    prompt, has_grown = await count_prompt(), True
                ended = delta.ending is not None
                yield replace(delta, usage=find_used(ended=ended) if has_grown or ended else None)
        except ProviderError:
            if prompt is not None or known.source != "none":
                yield Delta(_now(), usage=find_used(ended=True))
            raise


async def need_text(deltas: Deltas, limit: int | None = None) -> Deltas:
    """Raise ProviderError("no_text") if a stream ends without anything to read.

    `limit`: the tokens that were allowed; None: those of the provider.
    """
    read = thought = False
    used = Usage()
    async with aclosing(deltas):
        async for delta in deltas:
            if delta.restarts:
                read, thought = False, True
            read = read or has_signs(delta.text)
            thought = thought or bool(delta.thinking)
            used = delta.usage or used
            if delta.ending and not read:
                yield replace(delta, ending=None)
                raise ProviderError("no_text", _describe_silence(delta.ending, thought, used, limit))
            yield delta


def _describe_silence(ending: Ending, thought: bool, used: Usage, limit: int | None) -> str:
    thought = thought or used.thinking > 0
    match ending:
        case "done":
            return "it only thought and gave no answer" if thought else "the answer was empty"
        case "length":
            return _describe_limit(thought, used, limit)
        case "repeated":
            return "its thinking went round in circles and was stopped before any answer"
        case _ as never:
            assert_never(never)


def _describe_limit(thought: bool, used: Usage, limit: int | None) -> str:
    """Say what used the limit up. A thinking model that shows no thoughts reports their tokens, or all as output."""
    spent = used.thinking or used.output if used.source == "reported" else 0
    figure = f" of {limit:,}" if limit else ""
    by = " by thinking" if thought else ""
    tokens = f" ({spent:,} tokens)" if spent else ""
    remedy = "set a higher max_tokens for it" if limit else "set max_tokens for it"
    return f"its token limit{figure} was used up{by}{tokens}, before any answer: {remedy}"


async def _apply(deltas: Deltas, feed: Callable[[Delta], Delta], finish: Callable[[Delta], Delta]) -> Deltas:
    """Apply `feed` to each delta. `finish` adds what it has held back, at the end and on failure."""
    async with aclosing(deltas):
        try:
            async for delta in deltas:
                delta = feed(delta)
                if delta.ending:
                    yield finish(delta)
                    return
                yield delta
        except ProviderError:
            rest = finish(Delta(_now()))
            if rest.text or rest.thinking:
                yield rest
            raise


class _Filter(Protocol):
    def feed(self, text: str) -> str: ...
    def flush(self) -> str: ...


F = TypeVar("F", bound=_Filter)


class _Pair(Generic[F]):
    """Two filters of one kind: one for the text and one for the thinking. A text that restarts has a new one."""

    def __init__(self, make: Callable[[], F]) -> None:
        self._make = make
        self.text = make()
        self.thinking = make()

    def feed(self, delta: Delta) -> Delta:
        if delta.restarts:
            self.text = self._make()
        text = self.text.feed(delta.text) if delta.text else ""
        thinking = self.thinking.feed(delta.thinking) if delta.thinking else ""
        if text == delta.text and thinking == delta.thinking:
            return delta  # nearly always: a new delta costs more than the comparison
        return replace(delta, text=text, thinking=thinking)

    def finish(self, delta: Delta) -> Delta:
        return replace(delta, text=delta.text + self.text.flush(), thinking=delta.thinking + self.thinking.flush())


def _now() -> float:
    return asyncio.get_running_loop().time()
