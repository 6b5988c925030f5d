"""The mapping of litellm's errors to ours: the one place that says what a provider's exception means."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Literal, assert_never

from bot.models.errors import Kind, ProviderError

_LONGEST_REASON = 300  # characters
_DEEPEST = 8  # causes of causes
_BILLING = re.compile(r"insufficient_quota|credit balance|billing|payment", re.IGNORECASE)
_KEY = re.compile(r"api[ _-]?key", re.IGNORECASE)
_WINDOW = re.compile(r"context[ _](length|window|size)|prompt is too long|too many tokens", re.IGNORECASE)
_RETRY_IN = re.compile(r'(?:retry in |"retryDelay": ?")(\d+(?:\.\d+)?)\s*s')  # Gemini says it in the body alone


def map_error(error: Exception, now: float, blank: Callable[[str], str] = str) -> ProviderError:
    """Return the ProviderError for what litellm raised. `now`: wall seconds; `blank` takes keys out of the reason."""
    origins = _origins(error)
    match _transport_failure(origins):
        case "unreadable":
            return ProviderError("other", "what the provider sent cannot be read")
        case "late":
            return ProviderError("stalled", _REASONS["stalled"])
        case "unconnected":
            return ProviderError("unreachable", _REASONS["unreachable"])
        case "lost":
            return ProviderError("unreachable", f"{_REASONS['unreachable']}: the connection was lost")
        case None:
            kind = kind_of(error)
            said = "the provider's server failed" if kind == "unreachable" else _REASONS[kind]
            reason = blank(_extract_reason(origins[0]))
            return ProviderError(kind, f"{said}: {reason}" if reason else said, _retry_after_s(kind, origins[0], now))
        case _ as never:
            assert_never(never)


def map_midstream_error(error: ProviderError) -> ProviderError:
    """Return the error as it counts once text has come: a broken connection is then no provider that is down."""
    if error.kind not in ("unreachable", "other"):
        return error
    reason = error.text.partition(": ")[2] or error.text
    return ProviderError("broken_off", f"{_REASONS['broken_off']}: {reason}", error.retry_after_s)


_REASONS: dict[Kind, str] = {
    "rate_limit": "too many requests",
    "key": "the API key was refused",
    "billing": "quota or credit is used up",
    "window": "the prompt does not fit the model's window",
    "refused": "the provider's content filter refused",
    "not_found": "no such model or endpoint",
    "unreachable": "the provider cannot be reached",
    "stalled": "the provider did not answer in time",
    "broken_off": "the answer broke off",
    "no_text": "the answer was empty",
    "other": "the provider answered with an error",
}


def kind_of(error: Exception) -> Kind:
    """Tell the kind of an error.

    litellm's type counts where it says more than the status; else the HTTP status and, for 400 and 429, the words.
    """
    from litellm import exceptions as e  # slow to import, and loaded already by the caller that raised the error

    origins = _origins(error)
    match origins[0]:
        case e.ContextWindowExceededError():
            return "window"
        case e.ContentPolicyViolationError():
            return "refused"
        case e.APIConnectionError():
            return "unreachable"
    if any(getattr(origin, "code", None) == "insufficient_quota" for origin in origins):
        return "billing"  # OpenAI's 429 for an empty purse
    return _kind_by_status(getattr(origins[0], "status_code", None), str(origins[0]))


def _kind_by_status(status: object, text: str) -> Kind:
    match status:
        case 402:
            return "billing"
        case 401 | 403:
            return "key"
        case 404:
            return "not_found"
        case 413:
            return "window"
        case 429:
            return "billing" if "insufficient_quota" in text else "rate_limit"
        case 400 | 422:
            return _kind_by_words(text)
        case int() if status == 408 or status >= 500:
            return "unreachable"
        case _:
            return "other"


def _kind_by_words(text: str) -> Kind:
    if _WINDOW.search(text):
        return "window"
    if _BILLING.search(text):  # Anthropic: 400 "Your credit balance is too low"
        return "billing"
    if _KEY.search(text):  # Gemini: 400 "API key not valid"
        return "key"
    return "other"


def _origins(error: BaseException) -> tuple[BaseException, ...]:
    """Return an error, its cause, and so on; litellm's wrapping of errors in mid-stream is left out."""
    while isinstance(inner := getattr(error, "original_exception", None), Exception) and inner is not error:
        error = inner
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < _DEEPEST:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return tuple(found)


def _transport_failure(origins: Iterable[BaseException]) -> Literal["unreadable", "late", "unconnected", "lost"] | None:
    """Say how the connection failed; None if the provider answered and said what is wrong."""
    import httpx  # slow to import, and loaded by litellm, whose client it is

    for origin in origins:
        match origin:
            case httpx.HTTPStatusError():
                return None
            case httpx.TimeoutException():
                return "late"
            case httpx.ConnectError():
                return "unconnected"
            case httpx.TransportError() | OSError():
                return "lost"
            case ValueError() | TypeError() | AttributeError() | LookupError():
                return "unreadable"
    return None


_WRAPPING = re.compile(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\b(?: -)?:? *(?:- )?)+")
_SENTENCE_END = re.compile(r"(?<=\w{3}[.!?]) |(?<=\][.!?]) ")  # not after "e.g."
_TRAILER = re.compile(r", Metadata: .*$|\. Handle with `litellm\..*$", re.DOTALL)  # litellm's own advice
_BYTES = re.compile(r"""b(['"]).*\1""", re.DOTALL)  # as it shows some bodies


def _extract_reason(error: BaseException) -> str:
    """Return the provider's own words: one sentence in one line, or "" if it sent a web page."""
    text = str(getattr(error, "message", "") or error)
    text = _TRAILER.sub("", _WRAPPING.sub("", text))
    if _BYTES.fullmatch(text):
        text = ast.literal_eval(text).decode(errors="replace")
    text = " ".join((_find_message(text) or text).removeprefix("Message: ").split())
    if text.startswith(("<", "{")):
        return ""
    text = _SENTENCE_END.split(text, maxsplit=1)[0].rstrip(".")
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"


def _find_message(text: str) -> str:
    """Return the `message` of a JSON body in a text; "" if there is none."""
    start = text.find("{")
    if start < 0:
        return ""
    try:
        body, _ = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return ""
    inner = body.get("error", body)
    return str(inner.get("message", "")) if isinstance(inner, dict) else str(inner)


def _retry_after_s(kind: Kind, error: BaseException, now: float) -> float | None:
    """Return the seconds after which the provider asks to come again; None if it does not say.

    RFC 9110, 10.2.3: seconds or a date. OpenAI sends milliseconds as well, Gemini a sentence.
    """
    if kind not in ("rate_limit", "unreachable"):
        return None
    headers = _response_headers(error)
    if ms := _parse_number(headers.get("retry-after-ms")):
        return ms / 1000
    after = headers.get("retry-after")
    if after is None:
        found = _RETRY_IN.search(str(error))
        return float(found[1]) if found else None
    seconds = _parse_number(after)
    return seconds if seconds is not None else _seconds_until(after, now)


def _response_headers(error: BaseException) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or {}
    return found or getattr(getattr(error, "response", None), "headers", {})


def _parse_number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,9}(\.\d+)?", text) else None


def _seconds_until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except ValueError:
        return None
