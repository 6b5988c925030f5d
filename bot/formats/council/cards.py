"""Cards of a council: the reviews, the standings, the top-ranked original, and the result."""

from __future__ import annotations

import json
from typing import Any

from bot.domain.run import LaneId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name, failure_text
from bot.formats.common import name_of, prose_of
from bot.formats.council.chair import SYNTHESIS, final_synthesis, substitute_chair_line, synthesis_turns
from bot.formats.council.later_ballots import late_answers, unreviewed_answers
from bot.formats.council.ranking import Standings, Tiers
from bot.formats.council.review_order import letter_labels
from bot.formats.council.reviews import HeldBallots, Review, first_answers, has_review_begun, ranked_answers
from bot.formats.end_card import END
from bot.text import join_names

REVIEWS, STANDINGS, ORIGINAL = LaneId("reviews", 1, ""), LaneId("standings", 1, ""), LaneId("original", 1, "")
LATE = "came after the reviews had begun"


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


def council_cards(t: Transcript, held: HeldBallots, *, safe: bool) -> dict[LaneId, str]:
    """Return the cards of a council; `safe`: its chair does not wait for a change of the top-ranked answer any more."""
    if not has_review_begun(t):
        return {}
    known = [r for r in (*held.first, *held.later) if r.want.turn in t.turns or r.turn]
    lines = [f"- **{name_of(t, r.want.turn)}**{_later_note(t, r)}: {ballot_line(t, r)}" for r in known]
    if late := [name_of(t, turn.id) for turn in unreviewed_answers(t)]:
        lines.append(f"\nNot reviewed, as it came later: {', '.join(late)}.")
    made = {REVIEWS: "\n".join(lines)}
    top = held.standings.top
    out = sum(r.pending for r in held.first)
    if out < len(held.first):
        so_far = f"After {len(held.first) - out} of {len(held.first)} reviews. " if out else ""
        made[STANDINGS] = _standings_card(t, held.standings, so_far)
    if top and (safe or not out):
        made[ORIGINAL] = next(turn.text for turn in ranked_answers(t) if turn.id.seat == top)
    return made


def late_notes(t: Transcript) -> dict[LaneId, str]:
    return {turn.id.lane: LATE for turn in late_answers(t)}


def reviews_in_full(t: Transcript, held: HeldBallots) -> dict[LaneId, str]:
    """Return the reviews in full, each with a key to its letters, by the lane of their card."""
    said = [_full_review(t, r.turn) for r in (*held.first, *held.later) if r.turn and r.turn.spoke]
    return {REVIEWS: "\n\n".join(said)} if said else {}


def _later_note(t: Transcript, r: Review) -> str:
    """Say which late answers a later ballot is about."""
    late = {turn.id.seat for turn in late_answers(t)} if r.want.turn.round > 1 else ()
    names = [name_of(t, i) for i in sorted(r.want.about) if i.seat in late]
    return f", on {join_names(names)}" if names else ""


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
    if len(first_answers(t)) == 1:
        return "With a single answer there was nothing to rank."
    return f"No ranking: {s.ballots} ballots, {s.abstentions} abstentions."


def full_verdict(t: Transcript, s: Standings) -> str:
    """Say which seat is ranked first, and how the synthesis begins."""
    first = ranking_verdict(t, s)
    if said := final_synthesis(t):
        return f"{first} {prose_of(said.text)}"
    if s.top is None:
        return f"{first} The chair did not speak: the answers stand for themselves."
    best = next(turn for turn in ranked_answers(t) if turn.id.seat == s.top)
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
