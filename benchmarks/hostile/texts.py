"""Texts of one length that are made of what parsers find hard, and plain words to compare them with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PLAIN = "plain words go on and on, "
UNITS: Mapping[str, str] = {
    "brackets": "*[",
    "underscores": "_",
    "stars": "**a*",
    "backticks": "`a``",
    "fences": "```\n",
    "links": "[a](",
    "angles": "<a@",
    "entities": "&amp;#",
    "backslashes": "\\",
    "dollars": "$$a$",
    "formulas": "\\[",
    "pipes": "|",
    "rows": "| a | 1 |\n",
    "quotes": "> ",
    "quoted lines": "> a\n",
    "lists": "- 1. ",
    "items": "1. A\n",
    "headings": "# Ranking\n",
    "rankings": "ranking: A\n",
    "struck": "~~A ~",
    "quotation marks": '“a" ',
    "tags": "<a_b>\n",
    "thinking": "<think></",
    "markers": "[end of A | abcd]\n",
    "objects": '{"rank": [',
    "empty objects": "{}\n",
    "addresses": "https://a.b/",
    "mentions": "<@U1> @everyone ",
    "one word": "a",
    "hyphens": "a-b_",
    "digits": "1",
    "spaces": " ",
    "lines": "\n",
    "words a line": "a\n",
    "marks": "a\u0301",
    "joined": "👩\u200d",
    "ideographs": "「見。",
    "keys": "sk-a1",
    "commas": "a, ",
    "dots": "a.",
    "dotted": "a.a.",
    "tables": "[a.b]\n",
    "arrays": "[",
    "keys and values": "a = 1\n",
    "options": "--a “ ",
}


def make_texts(chars: int, only: int) -> Iterator[tuple[str, str, str]]:
    """Yield a name, a hostile text and as many characters of plain words; `only` so many kinds, spread over all."""
    names = list(UNITS)
    for name in names[:: max(1, len(names) // only)]:
        unit = UNITS[name]
        yield name, (unit * (chars // len(unit) + 1))[:chars], (PLAIN * (chars // len(PLAIN) + 1))[:chars]
