"""A counter of tokens that needs no network."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Count = Callable[[str], int]

_UNPUBLISHED_SURPLUS = 1.2  # SmolLM2 reads 1.11 times o200k_base's count of real answers at the median, 1.22 at p90


def make_counter(model: str) -> Count:
    """Return a counter of tokens for a litellm model string. The first takes about 0.3 s: make it in a thread.

    It is exact for OpenAI's models. Others publish no table that can be used offline; for them it is o200k_base's count
    and a fifth, rather too many than too few: some servers cut silently what is too long.
    """
    _use_carried_tables()
    import tiktoken  # slow: it brings an HTTP client, and no command's help needs it

    name = _published_encoding(model)
    encode = tiktoken.get_encoding(name or "o200k_base").encode_ordinary  # tiktoken keeps the tables it has loaded
    surplus = 1.0 if name else _UNPUBLISHED_SURPLUS

    def count(text: str) -> int:
        return round(len(encode(text)) * surplus)

    return count


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
