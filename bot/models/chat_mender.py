"""Streams of OpenAI's chat completions made regular, as many endpoints send them.

Many speak that protocol (https://platform.openai.com/docs/api-reference/chat-streaming) with habits of their own, of
which litellm loses what it does not expect: the text, the end, or the reason of a failure. Here each habit becomes the
regular form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bot.models.error_mapping import map_error_body
from bot.models.errors import ProviderError
from bot.models.mender import MOST_MENDED, Event, LineMender, read_json
from bot.models.wire_usage import read_chat_report

_THINKING = ("reasoning_content", "reasoning")
# Reasons to finish that litellm takes for a whole answer: of Mistral, Zhipu, DeepSeek, vLLM and gateways.
_ENDINGS = {
    **dict.fromkeys(("model_length", "model_context_window_exceeded", "max_output_tokens", "incomplete"), "length"),
    **dict.fromkeys(("safety", "blocked", "moderation", "content-filter"), "content_filter"),
}
_FAILURES = {
    "error": "it gave no reason",
    "insufficient_system_resource": "it has no capacity left",
    "network_error": "a network error on its side",
    **dict.fromkeys(("abort", "aborted", "cancelled", "failed"), "it was stopped there"),
}


class ChatMender(LineMender):
    """A mender of OpenAI's protocol, as many endpoints speak it."""

    last = b"data: [DONE]\n\n"

    def __init__(self) -> None:
        super().__init__()
        self._named = ""  # the name of the event whose data comes next
        self._head: Event = {}  # what every event of this answer says of it
        self._ended = False  # a reason to finish has come
        self._counted = False  # an event of figures alone has come: it is the last one
        self._refused = False  # the model has written in the field that is there for refusals
        self._spoke = False  # text has come in pieces, so that a whole message would repeat it

    def is_whole(self) -> bool:
        return self._ended

    def mend_line(self, line: bytes) -> bytes | None:
        name, colon, value = line.partition(b":")
        match name:
            case b"event":
                self._named = value.strip().decode(errors="replace")
                return None  # nobody reads it, and one without data ends the reading
            case b"data" if colon:
                value = value.strip()
                if value.startswith(b"data:"):  # a gateway has wrapped what was an event already
                    line, value = value, value.removeprefix(b"data:").strip()
                return self._mend_data(line, value)
            case b"" if not colon:
                self._named = ""
                return line
        if line.startswith(b"{"):  # a failure in mid-stream, without the form of an event
            self._raise_error(read_json(line))
        return None  # comments, ids, times to try again: without data they would end the reading as well

    def _mend_data(self, line: bytes, data: bytes) -> bytes | None:
        if data == b"[DONE]":
            return b"".join(self._end()) + line
        if not data:
            return None
        event = read_json(data)
        if event is None and len(data) > MOST_MENDED:
            return line
        if event is None and data.startswith(b"{"):  # words of the answer may be lost with it
            raise ProviderError("other", "what the provider sent cannot be read")
        if not event:
            return None
        if event.get("usage") or data.count(b'"usage"') > ("usage" in event):  # most send one of null with every piece
            self.take_report(read_chat_report(event))
        self._raise_error(event)
        return b"data: " + json.dumps(event).encode() if self._mend_event(event) else line

    def _mend_event(self, event: Event) -> bool:
        """Make an event regular in its place; return whether anything was changed."""
        changed = False
        sent = event.get("choices")
        choices = [choice for choice in sent if isinstance(choice, dict)] if isinstance(sent, list) else []
        if choices != sent:
            event["choices"], changed = choices, True
        for choice in choices:
            changed |= self._mend_choice(choice)
        self._counted = not choices and (self._counted or isinstance(event.get("usage"), dict))
        changed |= self._leave_figures(event)
        if not self._head:
            self._head = {key: event[key] for key in ("id", "object", "created", "model") if key in event}
        return changed

    def _leave_figures(self, event: Event) -> bool:
        """Leave litellm the two figures that keep it from counting by itself; it fails at many that are none."""
        if event.pop("usage", None) is None and "x_groq" not in event:
            return False
        if self.report is not None:
            used = self.report.usage
            event["usage"] = {"prompt_tokens": used.input, "completion_tokens": used.output}
        return True

    def _mend_choice(self, choice: Event) -> bool:
        changed = False
        delta, finish = choice.get("delta"), choice.get("finish_reason")
        if not isinstance(delta, dict):
            message = choice.get("message")
            said = message if isinstance(message, dict) else {"content": choice.get("text")}
            delta = choice["delta"] = {} if said is message and self._spoke else said
            changed = True
        else:
            self._spoke = self._spoke or bool(delta.get("content"))
        changed |= self._mend_delta(delta)
        reason = finish.lower() if isinstance(finish, str) else ""
        if reason in _FAILURES:
            raise map_error_body({"error": choice.get("error") or _FAILURES[reason]})
        if reason in _ENDINGS or finish == "":
            choice["finish_reason"], changed = _ENDINGS.get(reason), True
        if finish:
            self._ended = True
            if self._refused:
                choice["finish_reason"], changed = "content_filter", True
        return changed

    def _mend_delta(self, delta: Event) -> bool:
        odd = [name for name in _THINKING if delta.get(name) is not None and not isinstance(delta[name], str)]
        for name in odd:
            delta[name] = "".join(_join_parts(delta[name]))
        return self._mend_content(delta) or bool(odd)

    def _mend_content(self, delta: Event) -> bool:
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
        if isinstance(groq := event.get("x_groq"), dict) and groq.get("error"):  # which has stopped its stream
            raise map_error_body(groq)
        if event.get("error") or event.get("object") == "error" or named:
            raise map_error_body(event)

    def divide(self, answer: Event) -> Iterator[Event]:
        if not answer.get("choices"):
            raise map_error_body(answer)
        usage = answer.pop("usage", None)
        finish = next((end for choice in answer["choices"] if (end := choice.pop("finish_reason", None))), "stop")
        yield from (answer, self._finish(finish))
        if usage:
            yield {**answer, "choices": [], "usage": usage}

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
