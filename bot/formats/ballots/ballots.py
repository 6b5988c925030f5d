"""Ballots: the schema that reviewers are asked for, and reading the ranking in their text.

A ballot is strict when it is exactly as asked for, repaired when an explicit ranking was found in something else,
abstained when there is none. The order in which answers are mentioned is never taken for a ranking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.asks import JsonSchema
from bot.formats.ballots.attribution import normalise, split_voices
from bot.formats.ballots.explicit import Signal, find_plain_rankings, find_stated_rankings
from bot.formats.ballots.letters import Letters

HEADER = "FINAL RANKING:"
MAX_BALLOT_CHARS = 50_000  # a model that never ends writes no ballot, and reading it would hold up everybody


@dataclass(frozen=True, slots=True)
class Ballot:
    """The ranking in a review.

    `tiers`: the labels best first, ties in one tier; missing ones were not ranked. `note`: what was repaired, or why it
    is an abstention; "" when strict.
    """

    tiers: tuple[tuple[str, ...], ...]
    quality: Literal["strict", "repaired", "abstained"]
    note: str = ""


def ballot_schema(labels: Sequence[str]) -> JsonSchema:
    """Return the JSON schema of a ballot: the labels best first, then the reasons.

    The ranking comes first so that an answer cut at its token limit is still a ballot; explaining after rating
    serves a judge about as well as before (C.-H. Chiang and H. Lee, "A Closer Look into Automatic Evaluation Using
    Large Language Models", 2023). Only keywords that providers of structured output share are used.
    """
    ranking = {
        "type": "array",
        "items": {"type": "string", "enum": list(labels)},
        "minItems": len(labels),
        "maxItems": len(labels),
        "description": "every label once, best first",
    }
    return {
        "type": "object",
        "properties": {"ranking": ranking, "review": {"type": "string", "description": "one sentence an answer"}},
        "required": ["ranking", "review"],
        "additionalProperties": False,
    }


def read_ballot(text: str, labels: Sequence[str]) -> Ballot:
    """Read the ballot in any text; never raises, and its tiers hold only known labels, each once.

    The last explicit ranking counts that the reviewer gives in its own words. Quotations, echoes and code blocks are
    not its own, but for a code block under a ranking's header or at the end of the text; its thinking is read only when
    nothing follows. A ranking announced as one (JSON or a header) outdoes one that is not.
    """
    if not text.strip():
        return Ballot((), "abstained", "nothing was written")
    if len(text) > MAX_BALLOT_CHARS:
        return Ballot((), "abstained", f"longer than {MAX_BALLOT_CHARS:,} characters")
    letters = Letters(labels)
    said = split_voices(normalise(text))
    if strict := _strict_json(text, labels) or _strict_header(text, said.own, labels):
        return Ballot(tuple((label,) for label in strict), "strict")
    for where, signals in (
        ("", find_stated_rankings(said.own, letters)),
        ("in a code block", find_stated_rankings(said.last_block, letters)),
        ("", find_plain_rankings(said.own, letters)),
        ("in a code block", find_plain_rankings(said.last_block, letters)),
        ("in its thinking", find_stated_rankings(said.thinking, letters)),
    ):
        found = _last_signal(signals)
        if found:
            return Ballot(found.tiers, "repaired", _repair_note(found, where, labels))
    return Ballot((), "abstained", "no explicit ranking of the answers it was shown")


def _last_signal(signals: Iterator[Signal]) -> Signal | None:
    return max((s for s in signals if s.tiers), key=lambda s: s.at, default=None)


def _repair_note(found: Signal, where: str, labels: Sequence[str]) -> str:
    ranked = {label for tier in found.tiers for label in tier}
    missing = [label for label in labels if label not in ranked]
    notes = [
        f"read from {found.kind}{' ' if where else ''}{where}",
        "given from worst to best" if found.reversed else "",
        f"{found.unknown} of its entries name no answer" if found.unknown else "",
        f"given twice: {', '.join(found.doubled)}" if found.doubled else "",
        f"not ranked: {', '.join(missing)}" if missing else "",
    ]
    return "; ".join(note for note in notes if note)


def _strict_json(text: str, labels: Sequence[str]) -> list[str]:
    """Return the ranking of exactly the JSON asked for, else nothing."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return []
    match given:
        case {"ranking": list(ranking), "review": str(), **rest} if not rest and _is_complete(ranking, labels):
            return ranking
        case _:
            return []


def _strict_header(text: str, own: str, labels: Sequence[str]) -> list[str]:
    """Return the ranking of exactly the header and list asked for, at the end of the text and in its own words."""
    *before, last = f"\n{text.rstrip()}".rpartition(f"\n{HEADER}\n")
    lines = last.split("\n")
    ranking = [line.partition(". ")[2] for line in lines]
    as_asked = lines == [f"{i}. {label}" for i, label in enumerate(ranking, 1)]
    is_own = own.rstrip().endswith(f"{HEADER}\n{last}")
    return ranking if before[1] and as_asked and is_own and _is_complete(ranking, labels) else []


def _is_complete(ranking: Sequence[object], labels: Sequence[str]) -> bool:
    return len(ranking) == len(labels) and set(labels) == {label for label in ranking if isinstance(label, str)}
