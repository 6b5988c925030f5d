"""Streams of protocols that one provider speaks, made regular before litellm reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.models.error_mapping import map_error_body
from bot.models.mender import Event, EventMender, LineMender, raise_error, read_json
from bot.models.wire_usage import (
    Report,
    read_anthropic_report,
    read_cohere_report,
    read_gemini_report,
    read_ollama_report,
    read_responses_report,
)


class OllamaMender(LineMender):
    """A mender of Ollama's lines of JSON, of which one may be an error (https://docs.ollama.com/api/errors).

    Thinking in tags is told from the answer by our own reading alone: litellm looks for whole tags in each line, and
    takes what comes after the line of one, or an answer that speaks of one, for the wrong of the two.
    """

    reads_whole = False

    def mend_line(self, line: bytes) -> bytes | None:
        if b'"error"' in line:
            raise_error(read_json(line))
        if b'_count"' in line and (event := read_json(line)) is not None:
            self.take_report(read_ollama_report(event))
        if b"think" in line and (event := read_json(line)) is not None:
            return b"\n".join(json.dumps(each).encode() for each in _divide_tags(event))
        return line


def _divide_tags(event: Event) -> Iterator[Event]:
    """Yield the events in which no tag of thinking in an event's text is whole."""
    message = event.get("message")
    holder, name = (message, "content") if isinstance(message, dict) else (event, "response")
    text = holder.get(name)
    *before, last = _IN_A_TAG.split(text) if isinstance(text, str) else [text]
    for piece in before:
        said = {**holder, name: piece}
        yield {**({**event, "message": said} if holder is message else said), "done": False}
    holder[name] = last
    yield event


_IN_A_TAG = re.compile(r"(?<=<)(?=/?think>)")


class CohereMender(EventMender):
    """A mender of Cohere's events (https://docs.cohere.com/reference/chat-stream).

    litellm reads each line as bare JSON, looks for the end under other names than Cohere gives it, and drops thinking.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thinking_at: int | None = None  # the number of the block of thinking that is open

    def mend_line(self, line: bytes) -> bytes | None:
        line = super().mend_line(line) or b""
        event = read_json(line.removeprefix(b"data:")) if line.startswith(b"data:") else None
        if event is None:
            return None
        content = _find_content(event)
        match event.get("type"):
            case "content-delta" if content is None:
                return None
            case "content-delta" if content is not None and "thinking" in content:
                content["text"] = content.pop("thinking")
            case "content-start" if isinstance(content, dict) and content.get("type") == "thinking":
                self._thinking_at = event.get("index")
                event = _cohere_text("<think>")
            case "content-end" if event.get("index") == self._thinking_at:
                self._thinking_at = None
                event = _cohere_text("</think>")
            case "message-end":
                delta = event["delta"] = event.get("delta") or {}
                if delta.get("finish_reason") in ("ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "TIMEOUT"):
                    raise map_error_body({"error": delta.get("error") or delta["finish_reason"]})
                event |= {"event": "message-end", "data": {"delta": delta}}
                self.take_report(read_cohere_report(event))
        return json.dumps(event).encode()

    def divide(self, answer: Event) -> Iterator[Event]:
        message = _require(answer, "message")
        blocks = message.get("content") if isinstance(message, dict) else None
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            content = {"delta": {"message": {"content": block}}, "index": index}
            if block.get("type") == "thinking":
                yield {"type": "content-start", **content}
            yield {"type": "content-delta", **content}
            yield {"type": "content-end", "index": index}
        ended = {name: answer[name] for name in ("finish_reason", "usage") if name in answer}
        yield {"type": "message-end", "delta": ended}


def _find_content(event: Event) -> Event | None:
    """Return the content that an event of Cohere's brings, in its place; None: it has none."""
    found: Any = event
    for name in ("delta", "message", "content"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _cohere_text(text: str) -> Event:
    return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}


class AnthropicMender(EventMender):
    """A mender of Anthropic's events (https://docs.claude.com/en/docs/build-with-claude/streaming)."""

    def __init__(self) -> None:
        super().__init__()
        self._used: Event = {}  # figures so far

    def mend_line(self, line: bytes) -> bytes | None:
        # litellm takes what it does not know for a whole answer
        return super().mend_line(line.replace(b'"model_context_window_exceeded"', b'"max_tokens"'))

    def read_report(self, event: Event) -> Report | None:
        report, self._used = read_anthropic_report(event, self._used)
        return report

    def divide(self, answer: Event) -> Iterator[Event]:
        blocks = _require(answer, "content")
        yield {"type": "message_start", "message": {**answer, "content": [], "stop_reason": None}}
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            kind = block.get("type")
            yield {"type": "content_block_start", "index": index, "content_block": {**block, **_BEGUN.get(kind, {})}}
            if kind in _BEGUN:
                yield {
                    "type": "content_block_delta",
                    "index": index,
                    "delta": {"type": f"{kind}_delta", kind: block.get(kind) or ""},
                }
            yield {"type": "content_block_stop", "index": index}
        ended = {name: answer.get(name) for name in ("stop_reason", "stop_sequence")}
        yield {"type": "message_delta", "delta": ended, "usage": answer.get("usage") or {}}
        yield {"type": "message_stop"}


_BEGUN = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}  # a block before its first delta


class GeminiMender(EventMender):
    """A mender of Gemini's events, which come as one list where the query for events was lost on the way.

    litellm takes the end of the connection for the end of the answer.
    """

    ends = (b'"finishReason"', b'"blockReason"')

    def read_report(self, event: Event) -> Report | None:
        return read_gemini_report(event)

    def divide(self, answer: Event) -> Iterator[Event]:
        if "promptFeedback" not in answer:
            _require(answer, "candidates", "usageMetadata")
        yield answer


class ResponsesMender(EventMender):
    """A mender of the events of OpenAI's Responses API (https://platform.openai.com/docs/api-reference)."""

    ends = (b"response.completed", b"response.incomplete", b"response.failed")

    def __init__(self) -> None:
        super().__init__()
        self._refused = False  # the model has written what is there for refusals, which litellm leaves out

    def mend_line(self, line: bytes) -> bytes | None:
        mended = super().mend_line(line)
        if b'"response.refusal.delta"' in line:
            self._refused = True
            return line.replace(b"response.refusal.delta", b"response.output_text.delta")
        if not self._refused or mended is None or b'"response.completed"' not in line:
            return mended
        event = read_json(line.removeprefix(b"data:")) or {}
        response = {**event.get("response", {}), "incomplete_details": {"reason": "content_filter"}}
        filtered = {**event, "type": "response.incomplete", "response": {**response, "status": "incomplete"}}
        return b"data: " + json.dumps(filtered).encode()

    def read_report(self, event: Event) -> Report | None:
        return read_responses_report(event)

    def divide(self, answer: Event) -> Iterator[Event]:
        items = _require(answer, "output", "status")
        for index, item in enumerate(items if isinstance(items, list) else ()):
            for number, part in enumerate(item.get("content") or () if item.get("type") == "message" else ()):
                at = {"output_index": index, "item_id": item.get("id"), "content_index": number}
                if refusal := part.get("refusal"):
                    yield {"type": "response.refusal.delta", **at, "delta": refusal}
                yield {"type": "response.output_text.delta", **at, "delta": part.get("text") or ""}
        status = answer.get("status")
        yield {"type": f"response.{status if status in ('incomplete', 'failed') else 'completed'}", "response": answer}


class WholeResponseMender(LineMender):
    """A mender of a response that was asked for whole, which only finds the error in place of one."""

    def feed_whole(self, body: bytes) -> Iterator[bytes]:
        if (answer := read_json(body)) is not None:
            _require(answer, "output")
            self.take_report(read_responses_report(answer))
        yield body

    def mend_line(self, line: bytes) -> bytes | None:
        return line


def _require(answer: Event, *names: str) -> Any:
    """Return the first of these fields that a whole answer has. Raises ProviderError where it is none."""
    raise_error(answer)
    found = next((answer[name] for name in names if name in answer), None)
    if found is None:
        raise map_error_body(answer)
    return found
