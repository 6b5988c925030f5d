"""A counter of tokens that needs no network."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

Count = Callable[[str], int]


class Family(NamedTuple):
    """How many tokens models read for one of o200k_base's, and where that is known from.

    `factor`: in all texts together. `high`: in the text of twenty that has most, one way or another. `texts`: how many
    were counted.
    """

    factor: float
    high: float
    texts: int
    source: str


_UNKNOWN = Family(1.1, 1.4, 0, "between all of these")
_FAMILIES: Mapping[str, Family] = {  # by what stands in a model's name; the first one counts
    "mixtral": Family(1.22, 1.56, 1064, "Mistral's table v3, on answers of 60 models"),
    "mistral-7b": Family(1.22, 1.56, 1064, "Mistral's table v3, on answers of 60 models"),
    **dict.fromkeys(
        ("mistral", "magistral", "ministral", "devstral", "codestral", "pixtral"),
        Family(1.07, 1.23, 1064, "Mistral's table Tekken, on the same answers"),
    ),
    "deepseek": Family(1.01, 1.15, 1064, "DeepSeek's table of V4, on the same answers"),
    "qwen": Family(1.05, 1.23, 1064, "the table of Qwen 2 and 3, on the same answers"),
    "qwq": Family(1.05, 1.23, 1064, "the table of Qwen 2 and 3, on the same answers"),
    "llama-4": Family(0.99, 1.03, 1064, "Meta's table of Llama 4, on the same answers"),
    "llama4": Family(0.99, 1.03, 1064, "Meta's table of Llama 4, on the same answers"),
    "llama": Family(1.01, 1.14, 1064, "Meta's table of Llama 3, on the same answers"),
    "smollm": Family(1.13, 1.44, 1064, "its own table, on the same answers"),
    "claude": Family(1.12, 1.4, 1, "usage that Anthropic reported, and the spread of the table of Claude 2"),
    "gemini": Family(1.09, 1.4, 3, "usage that Google reported"),
    "gemma": Family(1.09, 1.4, 3, "usage that Google reported of Gemini"),
    "glm": Family(1.02, 1.4, 1, "usage that Z.ai reported"),
    "command": Family(1.1, 1.4, 1, "usage that Cohere reported"),
}


def make_counter(model: str, *, high: bool = False) -> Count:
    """Return a counter of tokens for a litellm model string. The first takes about 0.3 s: make it in a thread.

    It is exact for OpenAI's models. Others publish no table that can be used offline; for them it is o200k_base's count
    times a measured factor. `high`: rather too many than too few, for whatever must fit: some servers cut silently what
    is too long. Providers' own counters (Anthropic's, Gemini's) are not asked: that is a call before each first word.
    """
    name = _published_encoding(model)
    encode = load_table(name or "o200k_base").encode_ordinary
    family = Family(1.0, 1.0, 0, "") if name else find_family(model)
    factor = family.high if high else family.factor

    def count(text: str) -> int:
        return round(len(encode(text)) * factor)

    return count


def load_table(name: str) -> Any:
    """Return one of the tables that litellm carries, as tiktoken's Encoding; tiktoken keeps what it has loaded."""
    _use_carried_tables()
    import tiktoken  # slow: it brings an HTTP client, and no command's help needs it

    table = tiktoken.get_encoding(name)
    table._mergeable_ranks = {}  # 26 MB that nothing reads but pickling: what counts has them in Rust
    return table


def find_family(model: str) -> Family:
    """Return what is known of the tokens of a model without a published table."""
    return next((family for name, family in _FAMILIES.items() if name in model.lower()), _UNKNOWN)


def _published_encoding(model: str) -> Literal["o200k_base", "cl100k_base"] | None:
    """Return the name of one of the two tables that litellm carries for chat models; None if no table is published."""
    from tiktoken.model import encoding_name_for_model  # slow, as above

    try:
        name = encoding_name_for_model(model.rpartition("/")[2])
    except KeyError:
        return None
    return "cl100k_base" if name == "cl100k_base" else "o200k_base"  # o200k_harmony has the same words


def _use_carried_tables() -> None:
    """Point tiktoken to the tables that litellm carries; it would download them otherwise."""
    litellm = find_spec("litellm")
    if litellm is not None and litellm.origin is not None:
        tables = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tables))
