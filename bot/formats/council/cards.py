"""Cards of a council: the reviews, the standings, the top-ranked original, and the result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.domain.run import LaneId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name, failure_text
from bot.formats.common import name_of, prose_of, turns_with_text
from bot.formats.council.chair import SYNTHESIS, final_synthesis, substitute_chair_line, synthesis_turns
from bot.formats.council.ranking import Standings, Tiers
from bot.formats.council.review_order import letter_labels
from bot.formats.council.reviews import Review, answer_turns, has_review_begun, reviewed_answers
from bot.formats.end_card import END

REVIEWS, STANDINGS, ORIGINAL = LaneId("reviews", 1, ""), LaneId("standings", 1, ""), LaneId("original", 1, "")
LATE = "came after the reviews had begun: not reviewed"


def card_titles(t: Transcript, s: Standings) -> dict[LaneId, str]:
    top = f" · {name_of(t, LaneId('answer', 1, s.top))}" if s.top else ""
    chairs = {i.lane: f"Synthesis · {name_of(t, i)}, for {name_of(t, SYNTHESIS)}" for i in synthesis_turns(t)}
    return {
        **chairs,
        SYNTHESIS.lane: f"Synthesis · {name_of(t, SYNTHESIS)}",
        REVIEWS: "Reviews",
        STANDINGS: "Standings",
        ORIGINAL: f"Top-ranked original{top}",
        END: "Result",
    }


def council_cards(t: Transcript, held: Sequence[Review], s: Standings, *, safe: bool) -> dict[LaneId, str]:
    """Return the cards of a council; `safe`: the top-ranked answer can no longer change."""
    if not has_review_begun(t):
        return {}
    lines = [f"- **{name_of(t, r.want.turn)}**: {ballot_line(t, r)}" for r in held if r.want.turn in t.turns or r.turn]
    if late := [name_of(t, turn.id) for turn in late_answers(t)]:
        lines.append(f"\nNot reviewed, as it came later: {', '.join(late)}.")
    made = {REVIEWS: "\n".join(lines)}
    out = sum(r.pending for r in held)
    if out < len(held):
        made[STANDINGS] = _standings_card(t, s, f"After {len(held) - out} of {len(held)} reviews. " if out else "")
    if s.top and (safe or not out):
        made[ORIGINAL] = next(turn.text for turn in reviewed_answers(t) if turn.id.seat == s.top)
    return made


def late_notes(t: Transcript) -> dict[LaneId, str]:
    return {turn.id.lane: LATE for turn in late_answers(t)}


def reviews_in_full(t: Transcript, held: Sequence[Review]) -> dict[LaneId, str]:
    """Return the reviews in full, each with a key to its letters, by the lane of their card."""
    said = [_full_review(t, r.turn) for r in held if r.turn and r.turn.spoke]
    return {REVIEWS: "\n\n".join(said)} if said else {}


def late_answers(t: Transcript) -> list[Turn]:
    """Return the answers that came when the reviews had begun without them."""
    shown = {i.seat for turn in t.turns.values() if turn.id.stage == "review" for i in turn.about}
    return [turn for turn in turns_with_text(t, answer_turns(t)) if shown and turn.id.seat not in shown]


def ballot_line(t: Transcript, r: Review) -> str:
    """Return a review in a line, with names for letters: "Claude > GPT = Gemini · strict"."""
    if r.turn is None or r.turn.ended is None or r.ballot is None:
        return "reviewing…"
    note = f" ({r.ballot.note})" if r.ballot.note else ""
    if r.turn.ended.failure:
        return f"failed: {failure_text(t, r.turn.ended.failure)}{'; asked again' if r.pending else ''}"
    if r.pending:
        return f"asked once more, as no ranking could be read{note}"
    if not r.tiers and r.turn.ended.finish in ("skipped", "stopped"):
        return r.turn.ended.finish
    if not r.tiers:
        return f"abstained{note}"
    return f"{format_tiers(t, r.tiers)} · {r.ballot.quality}{note}"


def format_tiers(t: Transcript, tiers: Tiers) -> str:
    return " > ".join(" = ".join(display_name(t, seat) for seat in tier) for tier in tiers)


def ranking_verdict(t: Transcript, s: Standings) -> str:
    """Say which seat is ranked first, or why none is."""
    if s.top:
        return f"Top-ranked: {format_tiers(t, s.order[:1])}."
    if len(reviewed_answers(t)) == 1:
        return "With a single answer there was nothing to rank."
    return f"No ranking: {s.ballots} ballots, {s.abstentions} abstentions."


def full_verdict(t: Transcript, s: Standings) -> str:
    """Say which seat is ranked first, and how the synthesis begins."""
    first = ranking_verdict(t, s)
    if said := final_synthesis(t):
        return f"{first} {prose_of(said.text)}"
    if s.top is None:
        return f"{first} The chair did not speak: the answers stand for themselves."
    best = next(turn for turn in reviewed_answers(t) if turn.id.seat == s.top)
    return f"{first} The chair did not speak; this is {name_of(t, best.id)}'s answer: {prose_of(best.text)}"


def dissent_line(t: Transcript, s: Standings) -> str:
    """Say which reviewer disagrees most, and on which pair; "" where none does."""
    if s.dissent is None:
        return ""
    d = s.dissent
    return (
        f"Dissent: {display_name(t, d.reviewer)} puts {display_name(t, d.above)} above {display_name(t, d.below)}, "
        f"and differs from the standings on {d.distance:.0%} of the pairs it ranked."
    )


def lines_below_verdict(t: Transcript, s: Standings) -> str:
    """Return the lines of the end card below the verdict."""
    return "\n\n".join(line for line in (substitute_chair_line(t), dissent_line(t, s)) if line)


def _standings_card(t: Transcript, s: Standings, so_far: str) -> str:
    counted = f"{s.ballots} {'ballot' if s.ballots == 1 else 'ballots'}, {s.abstentions} abstained"
    if s.incomplete:
        counted += f", {s.incomplete} incomplete"
    if not s.top:
        return f"{so_far}No ranking could be read: {counted}."
    method = f"{so_far}{counted}; by Schulze's method, without what a reviewer says of itself."
    lines = [f"**{format_tiers(t, s.order)}**", method]
    if s.agreement is not None:
        lines.append(f"Agreement (Kendall's W): {s.agreement:.2f}.")
    if dissent := dissent_line(t, s):
        lines.append(dissent)
    if s.others:
        lines.append(
            "Another method would differ: "
            + "; ".join(f"{method}: {format_tiers(t, (winners,))}" for method, winners in s.others.items())
            + "."
        )
    return "\n\n".join(lines)


def _full_review(t: Transcript, turn: Turn) -> str:
    letters = zip(letter_labels(len(turn.about)), turn.about, strict=True)
    key = ", ".join(f"{letter} is {name_of(t, i)}" for letter, i in letters)
    return f"**{name_of(t, turn.id)}** ({key})\n\n{_review_text(turn.text)}"


def _review_text(text: str) -> str:
    """Return the text of a review, whether it came as JSON or as prose."""
    try:
        written: Any = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anything meant
        return text
    ranking, review = (written.get("ranking"), written.get("review")) if isinstance(written, dict) else (None, None)
    if not isinstance(review, str) or not isinstance(ranking, list):
        return text
    return f"{review}\n\nRanking: {' > '.join(map(str, ranking))}"
