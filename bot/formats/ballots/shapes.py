"""The written shapes of a ranking: arrows, numbered lists, rows of letters, tables.

Each function returns groups, best first; its caller knows whether they are meant as a ranking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.formats.ballots.letters import EITHER, TIED, Letters

Group = Sequence[str | None]  # the labels that share a place; None for an entry that names no answer

RANKING = re.compile(
    r"(?<![a-z])(?:best to worst|worst to best|"
    r"rank(?:ing|ings|ed|s)?|final order|rang(?:liste|folge|ordnung)|gesamtranking|reihenfolge|"
    r"classements?|clasificaci[oó]n|orden final|classifica[cç][aã]o|classifica|graduatoria|(?:eind)?rangschikking|"
    r"(?:eind)?ranglijst|rangering|rangsor|clasament(?:ul)?|classificació|"
    r"klasyfikacja|kolejność|рейтинг\w{0,3}|ранжирование|sıralama\w{0,3}|peringkat|xếp hạng|pořadí|järjestys|"
    r"κατάταξη|порядок|rangordning|rankning|順位|ランキング|อันดับ|رتبهبندی|排名|排序|名次|순위|랭킹|الترتيب|ترتيب|रैंकिंग|דירוג)(?![a-z])",
    re.I,
)
ABOUT = re.compile(  # a line about the ranking does not give it
    r"\b(?:thoughts|notes|remarks|comments|criteria|criterion|rationale|reason(?:s|ing)?|explanation|considerations|"
    r"method(?:ology)?|process|kriterien|begründung|critères|raisons|criterios|razones)\b",
    re.I,
)
UPWARDS = re.compile(
    r"(?:worst|weakest|poorest|lowest|bottom|last place)\W{1,3}(?:to|first|up|→|->|>)|"
    r"least\W++(?:\w++\W++)?to\W++(?:most|best)|ascending|reverse order|(?:schlecht|schwäch)\w{0,8}+\W++zuerst|"
    r"aufsteigend|moins\W++bon\W++au\W++meilleur|ordre croissant|[从由][差低]到[好高]|升序|"
    r"(?:悪い|低い)順|(?:나쁜|낮은) ?순|schlecht\w{0,8}+\W++(?:\w++\W++){0,2}best|pire\W++(?:\w++\W++)?au\W++meilleur|"
    r"schwächst\w{0,8}+\W++(?:\w++\W++){0,2}(?:best|stärkst)|peor\W++a\W++(?:la\W++)?mejor|"
    r"pior\W++(?:\w++\W++){1,2}melhor|peggiore\W++al\w?\W++migliore|худш\w{0,8}+\W++к\W++лучш|"
    r"最差.{0,4}最[好佳优優]|(?:最低|最悪|悪い).{0,6}(?:最高|最良|良い)|나쁜.{0,8}좋은",
    re.I,
)
_ARROW = re.compile(r"-{1,3}>|(?<!=)=++>|>=?>?>?|[≫≻→⇒➔➜›≥]")
_LESS = re.compile(r"<{1,3}|[≪≺←]")
_ORDINAL = (
    r"(?:#|rank|place|platz|rang|puesto|posto|lugar|miejsce|место|plats|第|nr\.?|no\.)\s{0,2}(\d{1,2})(?!\d)(?:位|名)?",
    r"(\d{1,2})(?:st|nd|rd|th|er|ère|e|ème|o|a|位|名|等|위|등|-е|-й)\b(?:\s(?:place|platz|rang|puesto|lugar|место))?",
    r"(\d{1,2})\.\s(?:place|platz|plats|miejsce)\b",
)
PLACED = re.compile(rf"[\W_]{{0,8}}(?:{'|'.join(_ORDINAL)})[\s*_`.):=–—-]{{0,6}}(\S.*)", re.I)
_SHARED = r"(?:\s?[–—/&-]\s?\d{1,2}(?!\d))?"  # a place that reaches to another: "2-3. A, C"
NUMBERED = re.compile(rf"[\W_]{{0,8}}T?(\d{{1,2}})(?!\d){_SHARED}[\s*_`.)\]:=°–—-]{{1,6}}(\S.*)")
_INLINE = re.compile(r"(?<![\s,;])[\s,;]++(?=[(\[#]?\d{1,2}(?:[.):=\]](?!\d)|(?:st|nd|rd|th)\b|\s[–—-]\s)|#\d{1,2}\s)")
_BEHIND = re.compile(  # a place behind its label: "B (1st)", "B: 1", "Answer B – rank 1"
    r"([^(\[:=–—-]{1,40}+)[(\[:=–—-]\s{0,2}(?:#|rank |place |no\. ?)?(\d{1,2})(?:st|nd|rd|th|\.)?[)\]]?\W{0,3}", re.I
)
_LETTERED = re.compile(r"[\W_]{0,8}[a-z][.)]\s")  # "a) B", where "a" is a number
_REMARK = re.compile(r"\([^()]{0,200}\)")
_SCORED = re.compile(  # "7/10", "7,5 von 10", "70 %", "(7)", "★★"; a number alone at the end
    r"(?<![\d.,/])(\d{1,3}(?:[.,]\d{1,2})?)\s{0,2}(?:(?:/|out of|von|sur|de|из)\s{0,2}(\d{1,3})|(%)|"
    r"(?:pts|points?|punkte)\b|\)|[\s*_.]{0,6}\Z)|([★⭐]{1,10})",
    re.I,
)
_WORST = re.compile(r"\((?:the )?(?:worst|weakest|lowest)(?: one| answer)?\)", re.I)
MAX_INDENT = 2000  # characters
COLUMN = re.compile(
    r"#|no\.?|nr\.?|pos(?:ition|ición|izione)?\.?|place|platz|rang|puesto|lugar|posto|место|miejsce|名次|顺位|등수|",
    re.I,
)
_BETWEEN = (
    re.compile(r"[,;、/]\s*(?:and\s|und\s|et\s|y\s)?"),
    re.compile(r"(?:,|(?<![\s,]))\s++(?:then|and|und|dann|puis|luego|y|et)\s++"),
    re.compile(r"(?<![=\s–—-])[\s–—-]++(?!=)"),
)


class Shape(NamedTuple):
    """The groups that were read, and their direction.

    `scores`: those that stand behind the entries, where all have one; they go down with the ranking, or it is none.
    `in_line_order`: the order is that of the writing, so that "worst to best" above it turns it round. `upwards`: it
    goes from worst to best by itself ("C < A").
    """

    kind: str
    groups: list[Group]
    in_line_order: bool = True
    upwards: bool = False
    scores: Sequence[float] = ()


def read_inline(rest: str, letters: Letters) -> Shape | None:
    """Read a ranking on the header's own line: arrows, numbers, or letters in a row."""
    return (
        read_arrows(rest, letters)
        or _read_places(re.split(r"[,;]|(?<=\))\s", rest), letters)
        or _read_numbers(rest, letters)
        or _read_row(rest, letters)
    )


def read_block(body: Sequence[str], letters: Letters) -> Shape | None:
    """Read a ranking on the lines under a header: a table, arrows, a list, or one letter per line."""
    first = next((line for line in body if line.strip()), "")
    return (
        read_table(body, letters)
        or read_arrows(first, letters)
        or _read_places(body, letters)
        or (_read_numbers(first, letters) if len(split_numbers(first)) > 1 else read_list(body, letters))
        or _read_row(first, letters)
    )


def read_list(lines: Sequence[str], letters: Letters) -> Shape | None:
    """Read a list with an entry a line: with numbers, bullets or letters alone."""
    return read_numbered(lines, letters) or _read_bullets(lines, letters)


def split_numbers(line: str) -> list[str]:
    """Split "1. B 2. A" into its entries."""
    return [entry for entry in _INLINE.sub("\n", line).split("\n") if any(map(str.isalnum, entry))]


def _read_numbers(line: str, letters: Letters) -> Shape | None:
    """Read "1. B 2. A"; of numbers behind the labels these are no places."""
    entries = split_numbers(line)
    is_label_first = entries and not _match_place(entries[0]) and any(letters.entry_labels(entries[0]))
    return None if is_label_first else read_numbered(entries, letters)


def _match_place(line: str) -> re.Match[str] | None:
    return PLACED.match(line) or NUMBERED.match(line)


def _read_bullets(body: Sequence[str], letters: Letters) -> Shape | None:
    groups: list[Group] = []
    entries: list[str] = []
    for line in body:
        bullet = re.match(r"\s*[-*•+]\s+(.*)", line)
        entry = letters.entry_labels(bullet[1]) if bullet else [letters.only_label(line)]
        if line.strip() and not any(entry):
            break
        groups += [entry] if line.strip() else []
        entries += [line] if line.strip() else []
    return Shape("a list", groups, scores=_list_scores(entries)) if len(groups) > 1 else None


def _is_said_tied(entry: str) -> bool:
    """Return whether a remark in brackets says that an entry shares its place: "A (tie)"."""
    return any(map(TIED.search, _REMARK.findall(entry)))


def _list_scores(entries: Iterable[str]) -> Sequence[float]:
    """Return the score behind each entry, as a part of the highest one where that is said; none unless all have one."""
    found = [_SCORED.search(entry) for entry in entries]
    return [_read_score(score) for score in found if score] if all(found) else []


def _read_score(score: re.Match[str]) -> float:
    if score[4]:
        return len(score[4])
    of = int(score[2] or 0) or (100 if score[3] else 1)
    return float(score[1].replace(",", ".")) / of


def read_arrows(line: str, letters: Letters) -> Shape | None:
    """Read "B > A = C", or upwards "C < A"; prose before the first label and behind the last is not read."""
    for arrow, upwards in ((_ARROW, False), (_LESS, True)):
        first, *others = arrow.split(line[:2000])
        if not others:
            continue
        *inner, last = others
        middle = [letters.tied_labels(part) for part in inner]
        groups: list[Group] = [letters.last_labels(first), *middle, letters.entry_labels(last)]
        short = all(any(group) or len(part.strip()) <= 20 for group, part in zip(middle, inner, strict=True))
        if short and any(groups[0]) and count_labels(groups) > 1:
            return Shape("arrows", groups, upwards=upwards)
    return None


def read_numbered(lines: Iterable[str], letters: Letters) -> Shape | None:
    """Read a numbered list by its numbers, best is 1, equal ones tied; Markdown's "1. 1. 1." by its order."""
    entries: list[tuple[int, Group]] = []
    texts: list[tuple[int, str]] = []
    least_indent = MAX_INDENT  # what stands further in says more of an entry
    for line in lines:
        match = _match_place(line)
        indent = len(line) - len(line.lstrip())
        if not match or indent > least_indent + 1:
            continue
        least_indent = min(indent, least_indent)
        number = next(int(g) for g in match.groups() if g)
        if number == 1 and entries and entries[0][0] == 1 and entries[-1][0] > 1:
            break  # another list begins
        text = match[match.re.groups]
        if texts and _is_said_tied(texts[-1][1]) and _is_said_tied(text):
            number = entries[-1][0]
        entries.append((number, letters.entry_labels(text)))
        texts.append((number, text))
    if not count_labels(group for _, group in entries):
        return None
    ordered = [text for _, text in sorted(texts, key=lambda entry: entry[0])]
    scores, upwards = _list_scores(ordered), bool(_WORST.search(ordered[0]))
    if {number for number, _ in entries} == {1}:
        return Shape("a list", [group for _, group in entries], upwards=upwards, scores=scores)
    counts_down = entries[0][0] > entries[-1][0]
    return Shape("a list", _group_by_place(entries), not counts_down, upwards, scores)


def _read_places(parts: Iterable[str], letters: Letters) -> Shape | None:
    """Read places behind their labels: "A (2), B (1)", or a line for each; scores are no places."""
    found = [_BEHIND.fullmatch(part.strip().lstrip("*•+- ")) for part in parts if part.strip()]
    entries = [(int(match[2]), [letters.only_label(match[1])]) for match in found if match]
    places = {number for number, _ in entries}
    if len(found) < 2 or len(entries) < len(found) or places != set(range(1, len(places) + 1)):
        return None
    groups = _group_by_place(entries)
    return Shape("places", groups, in_line_order=False) if all(map(all, groups)) else None


def _group_by_place(entries: Iterable[tuple[int, Group]]) -> list[Group]:
    """Return the groups by their places; where nothing has the first place, something unread has it."""
    entries = list(entries)
    places: dict[int, list[str | None]] = {} if min((n for n, _ in entries), default=0) < 2 else {1: [None]}
    for number, group in sorted(entries, key=lambda entry: entry[0]):
        places.setdefault(number, []).extend(group)
    return list(places.values())


def _read_row(text: str, letters: Letters) -> Shape | None:
    """Read "B, A, C", "B then A then C" or "B A C": nothing but letters, in order; "=" ties.

    Remarks in brackets are left out; where there is more than letters, what stands before a remark is read.
    """
    text = "" if _LETTERED.match(text) or text.lstrip().startswith("|") else text.strip(" []{}*_`")
    if tied := letters.tied_row(text):
        return Shape("a row of letters", [tied])
    scores = _list_scores(re.split(r"[,;]\s", text))
    whole = _REMARK.sub(lambda remark: _read_remark(remark[0], letters), text)
    begun = re.split(r"\.(?:\s|$)|\s[(–—]", text)[0]
    if EITHER.search(begun):
        return None
    for text, separator in ((text, separator) for text in (whole, begun) for separator in _BETWEEN):
        parts = [part for part in separator.split(text) if any(map(str.isalnum, part))]
        groups: list[Group] = [
            letters.tied_labels(TIED.sub("", part)) if "=" in part or TIED.search(part) else [letters.only_label(part)]
            for part in parts
        ]
        shared = [group for part, group in zip(parts, groups, strict=True) if TIED.search(part)]
        if any(len(group) == 1 and group[0] for group in shared):
            return None  # with whom is not known
        if not all(shared):
            continue
        known = count_labels(groups) if all(len(group) == 1 or all(group) for group in groups) else 0
        if known * 2 > len(groups) and (text == begun or all(map(all, groups))):
            return Shape("a row of letters", groups, scores=scores)
    return None


def _read_remark(remark: str, letters: Letters) -> str:
    """Return what a remark in brackets says of an order: labels that share a place, or that those before it do."""
    labels = letters.tied_labels(remark)
    if len(labels) > 1 and all(labels):
        return " = ".join(label for label in labels if label)
    return " tied " if TIED.search(remark) else " "


def read_table(lines: Sequence[str], letters: Letters) -> Shape | None:
    """Read a table with a column of ranks, equal ones tied; tables of scores are no rankings."""
    rows = [
        [cell.strip(" *_`") for cell in line.strip().strip("|").split("|")] for line in lines if line.count("|") > 1
    ]
    if len(rows) < 2:
        return None
    if len(rows[0]) > 2 and (all(map(letters.only_label, rows[0][1:])) or all(map(str.isdecimal, rows[0][1:]))):
        whole = [row for row in rows if len(row) == len(rows[0])]  # a column an answer, or a place
        rows = [list(column) for column in zip(*whole, strict=True)]
        rows[0][0] = rows[0][0] if rows[1][0].isdecimal() else "answer"
    ranked = [i for i, cell in enumerate(rows[0]) if RANKING.search(cell) or COLUMN.fullmatch(cell)]
    entries: list[tuple[int, Group]] = []
    for row in rows[1:]:
        number = next((m for i in ranked if i < len(row) and (m := re.match(r"#?(\d{1,2})(?![\d/.]\d)", row[i]))), None)
        cells = [letters.tied_labels(cell) for i, cell in enumerate(row) if i not in ranked]
        if number:
            entries.append((int(number[1]), next((names for names in cells if names and all(names)), [None])))
    groups = _group_by_place(entries)
    return Shape("a table", groups, in_line_order=False) if count_labels(groups) else None


def count_labels(groups: Iterable[Group]) -> int:
    return len({label for group in groups for label in group if label})
