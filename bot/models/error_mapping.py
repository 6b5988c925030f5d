"""The mapping of litellm's errors to ours: the one place that says what a provider's exception means."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Literal, assert_never

from bot.models.errors import Kind, ProviderError
from bot.models.limits import find_reset_s, parse_wait
from bot.network import describe_certificate_error
from bot.text import clean_text

CLOSED_EARLY = "the answer broke off: the connection closed before its end"
_LONGEST_REASON = 600  # characters; the remedy often stands at the end
_DEEPEST = 8  # causes of causes
# What no wait will bring back. Gemini speaks of plan and billing at every 429, so that those words say nothing there.
_EMPTY = (
    r"insufficient_quota|exceeded_current_quota|insufficient[_ ](?:balance|funds|credits?)|credit balance|余额不足|欠费"
)
_SPENT = re.compile(_EMPTY, re.IGNORECASE)
_BILLING = re.compile(rf"{_EMPTY}|billing|payment|arrear|\bcredits\b", re.IGNORECASE)
_KEY = re.compile(r"api[ _-]?key", re.IGNORECASE)
_WINDOW = re.compile(
    r"context[ _](length|window|size)|(?:prompt|input) is too long|prompt length|too many tokens", re.IGNORECASE
)
_REFUSED = re.compile(  # DeepSeek's, Qwen's and Zhipu's words among them
    r"content[ _-]?(filter|policy)|moderation|content exists risk|inappropriate content|data_?inspection|敏感",
    re.IGNORECASE,
)
_NO_ACCESS = re.compile(r"model_not_found|not have access to (?:the )?model", re.IGNORECASE)
_SAID_IN_STREAM: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("rate_limit", re.compile(r"rate[ _-]?limit|too many requests", re.IGNORECASE)),
    ("refused", _REFUSED),
    ("not_found", re.compile(r"not found|not_found|does not exist|no such model", re.IGNORECASE)),
)
_RETRY_IN = re.compile(  # Gemini says it in the body alone, and many say it there as well
    r'(?:(?:retry|try again) (?:in|after) |"retry(?:Delay|_after)": ?"?)((?:\d{1,9}(?:\.\d{1,9})?\s?[a-z]{0,7}){1,4})',
    re.IGNORECASE,
)


def map_error(
    error: Exception, now: float, blank: Callable[[str], str] = str, *, is_reading: bool = False
) -> ProviderError:
    """Return the ProviderError for what litellm raised.

    `now`: wall seconds; `blank` takes keys out of the reason; `is_reading`: the provider has begun to answer, so an
    answer of an odd shape may be what litellm failed at.
    """
    origins = _origins(error)
    if read := next((origin for origin in origins if isinstance(origin, ProviderError)), None):
        return ProviderError(read.kind, blank(read.text), read.retry_after_s)
    if refused := describe_certificate_error(origins[0]):
        return ProviderError("unreachable", f"{_REASONS['unreachable']}: {refused}")
    match _transport_failure(origins, is_reading):
        case "ours":
            return ProviderError("ours", f"{_REASONS['ours']}: {blank(_describe_bug(origins))}")
        case "unreadable":
            return ProviderError("other", "what the provider sent cannot be read")
        case "late":
            return ProviderError("stalled", _REASONS["stalled"])
        case "unconnected":
            return ProviderError("unreachable", _REASONS["unreachable"])
        case "lost":
            return ProviderError("unreachable", f"{_REASONS['unreachable']}: the connection was lost")
        case None:
            kind, reason = kind_of(error), _extract_reason(origins)
            if kind == "key" and reason.startswith((_PAGE, _FIREWALL)):  # a log-in's or such, which knows no key
                kind = "other"
            return _with_reason(kind, blank(reason), _retry_after_s(kind, origins, now))
        case _ as never:
            assert_never(never)


def map_error_body(body: Mapping[str, Any]) -> ProviderError:
    """Return the ProviderError for an error in JSON that came in place of an answer. Its reason may hold keys.

    Such errors have no status of HTTP. Many have one inside; otherwise their words say of which kind they are.
    """
    inner = body.get("error") or body
    fields = [place.get(name) for place in (inner, body) if isinstance(place, Mapping) for name in _STATUS_FIELDS]
    status = next((int(number) for number in map(str, fields) if re.fullmatch(r"[45]\d\d", number)), None)
    reason = _find_reason(inner) or _find_reason({**body, "error": None})
    if not reason and not any(fields):
        return ProviderError("not_found", "JSON without an answer in it came instead of one: look at its api_base")
    words = f"{reason} {' '.join(str(field) for field in fields if isinstance(field, str))}"
    kind = _kind_by_words(words) if status is None else _kind_by_status(status, words)
    if status is None and kind == "other":
        kind = next((kind for kind, said in _SAID_IN_STREAM if said.search(words)), "unreachable")
    return _with_reason(kind, _shorten(reason))


def _with_reason(kind: Kind, reason: str, retry_after_s: float | None = None) -> ProviderError:
    said = "the provider's server had an error" if kind == "unreachable" else _REASONS[kind]
    return ProviderError(kind, f"{said}: {reason}" if reason else said, retry_after_s)


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
    "ours": "Moot's own client failed, not the provider",
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
    named = (getattr(origin, name, None) for origin in origins for name in ("code", "type"))  # by OpenAI's client
    words = " ".join([str(origins[0]), *(name for name in named if isinstance(name, str))])
    return _kind_by_status(getattr(origins[0], "status_code", None), words)


def _kind_by_status(status: object, text: str) -> Kind:
    match status:
        case 402:
            return "billing"
        case 403 if _REFUSED.search(text):  # OpenRouter's, of what a moderation has flagged
            return "refused"
        case 403 if _NO_ACCESS.search(text):  # OpenAI's, of what a project may not use
            return "not_found"
        case 403 if _BILLING.search(text):  # xAI's, of a team without credits
            return "billing"
        case 401 | 403:
            return "key"
        case 404 | 410:
            return "not_found"
        case 413:
            return "window"
        case 429:
            return "billing" if _SPENT.search(text) else "rate_limit"
        case 400 | 422:
            return _kind_by_words(text)
        case int() if status == 408 or status >= 500:
            return "unreachable"
        case _:
            return "other"


def _kind_by_words(text: str) -> Kind:
    if _WINDOW.search(text):
        return "window"
    if _REFUSED.search(text):
        return "refused"
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


def _transport_failure(
    origins: Sequence[BaseException], is_reading: bool
) -> Literal["ours", "unreadable", "late", "unconnected", "lost"] | None:
    """Say how the connection or the client failed; None if the provider answered and said what is wrong."""
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
            case json.JSONDecodeError() | UnicodeError():
                return "unreadable"
            case _ if isinstance(origin, _BUGS):
                return "ours"
            case ValueError() | TypeError() | AttributeError() | LookupError():
                return "unreadable" if is_reading and not _is_own(origin) else "ours"
    return "ours" if type(origins[0]).__module__ == "builtins" else None


_BUGS = (ImportError, AssertionError, NameError, ArithmeticError, NotImplementedError, RecursionError)


def _is_own(error: BaseException) -> bool:
    """Return whether an error was raised in a line of our own, and not in a library's reading."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals.get("__name__", "").startswith("bot.")


def _describe_bug(origins: Sequence[BaseException]) -> str:
    """Name the error itself, for the log and for whoever reports it."""
    bug = next((origin for origin in origins if type(origin).__module__ == "builtins"), origins[0])
    text = " ".join(str(bug).split())
    return _shorten(f"{type(bug).__name__}: {text}" if text else type(bug).__name__)


_WRAPPING = re.compile(
    r"^(?:(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\b(?: -)?:?|(?<=Error )code: \d{3}\b) *(?:- )?)+"
)
_PAGE, _FIREWALL = "a web page", "error code: 1"  # Cloudflare's, as 1020
_TITLE = re.compile(r"<title[^>]{0,80}>([^<]{1,80})", re.IGNORECASE)
_TRAILER = re.compile(  # what litellm adds
    r"\bTraceback \(most recent call last\):.*$|, Metadata: .*$|\. Handle with `litellm\..*$", re.DOTALL
)
_BYTES = re.compile(r"""b(['"]).*\1""", re.DOTALL)  # as it shows some bodies
_REASON_FIELDS = ("message", "msg", "detail", "details", "error", "error_msg", "error_message", "status_msg", "errors")
_STATUS_FIELDS = ("code", "status", "status_code", "http_code", "type", "error_type")
_TOLD_ON = "Provider returned error"  # OpenRouter's, which has the provider's own words beside it
_MOST_DETAILS = 3  # of a list of mistakes in what was asked


def _extract_reason(origins: Sequence[BaseException]) -> str:
    """Return the provider's own words in one line, remedy included; of a web page its title, if it has one."""
    bodies = (_find_reason(getattr(origin, "body", None)) for origin in origins)  # as OpenAI's client keeps it
    text = next(filter(None, bodies), "") or str(getattr(origins[0], "message", "") or origins[0])
    text = _TRAILER.sub("", _WRAPPING.sub("", text))
    if _BYTES.fullmatch(text):
        text = ast.literal_eval(text).decode(errors="replace")
    text = " ".join((_find_message(text) or text).removeprefix("Message: ").split())
    if text.startswith("<"):
        return describe_page(text)
    return "" if text.startswith("{") else _shorten(text)


def describe_page(page: str) -> str:
    """Name a web page that came in place of what was asked for."""
    title = _TITLE.search(page)
    named = f" (“{' '.join(title[1].split())}”)" if title else ""
    return f"{_PAGE}{named} came instead of an answer"


def _shorten(text: str) -> str:
    text = clean_text(text).rstrip(". ")
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"


def _find_message(text: str, depth: int = 0) -> str:
    """Return the reason in a JSON body in a text; "" if there is none."""
    start = text.find("{")
    if start < 0:
        return ""
    try:
        body, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return ""
    return _find_reason(body, depth)


def _find_reason(said: object, depth: int = 0) -> str:
    """Return the words of an error's body, wherever providers put them; those of a list with what they are about."""
    if depth > _DEEPEST:
        return ""
    if isinstance(said, str):
        inner = said.lstrip().startswith("{") and _find_message(said, depth + 1)  # an error told on by a gateway
        return inner or " ".join(said.split())
    if isinstance(said, list):
        return "; ".join(filter(None, (_find_reason(each, depth + 1) for each in said[:_MOST_DETAILS])))
    if not isinstance(said, Mapping):
        return ""
    words = next(filter(None, (_find_reason(said.get(name), depth + 1) for name in _REASON_FIELDS)), "")
    if words == _TOLD_ON and isinstance(meta := said.get("metadata"), Mapping):
        words = _find_reason(meta.get("raw"), depth + 1) or words
    place = said.get("loc")  # of a field, as FastAPI names it
    return f"{'.'.join(map(str, place))}: {words}" if words and isinstance(place, list) else words


def _retry_after_s(kind: Kind, origins: Sequence[BaseException], now: float) -> float | None:
    """Return the seconds after which the provider asks to come again; None if it does not say.

    RFC 9110, 10.2.3: seconds or a date. OpenAI sends milliseconds as well, others a span, a moment, a sentence, or only
    what is left.
    """
    if kind not in ("rate_limit", "unreachable"):
        return None
    headers = next(filter(None, map(_response_headers, origins)), {})
    if ms := _parse_number(headers.get("retry-after-ms")):
        return ms / 1000
    after = headers.get("retry-after")
    if after is None:
        found = _RETRY_IN.search(str(origins[0]))
        said = parse_wait(found[1], now) if found else None
        return find_reset_s(headers, now) or None if said is None else said
    seconds = parse_wait(after, now)
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
