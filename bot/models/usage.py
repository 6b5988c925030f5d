"""The usage of an answer: the provider's own figures if it sends any, an estimate otherwise."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.domain.run import Usage
from bot.models.client import ModelStream, read_fields
from bot.models.images import Message, count_image_tokens, text_of
from bot.models.tokens import Count
from bot.models.wire_usage import Report

LONG_PROMPT = 10_000  # characters; work on a shorter one takes 1 ms, no longer than the way to a thread and back
_STEP_CHARS = 40  # ten tokens: what a turn that is cut off may lack
_TAIL_CHARS = 200  # a token may be counted twice at each of its ends
_COUNTED_CHARS = 50_000  # longer texts are scaled from their first part, as counting would stall the event loop
_GUESSES_THINKING = frozenset({"anthropic", "bedrock"})  # they report no such figure, so litellm counts itself


def read_report(stream: ModelStream) -> Report | None:
    """Return what the provider has said of usage and cost so far; None: nothing yet."""
    return next((body.report for body in reversed(stream.bodies) if body.report is not None), None)


def read_usage(stream: ModelStream) -> Usage | None:
    """Return the figures that litellm has found in the last chunk that carried any; None if it found none.

    They count where `wire` reads none, in protocols that it does not know. litellm's closing chunk is not looked at: it
    invents what is missing.
    """
    chunks = reversed(stream.chunks)
    usage = next((u for chunk in chunks if (u := read_fields(chunk).get("usage")) is not None), None)
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
        return None
    guessed = stream.custom_llm_provider in _GUESSES_THINKING
    thinking = 0 if guessed else getattr(usage.completion_tokens_details, "reasoning_tokens", None) or 0
    details = usage.prompt_tokens_details
    cached, written = (getattr(details, name, None) or 0 for name in ("cached_tokens", "cache_write_tokens"))
    return Usage(usage.prompt_tokens, usage.completion_tokens, thinking, "reported", cached=cached, written=written)


async def count_prompt(messages: list[Message], count: Count) -> int:
    """Count the tokens of what is asked, with its pictures, by our own tables; of a long one in a thread."""
    counted = partial(_count_messages, messages, count)
    if sum(len(text_of(message)) for message in messages) < LONG_PROMPT:
        return counted()
    return await asyncio.to_thread(counted)


def _count_messages(messages: list[Message], count: Count) -> int:
    return sum(_count_tokens(text_of(message), count) + count_image_tokens(message) for message in messages)


class GrowingCount:
    """The tokens of a text that grows, as far as they are counted: at every few words, and nothing twice for long."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._past = 0  # tokens of what is not in the tail
        self._of_tail = 0  # tokens of the tail when it was counted last
        self._tail = ""
        self._uncounted = 0  # characters

    @property
    def total(self) -> int:
        return self._past + self._of_tail

    def add(self, text: str) -> bool:
        """Let the text grow; return whether more of it is counted now."""
        self._tail += text
        self._uncounted += len(text)
        if self._uncounted <= _STEP_CHARS:
            return False
        self.catch_up()
        return True

    def catch_up(self) -> None:
        """Count what is not counted yet."""
        if self._uncounted:
            self._of_tail, self._uncounted = _count_tokens(self._tail, self._count), 0
        if len(self._tail) > _TAIL_CHARS:
            self._past, self._of_tail, self._tail = self.total, 0, ""

    def take(self, other: GrowingCount) -> None:
        """Take over all that another has counted, which then begins anew."""
        other.catch_up()
        self._past += other.total
        other._past, other._of_tail, other._tail = 0, 0, ""


def _count_tokens(text: str, count: Count) -> int:
    if len(text) <= _COUNTED_CHARS:
        return count(text)
    return count(text[:_COUNTED_CHARS]) * len(text) // _COUNTED_CHARS
