"""Bodies of streamed answers made regular, in whatever protocol: what all menders share."""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, nullcontext
from typing import Any, Literal

from bot.models.error_mapping import CLOSED_EARLY, describe_page, map_error_body
from bot.models.errors import ProviderError
from bot.models.wire_usage import Report, merge_reports
from bot.text import clean_text

Event = dict[str, Any]
Body = Literal["unknown", "lines", "whole", "page", "text"]

MOST_MENDED = 2_000_000  # bytes of a line or a body; a longer one is no answer of a model
LAST_WAIT_S = 10.0  # for figures after the end of an answer
_MOST_READ = 4_096  # bytes of what is no answer, which are enough to name it
_MOST_TOLD = 80  # characters of it
_BOM = b"\xef\xbb\xbf"
# Characters that litellm takes for the end of a line, though they stand in the text of one.
_ESCAPED = {"\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029", "\u0085".encode(): b"\\u0085"}
_LINE_ENDS = re.compile(b"|".join(_ESCAPED))
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")  # with which lines of server-sent events begin


class Mender:
    """A mender of one body, which only tells a web page from an answer. Others know a protocol."""

    last = b""  # what follows an answer that was not streamed

    def __init__(self) -> None:
        self.report: Report | None = None  # what the provider has said of usage and cost so far

    def take_report(self, report: Report | None) -> None:
        """Take what an event says of usage and cost beside what others have said."""
        self.report = merge_reports(self.report, report)

    async def mend(self, source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the body made regular. Raises ProviderError where it is a failure."""
        body: Body = "unknown"
        begun: list[bytes] = []
        size = 0
        async with aclosing(source), aclosing(self._read(source)) as read:
            async for data in read:
                begun.append(data)
                size += len(data)
                if body == "unknown":
                    begun = [b"".join(begun)]
                    body = self.tell_body(begun[0].removeprefix(_BOM).lstrip())
                if body in ("page", "text") and size > _MOST_READ:
                    break
                if body == "whole" and size > MOST_MENDED:
                    body = "lines"
                if body == "lines":
                    for lines in self.feed(b"".join(begun).removeprefix(_BOM)):
                        yield lines
                    begun.clear()
        rest = b"".join(begun).removeprefix(_BOM)
        if body in ("page", "text"):
            raise _name_body(body, rest)
        for lines in (*(self.feed_whole(rest) if body == "whole" else self.feed(rest)), *self.flush()):
            yield lines

    async def _read(self, source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield a body as it comes; some servers leave the connection open after an answer that is whole."""
        while True:
            try:
                async with asyncio.timeout(LAST_WAIT_S) if self.is_whole() else nullcontext():
                    data = await anext(source)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not self.is_whole():
                    raise
                return
            yield data

    def is_whole(self) -> bool:
        """Return whether an answer has come to its end, so that figures may follow alone."""
        return False

    def tell_body(self, begun: bytes) -> Body:
        """Tell what a body is by its beginning."""
        if begun.startswith(b"<"):
            return "page"
        return "unknown" if not begun or _BOM.startswith(begun) else "lines"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be passed on now."""
        yield data

    def feed_whole(self, body: bytes) -> Iterator[bytes]:
        """Yield an answer that was not streamed, as its stream would have been."""
        answers = read_objects(body)
        if answers is None:
            yield from self.feed(body)
            return
        for event in (event for answer in answers for event in self.divide(answer)):
            yield from self.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
        yield from self.feed(self.last)

    def divide(self, answer: Event) -> Iterator[Event]:
        """Yield the events of a whole answer. Raises ProviderError where it is none."""
        yield answer

    def flush(self) -> Iterator[bytes]:
        """Yield what is missing at the end of the body."""
        yield from ()


class LineMender(Mender, ABC):
    """A mender that looks at each line."""

    reads_whole = True  # whether a body that begins like JSON is one answer

    def __init__(self) -> None:
        super().__init__()
        self._begun: list[bytes] = []  # a line of which the end has not come

    def tell_body(self, begun: bytes) -> Body:
        if begun.startswith((b"{", b"[")):
            return "whole" if self.reads_whole else "lines"
        if begun.startswith(_FIELDS):
            return "lines"
        told = super().tell_body(begun)
        if told == "lines":
            return "unknown" if any(field.startswith(begun) for field in _FIELDS) else "text"
        return told

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun.append(data)
        if b"\n" in data or b"\r" in data:
            text = b"".join(self._begun)
            end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1  # one at the very end may be half of a line end
            self._begun = [text[end:]]
            yield from self._mend_lines(text[:end])

    def flush(self) -> Iterator[bytes]:
        yield from self._mend_lines(b"".join(self._begun))

    def _mend_lines(self, text: bytes) -> Iterator[bytes]:
        """Yield lines in their regular form together; those before a failure come before it is raised."""
        regular: list[bytes] = []
        try:
            regular.extend(self._mend_each(text))
        finally:
            yield b"".join(regular)

    def _mend_each(self, text: bytes) -> Iterator[bytes]:
        for line in text.splitlines():
            if (mended := self.mend_line(line)) is not None:
                yield _LINE_ENDS.sub(lambda found: _ESCAPED[found[0]], mended) + b"\n"

    @abstractmethod
    def mend_line(self, line: bytes) -> bytes | None:
        """Return a line in its regular form; None: it is left out."""


class EventMender(LineMender):
    """A mender of server-sent events: of objects of JSON, and of errors in whatever form they come."""

    ends: tuple[bytes, ...] = ()  # one of these stands in the last event of every whole stream

    def __init__(self) -> None:
        super().__init__()
        self._ended = not self.ends

    def is_whole(self) -> bool:
        return bool(self.ends) and self._ended

    def mend_line(self, line: bytes) -> bytes | None:
        name, colon, value = line.partition(b":")
        value = value.strip()
        if b'"usage' in line and name == b"data" and (event := read_json(value)) is not None:
            self.take_report(self.read_report(event))
        if b'"error"' in line:
            raise_error(read_json(value if name == b"data" else line))
        self._ended = self._ended or value == b"[DONE]" or any(end in line for end in self.ends)
        if name == b"data" and colon and value.startswith(b"{") and value != b"{}":
            return line
        return line if not line or name == b"event" else None

    def read_report(self, event: Event) -> Report | None:
        """Return what an event says of usage and cost; None: nothing."""
        return None

    def flush(self) -> Iterator[bytes]:
        yield from super().flush()
        if not self._ended:
            raise ProviderError("broken_off", CLOSED_EARLY)


def raise_error(event: Mapping[str, Any] | None) -> None:
    """Raise ProviderError for an event that says what failed. One event of an answer has an error that is null."""
    if event is not None and (event.get("error") or event.get("type") == "error"):
        raise map_error_body(event)


def read_json(data: bytes) -> Event | None:
    """Return an object of JSON, also one that stands alone in a list; None: it is none, or it is too long."""
    found = read_objects(data)
    return found[0] if found is not None and len(found) == 1 else None


def read_objects(data: bytes) -> list[Event] | None:
    """Return the objects of a list of JSON, or the one that it is; None: it is something else, or too long."""
    if len(data) > MOST_MENDED:
        return None
    try:
        found = json.loads(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    listed = found if isinstance(found, list) else [found]
    return listed if listed and all(isinstance(each, dict) for each in listed) else None


def _name_body(body: Body, begun: bytes) -> ProviderError:
    """Return the error for what is no answer: a log-in, a proxy's page or words, another server."""
    text = begun.decode(errors="replace")
    if body == "page":
        return ProviderError("not_found", f"{describe_page(text)}: look at its api_base")
    text = " ".join(clean_text(text).split())
    told = text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}…"
    return ProviderError("not_found", f"plain text (“{told}”) came instead of an answer: look at its api_base")
