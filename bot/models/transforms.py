"""Transforms of a seat's stream: small functions from deltas to deltas, composed in `bot.models.speak`.

Each closes the stream that it reads when it is closed itself, so that closing the last one closes the connection.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import assert_never

from bot.domain.run import Usage
from bot.models.deltas import Delta, Ending
from bot.models.errors import ProviderError
from bot.models.loops import Repetition
from bot.models.redaction import Redactor
from bot.settings import DeadlineSettings

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


def split_thinking(deltas: Deltas) -> Deltas:
    """Move what stands between inline thinking tags, however divided over deltas, from `text` to `thinking`.

    The blank lines between a leading thought and the answer go with it. A tag in backquotes is text.
    """
    thoughts = _Thoughts()
    return _apply(deltas, thoughts.feed, thoughts.flush)


def stop_loops(deltas: Deltas) -> Deltas:
    """End a stream with "repeated" when its text or its thinking goes round in circles; what came before is kept."""
    text, thinking = Repetition(), Repetition()

    def feed(delta: Delta) -> Delta:
        delta = _map_texts(delta, text.feed, thinking.feed)
        return replace(delta, ending="repeated") if text.looping or thinking.looping else delta

    return _apply(deltas, feed, lambda: (text.flush(), thinking.flush()))


def blank_keys(deltas: Deltas, secrets: tuple[str, ...]) -> Deltas:
    """Blank API keys that a model writes, the configured ones among them."""
    text, thinking = Redactor(secrets), Redactor(secrets)
    return _apply(
        deltas, lambda delta: _map_texts(delta, text.feed, thinking.feed), lambda: (text.flush(), thinking.flush())
    )


async def count_usage(deltas: Deltas, estimate: Callable[[str, str], Usage]) -> Deltas:
    """Add the usage that nobody reported, from text and thinking so far, also when the stream fails."""
    text: list[str] = []
    thinking: list[str] = []
    known = False
    async with aclosing(deltas):
        try:
            async for delta in deltas:
                text.append(delta.text)
                thinking.append(delta.thinking)
                known = known or delta.usage is not None
                if delta.ending and not known:
                    delta = replace(delta, usage=estimate("".join(text), "".join(thinking)))
                    known = True
                yield delta
        except ProviderError:
            if not known and (any(text) or any(thinking)):
                yield Delta(_now(), usage=estimate("".join(text), "".join(thinking)))
            raise


async def need_text(deltas: Deltas) -> Deltas:
    """Raise ProviderError("no_text") if a stream ends without anything to read."""
    read = thought = False
    async with aclosing(deltas):
        async for delta in deltas:
            read = read or (bool(delta.text) and not delta.text.isspace())
            thought = thought or bool(delta.thinking)
            if delta.ending and not read:
                yield replace(delta, ending=None)
                raise ProviderError("no_text", _describe_silence(delta.ending, thought))
            yield delta


def _describe_silence(ending: Ending, thought: bool) -> str:
    if not thought:
        return "the answer was empty"
    match ending:
        case "done":
            return "it only thought and gave no answer"
        case "length":
            return "its token limit was used up by thinking, before any answer"
        case "repeated":
            return "its thinking went round in circles and was stopped before any answer"
        case _ as never:
            assert_never(never)


async def _apply(
    deltas: Deltas, feed: Callable[[Delta], Delta], flush: Callable[[], tuple[str, str]]
) -> AsyncGenerator[Delta, None]:
    """Apply `feed` to each delta; `flush` gives what it has held back (text, thinking), at the end and on failure."""
    async with aclosing(deltas):
        try:
            async for delta in deltas:
                delta = feed(delta)
                if delta.ending:
                    text, thinking = flush()
                    yield replace(delta, text=delta.text + text, thinking=delta.thinking + thinking)
                    return
                yield delta
        except ProviderError:
            text, thinking = flush()
            if text or thinking:
                yield Delta(_now(), text, thinking)
            raise


def _map_texts(delta: Delta, text: Callable[[str], str], thinking: Callable[[str], str]) -> Delta:
    new_text = text(delta.text) if delta.text else ""
    new_thinking = thinking(delta.thinking) if delta.thinking else ""
    if new_text == delta.text and new_thinking == delta.thinking:
        return delta  # nearly always: a new delta costs more than the comparison
    return replace(delta, text=new_text, thinking=new_thinking)


def _now() -> float:
    return asyncio.get_running_loop().time()


_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_TAGS = ("<think>", "</think>", "<thinking>", "</thinking>")
_LONGEST_TAG = max(map(len, _TAGS))


class _Thoughts:
    """A parser that tells text from thinking. It holds back at most the beginning of a tag."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""
        self._last = ""  # the character before `held`
        self._answered = False  # something visible has come
        self._trim = False  # a leading thought has ended and the answer has not begun

    def feed(self, delta: Delta) -> Delta:
        if not delta.text:
            return delta
        if not (self._inside or self._held or self._trim or "<" in delta.text):  # nearly always
            self._last = delta.text[-1]
            self._answered = self._answered or not delta.text.isspace()
            return delta
        buffer = self._held + delta.text
        said = {False: "", True: delta.thinking}
        at = 0
        for tag in _TAG.finditer(buffer):
            if not self._inside and (buffer[tag.start() - 1] if tag.start() else self._last) == "`":
                continue
            said[self._inside] += self._clean(buffer[at : tag.start()])
            at, self._inside = tag.end(), not tag[1]
            self._trim = not self._inside and not self._answered
        cut = max(at, len(buffer) - _partial_tag_length(buffer))
        said[self._inside] += self._clean(buffer[at:cut])
        self._last, self._held = buffer[cut - 1 : cut] or self._last, buffer[cut:]
        return replace(delta, text=said[False], thinking=said[True])

    def flush(self) -> tuple[str, str]:
        held, self._held = self._held, ""
        return ("", held) if self._inside else (held, "")

    def _clean(self, text: str) -> str:
        if self._inside:
            return text
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        self._answered = self._answered or bool(text.strip())
        return text


def _partial_tag_length(text: str) -> int:
    """Count the characters at the end that may be the beginning of a tag."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_TAG))
    end = text[at:].lower()
    return len(end) if at >= 0 and any(tag.startswith(end) for tag in _TAGS) else 0
