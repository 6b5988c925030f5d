"""Attribution of the words in a written ballot: the reviewer's own, its thinking, and quotations.

Reviewers repeat what they read: answers that ask to be ranked first, prompts, another ballot. None of it may count
as theirs, so it is blanked out before a ranking is looked for. Lines stay lines.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from bot.formats.ballots.explicit import is_header

_THINK = r"think|thinking|thought|thoughts|reasoning|scratchpad|analysis"
_THINKING = re.compile(rf"[<\[◁]({_THINK})[>\]▷](.*?)(?:[<\[◁]/\1[>\]▷]|\Z)", re.I | re.S)
_THINKING_END = re.compile(rf"[<\[◁]/(?:{_THINK})[>\]▷]", re.I)
_MARKER = re.compile(r"^\[([^\n|]{1,80}) \| (\w{4,40})\][ \t]*$", re.M)  # the frame round material in our prompts
_MARKUP = r"(?:b|i|u|em|strong|span|p|br|li|ol|ul|div|font|ranking\w*|final\w*)\b"
_TAG = re.compile(
    rf"<(?!{_MARKUP})(?:([a-z][\w-]{{0,30}})\s[^<>\n]{{0,200}}"
    r"|([a-z]{2,20}[_-][a-z]{1,2}|question|document|data|prompt|context|quote|blockquote))>",
    re.I,
)
_MARKER_END = re.compile(r"\[end of [^\n|]{1,80} \| \w{4,40}\]")
_TAG_END = re.compile(r"</([a-z][\w-]{0,30})>", re.I)
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})(.*)")
_TEX = re.compile(
    r"\\(?:(succ(?:eq|sim)?|gt|rightarrow|to)|(sim(?:eq)?|approx|equiv)|boxed|(?:text|math)(?:bf|rm|tt|it)?)(?![a-z])|\$"
)
_STRUCK = re.compile(  # as Markdown, HTML and Unicode strike out; "A ~ B" is a tie
    r"(?<!~)~~(?![~\s])(?:[^~\n]|~(?!~)|\n(?![ \t]*\n))++~~(?!~)|(?<![~\w])~(?![~\s])[^~\n]++(?<!\s)~(?![~\w])|"
    r"<(s|del|strike)>[^<]*+</\1>|(?:[^\n][\u0335-\u0338])++",
    re.I,
)
_FIRST_WORDS = "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"
_ANY_WORD = "|".join(_FIRST_WORDS)
_PLACE_WORD = re.compile(  # "first place", a cell of a table, "A: second"
    rf"\b(?:{_ANY_WORD})(?=\splace\b)|(?<=\| )(?:{_ANY_WORD})(?=\s{{0,3}}\|)|(?<=: )(?:{_ANY_WORD})(?=[ \t.]{{0,3}}$)",
    re.I | re.M,
)
_HAN_NUMBER = re.compile(r"^([ \t]{0,8}\(?)([一二三四五六七八九])(?=[、.)])", re.M)
_CIRCLED = {ord(first) + i: f"{i + 1}. " for first in "①❶➀➊" for i in range(10)}
_BREAK = re.compile(r"<br ?/?>|</(?:li|p|div)>(?=[^\n])", re.I)
_ITEM = re.compile(r"<li>[ \t]*", re.I)
_INVISIBLE = dict.fromkeys(
    map(
        ord,
        "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufe0e\ufe0f\ufeff\r\u00ad\u202a\u202b\u202c\u2066\u2067\u2068\u2069",
    )
)


class Voices(NamedTuple):
    """The voices in a ballot; `last_block`: the code block that the text ends on, maybe cut."""

    own: str
    last_block: str
    thinking: str


def normalise(text: str) -> str:
    """Give look-alikes one form: full-width letters and signs, numbers as circles and words, arrows, TeX, line ends.

    What is struck out is no text.
    """
    text = text.replace("\r\n", "\n").replace("&gt;", ">").replace("&lt;", "<")
    text = _ITEM.sub("\n- ", _BREAK.sub("\n", text))
    text = _STRUCK.sub(lambda m: _blank(m[0]) or " ", text)
    text = _TEX.sub(lambda m: " > " if m[1] else " = " if m[2] else " ", text)
    text = unicodedata.normalize("NFKC", text.translate(_CIRCLED)).translate(_INVISIBLE)
    text = _HAN_NUMBER.sub(lambda m: f"{m[1]}{'一二三四五六七八九'.index(m[2]) + 1}.", text)
    return _PLACE_WORD.sub(lambda m: f"{_FIRST_WORDS.index(m[0].lower()) + 1}th", text)


def split_voices(text: str) -> Voices:
    """Split a ballot into the reviewer's own words, its last code block and its thinking."""
    said, thinking = _without_thinking(text)
    own, last_block = _without_blocks(_without_tags(_without_marked(said)))
    thought, _ = _without_blocks(_without_tags(_without_marked(thinking)))
    return Voices(own, last_block, thought)


def _blank(text: str) -> str:
    return "\n" * text.count("\n")


def _without_thinking(text: str) -> tuple[str, str]:
    """Return the text without its thinking, and the thinking.

    An opening tag without an end takes all that follows, an end without an opening all before it.
    """
    thoughts = [m[2] for m in _THINKING.finditer(text)]
    said = _THINKING.sub(lambda m: _blank(m[0]), text)
    *before, said = _THINKING_END.split(said)
    return said, "\n".join([*before, *thoughts])


def _without_marked(text: str) -> str:
    """Blank material between our own marker lines, whose code is unknown to its authors."""
    ends = {m[0]: m.start() for m in _MARKER_END.finditer(text)}  # the last of each
    kept, at = [], 0
    while opening := _MARKER.search(text, at):
        closing = f"[end of {opening[1]} | {opening[2]}]"
        is_there = ends.get(closing, -1) >= opening.end()
        stop = text.find(closing, opening.end()) + len(closing) if is_there else opening.end()
        kept += [text[at : opening.start()], _blank(text[opening.start() : stop])]
        at = stop
    return "".join([*kept, text[at:]])


def _without_tags(text: str) -> str:
    """Blank material in tags that name or describe it.

    It goes up to the last end of that tag, as the material may fake an end.
    """
    ends = {m[1].lower(): m.end() for m in _TAG_END.finditer(text)}
    kept, at = [], 0
    while opening := _TAG.search(text, at):
        end = ends.get((opening[1] or opening[2]).lower(), 0)
        stop = max(end, opening.end())
        said = text[opening.start() : stop]
        kept += [text[at : opening.start()], _blank(said) if end > opening.end() else said]
        at = stop
    return "".join([*kept, text[at:]])


def _without_blocks(text: str) -> tuple[str, str]:
    """Return the text without quoted lines and code blocks, and the block on which it ends.

    A block right under a ranking's header is the reviewer's own and stays.
    """
    own: list[str] = []
    block: list[str] = []
    fence = last = heading = ""
    has_fences = "```" in text or "~~~" in text
    for line in text.split("\n"):
        mark = _FENCE.match(line) if has_fences else None
        if fence and mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
            own.append("")
        elif fence:
            block.append(line)
            own.append(line if is_header(heading) else "")
            last = "\n".join(block)
        elif mark:
            fence, block = mark[1], []
            own.append("")
        elif line.lstrip().startswith(">"):
            own.append("")
        else:
            own.append(line)
            heading = line if line.strip() else heading
            last = "" if line.strip() else last
    return "\n".join(own), last
