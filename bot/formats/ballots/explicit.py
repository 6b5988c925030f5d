"""Explicit rankings in text: under a header, as JSON, as arrows, as a table of ranks, as a list of places.

`find_stated_rankings` finds those that are announced as a ranking, `find_plain_rankings` those that can be nothing
else. Each yields signals in no particular order; `at` is their place. Lists of answers that announce nothing are
reviews in order of mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice, pairwise, takewhile

from bot.formats.ballots.json_ballots import find_json_rankings
from bot.formats.ballots.letters import Letters
from bot.formats.ballots.shapes import (
    ABOUT,
    NUMBERED,
    PLACED,
    RANKING,
    UPWARDS,
    Shape,
    count_labels,
    read_arrows,
    read_block,
    read_inline,
    read_list,
    read_numbered,
    read_table,
    split_numbers,
)

MAX_LINES = 400  # of a ranking, below its header or without one
MAX_LINE_CHARS = 2000  # of a line that are read
MAX_PLACES = 200  # where a ranking may stand that are looked at, of each kind the last ones
Tiers = tuple[tuple[str, ...], ...]

_DENIED = re.compile(  # before the word: "I cannot rank A, B and C"
    r"(?<![\w])(?:cannot|(?:can|won|don|didn|wouldn|couldn)['’]t|not|never|refuse|decline|abstain|unable|impossible|"
    r"nicht|kein\w{0,2}|weigere|ne|não|no puedo|non posso)(?![\w])",
    re.I,
)
# Before the word: nothing but words, or a clause that leads to the reviewer's own or final one ("Based on this, my",
# "Wait, I was wrong. FINAL"), where no answer is named that might have said it.
_OWN = r"[Ff]inal|FINAL|\b(?:[Mm]y|I|[Mm]on|[Mm]eine?|[Mm]i)\b|最终|最終|итогов|мой"
_INTRODUCES = re.compile(rf"[^.!?;:|<>,]*+|(?!.*\b[A-HJ-Z]\b)(?=.*(?:{_OWN}))[^;:|<>]*+")
_DECOR = re.compile(r"^[\W_]{0,12}(?:\d{1,2}[.)]\s{0,3})?[\W_]{0,6}")
_HEADED = re.compile(r"(?:[^\W\d]|[\s*,'’`~]){0,40}(\([^()]{0,80}\))?[\s*_`~]{0,6}:[*_`~]{0,4}(.*)")
_BARE = re.compile(
    r"(?:\s(?:finale?|overall|général|generale?|globale?))?[\s*_`~#=-]*+(?:\([^()]{0,80}\)[\s*_`~#=-]*+)?"
)
_COUNTED_UP = re.compile(r"1\s*+=\s*+worst|(?:[2-9]|1\d)\s*+=\s*+best|higher\W++is\W++better", re.I)
_MEDALS = {"🥇": "1st ", "🥈": "2nd ", "🥉": "3rd "}
_MEDAL = re.compile("|".join(_MEDALS))
_ANY_ARROW = re.compile(r"[<>≫≻→⇒➔➜›≥≪≺←]")
_KEY_CAP = re.compile(r"(\d)\u20e3")
_TAG = re.compile(r"</?[a-z_]{1,16}/?>")
_QUOTED = re.compile(r"“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|「[^「」]*」|『[^『』]*』|(?<!\w)\"(?:[^\"\n]|\n(?!\s*\n))*\"")


@dataclass(frozen=True, slots=True)
class Signal:
    """A ranking found at `at` (characters into its text), best first, each label once."""

    at: int
    kind: str
    tiers: Tiers
    unknown: int
    doubled: tuple[str, ...]
    reversed: bool = False


def find_stated_rankings(text: str, letters: Letters) -> Iterator[Signal]:
    """Yield rankings that are announced: JSON with a ranking in it, and text under a ranking's header."""
    for at, shape in find_json_rankings(text, letters):
        turn = shape.upwards or bool(UPWARDS.search(text[:at].rstrip().rpartition("\n")[2][-MAX_LINE_CHARS:]))
        yield _make_signal(at, shape.kind, shape, reverse=turn)
    if not RANKING.search(text):
        return
    lines = _split_lines(text, letters)
    headers = [(i, header) for i, (_, line) in enumerate(lines) if (header := _read_header(line))]
    for i, (rest, is_block) in headers[-MAX_PLACES:]:
        at, line = lines[i]
        intro = f"{_line_before(lines, i)} {line}"
        below = (line for _, line in islice(lines, i + 1, i + 1 + MAX_LINES))
        if found := read_block(_block_under_header(below), letters) if is_block else _read_begun(rest, below, letters):
            turn = found.upwards or bool(_COUNTED_UP.search(intro))
            turn = turn or (found.in_line_order and bool(UPWARDS.search(intro)))
            yield _make_signal(at, f"a header and {found.kind}", found, reverse=turn)


def find_plain_rankings(text: str, letters: Letters) -> Iterator[Signal]:
    """Yield rankings without a header that can be nothing else: arrows, rank tables, lists of places, bare lists."""
    lines = _split_lines(text, letters)
    with_arrows = [(at, line) for at, line in lines if _ANY_ARROW.search(line)] if _ANY_ARROW.search(text) else []
    for at, line in with_arrows[-MAX_PLACES:]:
        arrows = read_arrows(line, letters)
        if arrows and (_has_arrows_alone(line, letters) or RANKING.search(re.split("[<>]", line)[0])):
            yield _make_signal(at, arrows.kind, arrows, reverse=arrows.upwards)
    for block in list(_split_blocks(lines))[-MAX_PLACES:]:
        if len(block) > MAX_LINES:
            continue
        body = [line for _, line in block]
        ranks, places = read_table(body, letters), read_numbered(body, letters)
        if ranks:
            yield _make_signal(block[-1][0], ranks.kind, ranks)
        elif places and sum(bool(PLACED.match(line)) for line in body) > 1 and count_labels(places.groups) > 1:
            yield _make_signal(block[-1][0], "a list of places", places, reverse=places.upwards)
    written = [line for _, line in lines if line.strip()]
    if len(written) > MAX_LINES:
        return
    entries = [NUMBERED.match(line) for line in written]
    is_bare = len(entries) > 1 and all(entry and letters.only_label(entry[2]) for entry in entries)
    if is_bare and (bare := read_numbered(written, letters)):
        yield _make_signal(0, "a bare list", bare)


def is_header(line: str) -> bool:
    """Return whether a line announces a ranking for the lines that follow."""
    headed = _read_header(line)
    return headed is not None and headed[1]


def _read_header(line: str) -> tuple[str, bool] | None:
    """Return the text behind a ranking's header on its line, and whether the lines below belong to it."""
    if not RANKING.search(line, 0, 150):
        return None
    line = _DECOR.sub("", line[:MAX_LINE_CHARS])
    word = RANKING.search(line[:120])
    if not word or word.start() > 60 or not _INTRODUCES.fullmatch(line[: word.start()]):
        return None
    if _DENIED.search(line[: word.start()]):
        return None
    after = line[word.end() :]
    if ABOUT.search(line[: word.end() + 40].partition(":")[0]):
        return None
    if re.match(r"[\s#]*\d", after) and len(split_numbers(after)) < 3:
        return None  # "Rank 1" is a place, not a header
    if colon := _HEADED.fullmatch(after):
        rest = re.sub(r"^\s*\((?!\d)[^()]*\)(?!\s*[=>≻→,])", "", colon[2]).strip(" *_`~")
        return rest, not rest
    return ("", True) if _BARE.fullmatch(after) and word.end() <= 60 else (after, False)


def _read_begun(rest: str, below: Iterable[str], letters: Letters) -> Shape | None:
    """Read a ranking on its header's line; where only its first entry stands there, with the lines below."""
    found = read_inline(rest, letters)
    if found and count_labels(found.groups) == 1 and (NUMBERED.match(rest) or letters.only_label(rest)):
        body = takewhile(lambda line: _read_header(line) is None, below)
        return read_list([rest, *body], letters) or found
    return found


@lru_cache(maxsize=4)  # each text is looked through twice
def _split_lines(text: str, letters: Letters) -> list[tuple[int, str]]:
    """Return the lines with their places, quotations blanked, medals and key-caps as the numbers they stand for."""
    text = _QUOTED.sub(lambda m: _unquote(m[0], letters), text)
    places = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    lines = zip(places, _KEY_CAP.sub(r"\1. ", _TAG.sub("", text)).split("\n"), strict=False)  # neither has a line's end
    has_medals = bool(_MEDAL.search(text))
    return [
        (at, piece)
        for at, line in lines
        for piece in (_number_medals(line[:MAX_LINE_CHARS]).split("\n") if has_medals else [line[:MAX_LINE_CHARS]])
    ]


def _unquote(quoted: str, letters: Letters) -> str:
    """Return a quoted letter as that letter; blank any other quotation, which is not the reviewer's own."""
    inside = quoted[1:-1]
    blank = "\n".join(" " * len(line) for line in quoted.split("\n"))
    return f" {inside} " if len(inside) <= 80 and letters.only_label(inside) else blank


def _number_medals(line: str) -> str:
    medals = _MEDAL.findall(line)
    if not medals:
        return line
    if "|" in line:
        return _MEDAL.sub(lambda m: _MEDALS[m[0]][0], line)
    if len(medals) == 1:  # before or behind the answer it belongs to
        return _MEDALS[medals[0]] + re.sub(r"^[\s*•-]+", "", line.replace(medals[0], ""))
    return _MEDAL.sub(lambda m: f"\n{_MEDALS[m[0]]}", line)


def _line_before(lines: Sequence[tuple[int, str]], i: int) -> str:
    """Return the last line with something on it before line `i`."""
    return next((line for _, line in reversed(lines[max(0, i - 3) : i]) if line.strip()), "")


def _block_under_header(lines: Iterable[str]) -> list[str]:
    """Return the lines that belong to a header: those up to the next heading."""
    body: list[str] = []
    for line in lines:
        if (line.lstrip().startswith("#") and not PLACED.match(line)) or is_header(line):
            break
        body.append(line)
    return body


def _has_arrows_alone(line: str, letters: Letters) -> bool:
    """Return whether arrows are all that the line holds, up to the last of them."""
    return all(letters.tied_labels(re.split("[<>≫≻→⇒➔➜›≥≪≺←=-]", line)[0]))


def _split_blocks(lines: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield runs of lines without a blank one."""
    block: list[tuple[int, str]] = []
    for line in [*lines, (0, "")]:
        if line[1].strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _make_signal(at: int, kind: str, found: Shape, *, reverse: bool = False) -> Signal:
    """Make a signal of groups: each label counts at its first place, and tiers that lose all labels go.

    Where what is best cannot be read there is no tier: a ranking without its first would rank the second first. Nor is
    there one where scores say another order.
    """
    turned = -1 if reverse else 1
    groups, scores = found.groups[::turned], found.scores[::turned]
    if not groups or not any(groups[0]) or any(one < other for one, other in pairwise(scores)):
        groups = []
    seen: set[str] = set()
    doubled: list[str] = []
    tiers: list[tuple[str, ...]] = []
    for group in groups:
        tier = []
        for label in group:
            if label in seen:
                doubled.append(label)
            elif label:
                seen.add(label)
                tier.append(label)
        if tier:
            tiers.append(tuple(tier))
    unknown = sum(label is None for group in groups for label in group)
    return Signal(at, kind, tuple(tiers), unknown, tuple(dict.fromkeys(doubled)), reverse)
