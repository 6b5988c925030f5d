"""Streams as providers send them, made regular line by line before litellm reads them.

Many endpoints speak OpenAI's protocol of chat completions (https://platform.openai.com/docs/api-reference/chat-streaming)
with habits of their own, of which litellm loses what it does not expect: the text, the end, or the reason of a failure.
Here each habit becomes the regular form. Lines that are regular already pass as they came, byte for byte.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, cast

from bot.models.error_mapping import map_error_body
from bot.models.errors import ProviderError

if TYPE_CHECKING:
    import httpx  # slow to import

Event = dict[str, Any]
Body = Literal["unknown", "lines", "whole", "page"]
Handler = Callable[[Any, "httpx.Request"], Awaitable["httpx.Response"]]  # of a transport and a request

_MOST_MENDED = 2_000_000  # bytes of a line or a body; a longer one is no answer of a model
_PAGE_BYTES = 4_096  # of a web page, which are enough to find its title
_XAI_TICKS_PER_USD = 10**10  # https://docs.x.ai/developers/rest-api-reference/inference/chat
_TITLE = re.compile(r"<title[^>]{0,80}>([^<]{1,80})", re.IGNORECASE)
_STREAMED = (b'"stream": true', b'"stream":true')


def mend_responses(handle: Handler) -> Handler:
    """Return a transport's way to answer requests, with the bodies of streamed answers made regular."""

    @functools.wraps(handle)
    async def handle_mended(transport: Any, request: httpx.Request) -> httpx.Response:
        mender = _choose_mender(request)
        if mender is None:
            return await handle(transport, request)
        request.headers["Accept-Encoding"] = "identity"  # lines can only be read as they are
        response = await handle(transport, request)
        if response.is_success and response.headers.get("content-encoding", "identity") == "identity":
            response.stream = _make_stream(mender, cast("httpx.AsyncByteStream", response.stream))
        return response

    return handle_mended


def _choose_mender(request: httpx.Request) -> Mender | None:
    """Return the mender of the answer to this request; None where it asks for no stream."""
    path = request.url.path
    if request.method != "POST" or not (
        "streamGenerateContent" in path or any(said in request.content for said in _STREAMED)
    ):
        return None
    if path.endswith("/chat/completions"):
        return ChatMender()
    if path.endswith("/v2/chat"):
        return CohereMender()
    return OllamaMender() if path.endswith(("/api/chat", "/api/generate")) else Mender()


def _make_stream(mender: Mender, source: httpx.AsyncByteStream) -> httpx.AsyncByteStream:
    import httpx

    class MendedStream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async with aclosing(mender.mend(cast(AsyncGenerator[bytes, None], aiter(source)))) as mended:
                async for data in mended:
                    yield data

        async def aclose(self) -> None:
            await source.aclose()

    return MendedStream()


class Mender:
    """A mender of one body, which only tells a web page from an answer. Others know a protocol."""

    reads_whole = False  # whether a body that begins like JSON is one answer

    async def mend(self, source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the body made regular. Raises ProviderError where it is a failure."""
        body: Body = "unknown"
        begun: list[bytes] = []
        size = 0
        async with aclosing(source):
            async for data in source:
                body = self._tell_body(data) if body == "unknown" else body
                begun.append(data)
                size += len(data)
                if body == "page" and size > _PAGE_BYTES:
                    break
                if body == "whole" and size > _MOST_MENDED:
                    body = "lines"
                if body == "lines":
                    for lines in self.feed(b"".join(begun)):
                        yield lines
                    begun.clear()
        if body == "page":
            raise _page_error(b"".join(begun))
        feed = self.feed_whole if body == "whole" else self.feed
        for lines in (*feed(b"".join(begun)), *self.flush()):
            yield lines

    def _tell_body(self, data: bytes) -> Body:
        first = data.lstrip()[:1]
        if first == b"<":
            return "page"
        if not first:
            return "unknown"
        return "whole" if first in (b"{", b"[") and self.reads_whole else "lines"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be passed on now."""
        yield data

    def feed_whole(self, body: bytes) -> Iterator[bytes]:
        """Yield a body that begins like JSON."""
        yield body

    def flush(self) -> Iterator[bytes]:
        """Yield what is missing at the end of the body."""
        yield from ()


class LineMender(Mender):
    """A mender that looks at each line."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []  # a line of which the end has not come

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun.append(data)
        if b"\n" in data:
            text, _, rest = b"".join(self._begun).rpartition(b"\n")
            self._begun = [rest]
            yield from self._mend_lines(text)

    def flush(self) -> Iterator[bytes]:
        if rest := b"".join(self._begun):
            yield from self._mend_lines(rest)

    def _mend_lines(self, text: bytes) -> Iterator[bytes]:
        """Yield lines in their regular form together; those before a failure come before it is raised."""
        regular: list[bytes] = []
        try:
            regular.extend(self._mend_each(text))
        finally:
            yield b"".join(regular)

    def _mend_each(self, text: bytes) -> Iterator[bytes]:
        for line in text.split(b"\n"):
            if (mended := self.mend_line(line.rstrip(b"\r"))) is not None:
                yield mended + b"\n"

    def mend_line(self, line: bytes) -> bytes | None:
        """Return a line in its regular form; None: it is left out."""
        raise NotImplementedError


class OllamaMender(LineMender):
    """A mender of Ollama's lines of JSON, of which one may be an error (https://docs.ollama.com/api/errors)."""

    def mend_line(self, line: bytes) -> bytes | None:
        if line.startswith(b'{"error"') and (event := _read_json(line)) and event.get("error"):
            raise map_error_body(event)
        return line


class CohereMender(LineMender):
    """A mender of Cohere's events (https://docs.cohere.com/reference/chat-stream).

    litellm reads each line as bare JSON, looks for the end under other names than Cohere gives it, and drops thinking.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thinking_at: int | None = None  # the number of the block of thinking that is open

    def mend_line(self, line: bytes) -> bytes | None:
        event = _read_json(line.removeprefix(b"data:")) if line.startswith(b"data:") else None
        if event is None:
            return None
        content = event.get("delta", {}).get("message", {}).get("content", {})
        match event.get("type"):
            case "content-delta" if isinstance(content, dict) and "thinking" in content:
                content["text"] = content.pop("thinking")
            case "content-start" if isinstance(content, dict) and content.get("type") == "thinking":
                self._thinking_at = event.get("index")
                event = _cohere_text("<think>")
            case "content-end" if event.get("index") == self._thinking_at:
                self._thinking_at = None
                event = _cohere_text("</think>")
            case "message-end":
                if event["delta"].get("finish_reason") in ("ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "TIMEOUT"):
                    raise map_error_body({"error": event["delta"].get("error") or event["delta"]["finish_reason"]})
                event |= {"event": "message-end", "data": {"delta": event["delta"]}}
        return json.dumps(event).encode()


def _cohere_text(text: str) -> Event:
    return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}


class ChatMender(LineMender):
    """A mender of OpenAI's protocol, as many endpoints speak it."""

    reads_whole = True

    def __init__(self) -> None:
        super().__init__()
        self._named = ""  # the name of the event whose data comes next
        self._head: Event = {}  # what every event of this answer says of it
        self._ended = False  # a reason to finish has come
        self._counted = False  # an event of figures alone has come: it is the last one
        self._refused = False  # the model has written in the field that is there for refusals

    def mend_line(self, line: bytes) -> bytes | None:
        name, colon, value = line.partition(b":")
        match name:
            case b"event":
                self._named = value.strip().decode(errors="replace")
                return None  # nobody reads it, and one without data ends the reading
            case b"data" if colon:
                return self._mend_data(line, value.strip())
            case b"" if not colon:
                self._named = ""
            case _ if line.startswith(b"{"):  # a failure in mid-stream, without the form of an event
                self._raise_error(_read_json(line))
        return line

    def _mend_data(self, line: bytes, data: bytes) -> bytes | None:
        if data == b"[DONE]":
            return b"".join(self._end()) + line
        if not data:
            return None
        event = _read_json(data)
        if event is None:
            return line
        if not event:
            return None
        self._raise_error(event)
        return b"data: " + json.dumps(event).encode() if self._mend_event(event) else line

    def _mend_event(self, event: Event) -> bool:
        """Make an event regular in its place; return whether anything was changed."""
        changed = False
        choices = event.get("choices")
        if not isinstance(choices, list):
            event["choices"], choices, changed = [], [], True
        for choice in choices:
            changed |= self._mend_choice(choice)
        usage = event.get("usage")
        if isinstance(usage, dict):
            self._counted = self._counted or not choices
            if (cost := _reported_cost(usage)) is not None and usage.get("cost") != cost:
                usage["cost"], changed = cost, True
        if not self._head:
            self._head = {key: event[key] for key in ("id", "object", "created", "model") if key in event}
        return changed

    def _mend_choice(self, choice: Event) -> bool:
        changed = False
        delta, finish = choice.get("delta"), choice.get("finish_reason")
        if not isinstance(delta, dict):
            message = choice.get("message")
            delta = choice["delta"] = message if isinstance(message, dict) else {}
            changed = True
        changed |= self._mend_delta(delta)
        if finish == "error":
            raise map_error_body({"error": choice.get("error") or "it gave no reason"})
        if finish == "":
            choice["finish_reason"], changed = None, True
        if finish:
            self._ended = True
            if self._refused:
                choice["finish_reason"], changed = "content_filter", True
        return changed

    def _mend_delta(self, delta: Event) -> bool:
        content, refusal = delta.get("content"), delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            delta["content"] = _join_parts(content)[0] + refusal
            return True
        if content is None or isinstance(content, str):
            return False
        text, thinking = _join_parts(content)
        delta["content"] = text
        if thinking:
            delta["reasoning_content"] = (delta.get("reasoning_content") or "") + thinking
        return True

    def _raise_error(self, event: Event | None) -> None:
        if event is None:
            return
        named = self._named == "error" and not event.get("choices")
        if event.get("error") or event.get("object") == "error" or named:
            raise map_error_body(event)

    def feed_whole(self, body: bytes) -> Iterator[bytes]:
        """Yield a whole answer as a stream."""
        event = _read_json(body)
        if event is None:
            yield from self.feed(body)
            return
        if not event.get("choices"):
            raise map_error_body(event)
        usage = event.pop("usage", None)
        finish = next((end for choice in event["choices"] if (end := choice.pop("finish_reason", None))), "stop")
        events = [event, self._finish(finish), *([{**event, "choices": [], "usage": usage}] if usage else [])]
        for each in (*map(json.dumps, events), "[DONE]"):
            yield from self.feed(b"data: " + each.encode() + b"\n\n")

    def flush(self) -> Iterator[bytes]:
        yield from super().flush()
        if self._counted:
            yield from self._end()

    def _end(self) -> Iterator[bytes]:
        """Yield the end that a stream ought to have had, once it is known to be whole."""
        if not self._ended:
            self._ended = True
            yield b"data: " + json.dumps(self._finish("content_filter" if self._refused else "stop")).encode() + b"\n\n"

    def _finish(self, reason: str) -> Event:
        return {**self._head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def _join_parts(content: object) -> tuple[str, str]:
    """Return the text and the thinking of a content, which may be a string, a part, or a list of parts."""
    text = thinking = ""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict):
            if thought := part.get("thinking") or part.get("reasoning"):
                thinking += "".join(_join_parts(thought))
            said = part.get("text") or part.get("refusal") or ""
            text += said if isinstance(said, str) else str(said.get("value", ""))  # as OpenAI's assistants write it
        elif part is not None:
            text += str(part)
    return text, thinking


def _reported_cost(usage: Mapping[str, Any]) -> float | None:
    """Return what a provider says that the answer cost, in US dollars; None: it does not say.

    OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting) counts what the owner of another provider's key
    pays there apart. Perplexity's sum contains its fee for the search.
    """
    cost = usage.get("cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    if isinstance(ticks := usage.get("cost_in_usd_ticks"), int):
        cost = ticks / _XAI_TICKS_PER_USD
    if not isinstance(cost, int | float) or isinstance(cost, bool) or cost < 0:
        return None
    elsewhere = (usage.get("cost_details") or {}).get("upstream_inference_cost") if usage.get("is_byok") else None
    return cost + (elsewhere or 0.0)


def _read_json(data: bytes) -> Event | None:
    """Return an object of JSON, also one that stands alone in a list; None: it is none, or it is too long."""
    if len(data) > _MOST_MENDED:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if isinstance(found, dict) else None


def _page_error(page: bytes) -> ProviderError:
    """Return the error for a web page in place of an answer: a log-in, a proxy's page, another server."""
    title = _TITLE.search(page.decode(errors="replace"))
    named = f" (“{' '.join(title[1].split())}”)" if title else ""
    return ProviderError("not_found", f"a web page{named} came instead of an answer: look at its api_base")
