"""The one set of errors of models, whoever provides them."""

from __future__ import annotations

from typing import Literal

from bot.text import clean_text

Kind = Literal[
    "rate_limit",  # too many requests; `retry_after_s` where the provider says
    "key",  # the key is missing or refused
    "billing",  # quota or credit is used up
    "window",  # the prompt does not fit the model's window
    "refused",  # the provider's content filter said no
    "not_found",  # no such model or endpoint
    "unreachable",  # no connection, a 408 or a 5xx
    "stalled",  # one of our deadlines passed
    "broken_off",  # the stream broke after it had begun
    "no_text",  # it ended without visible text: only thinking, or a tool call
    "cap",  # a limit on spending is reached
    "ours",  # our own client failed: a missing part or a bug, here or in litellm
    "other",  # anything else; the text is the provider's
]


class ProviderError(Exception):
    """A model could not answer. `text` is for people, one sentence, without keys.

    `is_unbilled`: its provider has refused before any answer, so that nothing is to be paid.
    """

    is_unbilled = False

    def __init__(self, kind: Kind, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = clean_text(text)
        self.retry_after_s = retry_after_s
