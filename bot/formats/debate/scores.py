"""A judge's scores: the schema it is asked for, and reading its reply. A number is either written there or nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bot.domain.asks import JsonSchema
from bot.formats.json_replies import Reply, is_same_name, json_objects

LEAST, MOST = 1, 10
TIE = "tie"
_DRAWS = (TIE, "draw", "tied")
# "8", "7,5", "8/10", "4 out of 5", "80 %", "82.5/100", "8 points", "8/10.0", "8 (clear)", "8 – clear"
_WRITTEN = re.compile(
    r"(\d{1,3}(?:[.,]\d{1,2})?)(?:\s{0,2}(?:/|out of|von|sur|de|из|su)\s{0,2}(\d{1,3})(?:\.0)?|\s{0,2}(%))?"
    r"(?:\s{0,2}(?:points?|pts?|punkte|puntos|点|分|점))?(?:\s{0,2}\(.*|\s[–—-]\s(?!\d).*|[:;]\s.*)?",
    re.I | re.S,
)


class NotScored(ValueError):
    """A reply without a whole set of scores; the text says what is wrong with it, for the judge to mend."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a debate.

    `marks`: debater → criterion → LEAST to MOST, each debater with each criterion. `winner`: "" for a tie.
    """

    marks: Mapping[str, Mapping[str, float]]
    winner: str

    def mean(self, debater: str) -> float:
        return fmean(self.marks[debater].values())

    @property
    def highest(self) -> tuple[str, ...]:
        """Return the debaters with the highest mean; several where they share it."""
        top = max(self.mean(debater) for debater in self.marks)
        return tuple(debater for debater in self.marks if self.mean(debater) == top)


def scores_schema(debaters: Sequence[str], criteria: Sequence[str]) -> JsonSchema:
    """Return the schema of the scores; names are values in it, since providers differ in what a key may hold."""
    mark = {"type": "integer", "description": f"{LEAST} (worst) to {MOST} (best)"}
    row = {
        "type": "object",
        "properties": {"debater": {"type": "string", "enum": list(debaters)}, **dict.fromkeys(criteria, mark)},
        "required": ["debater", *criteria],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "scores": {"type": "array", "items": row, "description": "every debater once"},
            "winner": {"type": "string", "enum": [*debaters, TIE]},
        },
        "required": ["scores", "winner"],
        "additionalProperties": False,
    }


def read_scores(text: str, debaters: Sequence[str], criteria: Sequence[str]) -> Scores:
    """Read the scores in the last object that has any. Raises NotScored: nothing is guessed, filled in or clamped."""
    reply = next((r for r in reversed(json_objects(text)) if "scores" in r), None)
    if reply is None:
        raise NotScored("it has no JSON object with scores")
    rows = _read_rows(reply["scores"])
    marks = {debater: _read_marks(rows, debater, criteria) for debater in debaters}
    winner = next((d for d in (*debaters, *_DRAWS) if is_same_name(reply.get("winner"), d)), None)
    if winner is None:
        raise NotScored(f"its winner is none of {', '.join(debaters)} or {TIE}")
    return Scores(marks, winner if winner in debaters else "")


def _read_rows(given: Any) -> list[Reply]:
    """Return the rows of a list of objects that each name their debater, or of one object by their names."""
    if isinstance(given, Mapping):
        return [{**row, "debater": name} for name, row in given.items() if isinstance(row, Mapping)]
    return [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []


def _read_marks(rows: Sequence[Reply], debater: str, criteria: Sequence[str]) -> dict[str, float]:
    found = [row for row in rows if is_same_name(row.get("debater"), debater)]
    if len(found) != 1:
        raise NotScored(f"{debater} is scored {len(found)} times")
    return {criterion: _read_mark(found[0], debater, criterion) for criterion in criteria}


def _read_mark(row: Reply, debater: str, criterion: str) -> float:
    value = next((v for k, v in row.items() if is_same_name(k, criterion)), None)
    if isinstance(value, dict):  # with its reason
        value = next((v for k, v in value.items() if k.lower() in ("score", "mark", "points", "value", "rating")), None)
    mark = _read_written(value) if isinstance(value, str) else value
    if isinstance(mark, bool) or not isinstance(mark, int | float) or not LEAST <= mark <= MOST:
        raise NotScored(f"{debater}'s {criterion} is not a number from {LEAST} to {MOST}")
    return float(mark)


def _read_written(value: str) -> float | None:
    """Return a mark that is written as text, on our scale where it says its own; None: it is none."""
    written = _WRITTEN.fullmatch(value.strip(" *_"))
    if not written:
        return None
    mark, of = float(written[1].replace(",", ".")), int(written[2] or (100 if written[3] else MOST))
    return mark * MOST / of if of else None
