"""Providers that keep the beginnings of prompts: replies whose usage says what of a prompt was read from the cache.

OpenAI's keeps every prompt by itself, and finds beginnings of whole steps of 128 tokens
(https://platform.openai.com/docs/guides/prompt-caching). Anthropic's keeps what stands before a mark, as the pieces
that it was sent in, and looks for it at each mark and up to 20 pieces before it
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching). Models share nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.servers.model_server import Reply, Request, chunk, error, replay, sse
from tests.support.streams.anthropic import make_anthropic, text_block

LEAST_TOKENS = 1_024
STEP_TOKENS = 128  # of OpenAI's cache
LOOK_BACK = 20  # pieces, from each mark of Anthropic's
MOST_MARKS = 4
SAID = "So it is."
SAID_TOKENS = 4

Piece = tuple[str, str]  # role and text
Beginning = tuple[Piece, ...]


class PrefixCache:
    """What the models of one provider have kept. `count` counts the tokens of a text."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._prompts: defaultdict[str, list[str]] = defaultdict(list)  # model → prompts, for OpenAI's
        self._kept: defaultdict[str, set[Beginning]] = defaultdict(set)  # model → beginnings, for Anthropic's

    def answer_chat(self, request: Request) -> Reply:
        """Answer a chat completion as OpenAI does."""
        prompt = "".join(f"<{role}>{text}" for role, text, _ in _list_pieces(request.body["messages"]))
        known = self._prompts[request.body["model"]]
        same = max((_count_same(prompt, other) for other in known), default=0)
        known.append(prompt)
        read, shared = self._count(prompt), self._count(prompt[:same])
        cached = shared - shared % STEP_TOKENS if shared >= LEAST_TOKENS else 0
        used = {
            "prompt_tokens": read,
            "completion_tokens": SAID_TOKENS,
            "total_tokens": read + SAID_TOKENS,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        last = {**chunk(usage={}), "usage": used}
        return Reply(sse(chunk(SAID), chunk(finish="stop"), last, "[DONE]"))

    def answer_messages(self, request: Request) -> Reply:
        """Answer a message as Anthropic does."""
        system = [{"role": "system", "content": request.body.get("system", "")}]
        pieces = list(_list_pieces([*system, *request.body["messages"]]))
        plain = tuple((role, text) for role, text, _ in pieces)
        marks = [n for n, (_, _, is_marked) in enumerate(pieces, 1) if is_marked]
        if len(marks) > MOST_MARKS:
            return error(400, f"A maximum of {MOST_MARKS} blocks with cache_control may be provided.")
        kept = self._kept[request.body["model"]]
        found = [n for mark in marks for n in range(max(1, mark - LOOK_BACK), mark + 1) if plain[:n] in kept]
        cached = self._count_pieces(plain[: max(found, default=0)])
        new = [plain[:mark] for mark in marks if self._count_pieces(plain[:mark]) >= LEAST_TOKENS]
        kept.update(new)
        written = max(0, max(map(self._count_pieces, new), default=0) - cached)
        rest = self._count_pieces(plain) - cached - written
        parts = {"cache_read_input_tokens": cached, "cache_creation_input_tokens": written}
        return replay(make_anthropic(text_block(SAID), sent=rest, written=SAID_TOKENS, cache=parts))

    def _count_pieces(self, pieces: Beginning) -> int:
        return sum(self._count(text) for _, text in pieces)


def _count_same(one: str, other: str) -> int:
    """Return the length of the beginning that two texts share."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _list_pieces(messages: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """Yield role, text, and whether it is marked, of each piece of a prompt."""
    for message in messages:
        content = message["content"]
        blocks = [{"text": content}] if isinstance(content, str) else content
        yield from ((message["role"], block["text"], "cache_control" in block) for block in blocks)
