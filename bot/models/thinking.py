"""Thinking that models write into their text, told from the answer while it comes.

Two families of marks: tags in pairs, such as <think> … </think>, and the channels of OpenAI's harmony format
(https://github.com/openai/harmony), which show where a server does not read them itself. Marks count before the answer
begins. In an answer they are text, with one exception: a mark that ends thinking although none began, as some chat
templates write the beginning into the prompt. Then all that came before it was thinking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.text import has_signs

_TAGS = (
    *("think", "thinking", "antthinking", "longcat_think", "seed:think"),
    *("thought", "thoughts", "reasoning", "scratchpad"),
)
_TAG_ENDS = tuple(f"</{tag}>" for tag in _TAGS)  # some models mix them up
_PAIRS: dict[str, tuple[str, ...]] = {
    **{f"<{tag}>": _TAG_ENDS for tag in _TAGS},
    "[think]": ("[/think]",),
    "◁think▷": ("◁/think▷",),
    "<|start_thinking|>": ("<|end_thinking|>",),
    "<|begin_of_thought|>": ("<|end_of_thought|>",),
    "<|channel>thought": ("<channel|>",),
    "<|inner_prefix|>": ("<|inner_suffix|>",),
    "<unused94>": ("<unused95>",),
}
_CLOSERS = frozenset(closer for closers in _PAIRS.values() for closer in closers)
_BARE, _BARE_END = "analysis", "assistantfinal"  # harmony's heads where a server has dropped its special tokens
_ENDS = ("<|end|>", "<|return|>", "<|call|>")  # of a harmony message
_DROPPED = (*_ENDS, "<|start_response|>", "<|end_response|>", "<|begin_of_solution|>", "<|end_of_solution|>")
_BOXES = ("<|begin_of_box|>", "<|end_of_box|>")  # round what GLM holds for the point of its answer: dropped wherever
_WRAPPERS = {"<answer>": "</answer>", "<response>": "</response>"}  # round a whole answer, once thinking has ended
_WRAPPER_MARKS = (*_WRAPPERS, *_WRAPPERS.values())
_SPEAKERS = ("<|start_header_id|>assistant<|end_header_id|>", "<|assistant|>", "<｜assistant｜>")  # before an answer
# What chat templates end an answer with; servers with another template let it through. Elsewhere it is text.
_TEMPLATE_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|endoftext|>", "<|end_of_text|>", "<|end_of_turn|>"),
    *("<|endofassistant|>", "<|user|>", "<|im_start|>", "<end_of_turn>", "<eos>", "</s>", "[eos]"),
    *("<|end_of_turn_token|>", "<｜end▁of▁sentence｜>"),
)
_ENDS_CHARS = 200  # several of them
_HEAD_STARTS = ("<|end|>", "<|start|>", "<|channel|>")
_HEAD_CHARS = 160  # a head is no longer

# The head of a harmony message. Its channel is "final" for the answer, "analysis" or "commentary" for the rest.
_HEAD = (
    r"(?:<\|end\|>)?(?:<\|start\|>[a-z]{1,20})?<\|channel\|>(?P<channel>[a-z]{1,20})[^<\n]{0,50}"
    r"(?:<\|constrain\|>[^<\n]{0,20})?<\|message\|>"
)


def _any_of(marks: tuple[str, ...] | frozenset[str]) -> str:
    return "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))


_MARKS = (
    *(*_PAIRS, *_CLOSERS, *_DROPPED, *_BOXES, *_WRAPPER_MARKS),
    *(*_SPEAKERS, *_TEMPLATE_ENDS),
)
_MARK = re.compile(rf"{_HEAD}|{_any_of(_MARKS)}", re.IGNORECASE)
_LAST = (*_TEMPLATE_ENDS, *_ENDS, *_SPEAKERS)  # what may follow an end of a template
_TEMPLATE_END = re.compile(_any_of(_LAST), re.IGNORECASE)
_BARE_START = re.compile(rf"{_BARE}(?=[A-Z\"'])")
_ENDS_OF = {opener: re.compile(_any_of(closers), re.IGNORECASE) for opener, closers in _PAIRS.items()} | {
    "head": re.compile(rf"{_any_of(_ENDS)}|(?=<\|start\|>|<\|channel\|>final)", re.IGNORECASE),
    _BARE: re.compile(_BARE_END),
}
_FIRST = re.compile(r"[<\[◁]")  # the characters with which marks begin
_SENTENCE_ENDS = frozenset(".!?…。！？」』")
_OPENING = frozenset("\"'“‘«([{<*_~|/\\`")


@dataclass(frozen=True, slots=True)
class SplitText:
    """What a piece of text came to. `restarts`: all text before it was thinking."""

    text: str = ""
    thinking: str = ""
    restarts: bool = False


class ThoughtSplitter:
    """A parser that tells text from thinking. It holds back at most the beginning of a mark."""

    def __init__(self) -> None:
        self._state: Literal["before", "thinking", "answer"] = "before"
        self._closer = _ENDS_OF[_BARE]  # of the thinking that goes on
        self._held = ""
        self._trims = False  # thinking has ended, so blank lines before the answer go with it
        self._withdraws = False  # all text so far was thinking; said with the first word of the answer
        self._wrapper_end = ""  # what closes the tag round the answer
        self._has_special = False  # marks of the sort <|…|> are in use, so they are no text
        self._place = _Place()
        self._text: list[str] = []  # what this step has told …
        self._thinking: list[str] = []
        self._restarts = False

    def feed(self, text: str) -> SplitText:
        """Tell what can be told now."""
        if self._state == "answer" and not self._held and not _FIRST.search(text):  # nearly always
            self._place.pass_over(text)
            return SplitText(text)
        return self._read(self._held + text, is_last=False)

    def flush(self) -> SplitText:
        """Tell what was held back, once nothing more comes."""
        return self._read(self._held, is_last=True)

    def _read(self, buffer: str, *, is_last: bool) -> SplitText:
        at, self._held = 0, ""
        while at < len(buffer):
            match self._state:
                case "before":
                    at = self._begin(buffer, at, is_last)
                case "thinking":
                    at = self._think(buffer, at, is_last)
                case "answer":
                    at = self._answer(buffer, at, is_last)
            if at < 0:
                self._held = buffer[~at:]
                break
        told = SplitText("".join(self._text), "".join(self._thinking), self._restarts)
        self._text, self._thinking, self._restarts = [], [], False
        return told

    # Each of these reads on from `at` and returns where it stopped; ~position: what follows must wait for more.

    def _begin(self, buffer: str, at: int, is_last: bool) -> int:
        start = _blank_end(buffer, at)
        if start == len(buffer) and self._trims:
            return start
        mark = _MARK.match(buffer, start) or _BARE_START.match(buffer, start)
        if mark and self._take_leading(mark):
            self._trims = True
            return mark.end()
        if not is_last and not mark and start - at < _HEAD_CHARS and _may_begin(buffer, start, _BARE):
            return ~at
        self._state = "answer"
        if self._withdraws:
            self._withdraws = False
            self._restarts = True
            self._thinking += self._text
            self._text.clear()
            self._place = _Place()
        return start if self._trims else self._say(buffer, at, start)

    def _take_leading(self, mark: re.Match[str]) -> bool:
        """Take a mark before the answer: it is dropped, and may begin thinking."""
        name = mark[0].lower()
        channel = mark.groupdict().get("channel")
        if name in _PAIRS or name == _BARE or channel:
            self._has_special = self._has_special or "|" in name
            if channel is None or channel.lower() != "final":
                self._state, self._closer = "thinking", _ENDS_OF["head" if channel else name]
            return True
        if name in _WRAPPERS and self._trims:
            self._wrapper_end = _WRAPPERS[name]
            return True
        if name in _WRAPPER_MARKS:
            return False
        return name in (*_CLOSERS, *_BOXES, *_SPEAKERS) or self._has_special

    def _think(self, buffer: str, at: int, is_last: bool) -> int:
        end = self._closer.search(buffer, at)
        if end is None:
            stop = len(buffer) if is_last else _begun_at(buffer, at, is_bare=self._closer is _ENDS_OF[_BARE])
            self._thinking.append(buffer[at:stop])
            return ~stop
        self._thinking.append(buffer[at : end.start()])
        self._state, self._trims = "before", True
        return end.end()

    def _answer(self, buffer: str, at: int, is_last: bool) -> int:
        mark = _MARK.search(buffer, at)
        if mark is None:
            return ~self._say(buffer, at, len(buffer) if is_last else _begun_at(buffer, at))
        self._say(buffer, at, mark.start())
        name = mark[0].lower()
        if name == "<|end|>" and not is_last and _may_begin(buffer, mark.start()):
            return ~mark.start()  # a head may follow
        if name in _TEMPLATE_ENDS or (name in _ENDS and not self._has_special):
            if not _is_template_end(buffer[mark.start() :], is_last):
                return self._say(buffer, mark.start(), mark.end())
            return len(buffer) if is_last else ~mark.start()
        if self._place.is_code():
            is_text = True
        elif name in _BOXES:
            is_text = False
        elif name in _WRAPPER_MARKS:
            is_text = name != self._wrapper_end
        elif name in _CLOSERS:
            is_text = not self._place.take_closer()
            self._withdraws = not is_text
        elif channel := mark["channel"]:
            is_text = not self._has_special and channel.lower() != "final"
            self._withdraws = not is_text and not self._has_special
            self._has_special = self._has_special or not is_text
        else:
            is_text = name in _PAIRS or not self._has_special
        if is_text:
            if name in _PAIRS:
                self._place.note_opener()
            return self._say(buffer, mark.start(), mark.end())
        if name in _CLOSERS or mark["channel"]:
            self._state, self._trims = "before", self._withdraws or self._trims
            if mark["channel"]:
                self._take_leading(mark)
        return mark.end()

    def _say(self, buffer: str, at: int, end: int) -> int:
        self._text.append(buffer[at:end])
        self._place.pass_over(buffer[at:end])
        return end


class _Place:
    """A place in Markdown, as far as it tells code from prose. Each character is looked at once, and only if asked."""

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._fence = ""  # the mark of the block of code that is open
        self._line = ""  # the beginning of the line …
        self._tail = ""  # … and its end
        self._ticks = 0
        self._openers = {True: 0, False: 0}  # marks that begin thinking, as text: at the start of a line, and within

    def pass_over(self, text: str) -> None:
        self._unread.append(text)

    def is_code(self) -> bool:
        self._read()
        return bool(self._fence) or self._ticks % 2 == 1 or bool(_fence_of(self._line))

    def note_opener(self) -> None:
        """Note that a mark was text, so that the one that closes it is text as well."""
        self._openers[not self._tail.strip()] += 1

    def take_closer(self) -> bool:
        """Take a mark that ends thinking; return whether it ends some that began unseen.

        Prose speaks of marks in the midst of a sentence, and of those that begin thinking as well.
        """
        before = self._tail.rstrip()
        if self._openers[not before]:
            self._openers[not before] -= 1
            return False
        if not before or before[-1] in _SENTENCE_ENDS:
            return True
        return before == self._tail and before[-1] not in _OPENING

    def _read(self) -> None:
        for number, piece in enumerate("".join(self._unread).split("\n")):
            if number:
                self._end_line()
            self._line = (self._line + piece[:20])[:20]
            self._tail = (self._tail + piece[-20:])[-20:]
            self._ticks += piece.count("`")
        self._unread.clear()

    def _end_line(self) -> None:
        fence = _fence_of(self._line)
        if not self._fence:
            self._fence = fence
        elif fence.startswith(self._fence):
            self._fence = ""
        self._line = self._tail = ""
        self._ticks = 0


def _fence_of(line: str) -> str:
    """Return the mark at the start of a line that begins or ends a block of code; "" if there is none."""
    line = line.lstrip(" >")
    bare = line.lstrip(line[:1])
    return line[: len(line) - len(bare)] if line.startswith(("```", "~~~")) else ""


def _is_template_end(rest: str, is_last: bool) -> bool:
    """Return whether nothing but ends of chat templates is left, the last of which may not be whole yet."""
    if len(rest) > _ENDS_CHARS:
        return False
    other = _TEMPLATE_END.sub("", rest).strip().lower()
    return not other or (not is_last and any(mark.startswith(other) for mark in _LAST))


def _blank_end(text: str, at: int) -> int:
    return next((n for n in range(at, len(text)) if has_signs(text[n])), len(text))


def _may_begin(text: str, at: int, *others: str) -> bool:
    """Return whether the rest of a text may be the beginning of a mark, or of a head that is not whole."""
    low = text[at : at + _HEAD_CHARS].lower()
    if any(mark.startswith(low) for mark in (*_MARKS, *_HEAD_STARTS, *others)):
        return True
    return low.startswith(_HEAD_STARTS) and len(text) - at < _HEAD_CHARS


def _begun_at(buffer: str, at: int, *, is_bare: bool = False) -> int:
    """Return where the beginning of a mark stands at the end of a text; its end if there is none."""
    if is_bare:
        begun = next((n for n in range(len(_BARE_END) - 1, 0, -1) if buffer.endswith(_BARE_END[:n], at)), 0)
        return len(buffer) - begun
    at = max(at, len(buffer) - _HEAD_CHARS)
    while (found := _FIRST.search(buffer, at)) is not None:
        if _may_begin(buffer, found.start()):
            return found.start()
        at = found.end()
    return len(buffer)
