"""Council: independent answers, anonymous rankings of them, and a chair's synthesis beside the top-ranked original.

The synthesis of a council can be worse than its best answer (A. Hall, governance study, 2026), so the two are
always shown together. No stage waits for what cannot change it: reviews begin without the slowest (`reviews.py`),
and the chair begins once the top-ranked answer is safe. Late answers are still heard before the run ends.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.asks import Ask, Part
from bot.domain.run import SEARCH_STAGES, TurnId
from bot.domain.transcript import Transcript
from bot.formats import web_search
from bot.formats.ballots.ballots import ballot_schema
from bot.formats.common import (
    answer_count_line,
    frame,
    frame_code,
    instruction_part,
    name_of,
    no_objections,
    open_turns,
    question_parts,
    remark_parts,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_people,
)
from bot.formats.council import cards
from bot.formats.council.chair import SYNTHESIS, has_synthesis_begun, next_synthesis
from bot.formats.council.ranking import Standings
from bot.formats.council.review_order import letter_labels
from bot.formats.council.reviews import (
    STAGE,
    Review,
    answer_turns,
    count_standings,
    countable_answers,
    current_reviews,
    has_review_begun,
    is_top_safe,
    read_review,
    reviews_open_at,
)
from bot.formats.end_card import plan_end, plan_if_stopped
from bot.formats.plan import Plan, SeatRules, Want
from bot.formats.web_search import search_parts, with_search

PROMPTS = ("council.answer", "council.review", "council.chair", *web_search.PROMPTS)
ROUNDS = (1, 1)
SEATS = (2, 12)
UNSTREAMED = frozenset({STAGE})  # the card of the reviews has a line for each
OUTCOME = frozenset({cards.STANDINGS.stage, SYNTHESIS.stage})
WITHHELD = frozenset({cards.REVIEWS, cards.STANDINGS, cards.ORIGINAL})
REPEATED = frozenset({cards.ORIGINAL.stage})
TURNS_A_SEAT = {"answers": 1, "ranking": 2, "full": 2}


@with_people
@with_search
def plan(t: Transcript, now: float) -> Plan:
    made = _plan_stage(t, now)
    return replace(made, outcome_stages=OUTCOME, withheld_cards=WITHHELD, repeated_stages=REPEATED)


def _plan_stage(t: Transcript, now: float) -> Plan:
    late = open_turns(t, answer_turns(t))
    alone = t.started.rules.mode == "answers"
    opens_at = None if late is None or alone else reviews_open_at(t)
    if not has_review_begun(t) and late is not None and (opens_at is None or now < opens_at):
        answers = Plan(wants_for(late), "answers", again_at=opens_at, total=_total_turns(t))
        return plan_if_stopped(t, now, {}, {}) or answers
    if not countable_answers(t):
        return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "failed", "Nobody answered.")
    return _plan_answers_alone(t, now) if alone else _plan_reviews(t, now, late)


def _plan_answers_alone(t: Transcript, now: float) -> Plan:
    count = answer_count_line(t, answer_turns(t))
    return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "answered", count)


def _plan_reviews(t: Transcript, now: float, late: tuple[TurnId, ...] | None) -> Plan:
    """Plan from the first review on; `late`: the answers that are still out."""
    reviews = _current_reviews(t)
    standings = count_standings(t, reviews)
    out = any(r.pending for r in reviews)
    safe = has_synthesis_begun(t) or not out or is_top_safe(t, reviews)
    full = t.started.rules.mode == "full"
    synthesis = next_synthesis(t, _ranked_seats(t, standings)) if full and safe else None
    shown = Plan(titles=cards.card_titles(t, standings), cards=cards.council_cards(t, reviews, standings, safe=safe))
    if end := plan_if_stopped(t, now, shown.titles, shown.cards):
        made = end
    elif out or late is not None or synthesis:
        open_ = (*wants_for(late or ()), *(r.want for r in reviews if r.pending and not t.is_skipped(r.want.turn)))
        closing = (Want(synthesis),) if synthesis and not t.is_skipped(synthesis) else ()
        stage = "synthesis" if synthesis else "reviews" if out else "late answers"
        made = replace(shown, wanted=(*open_, *closing), stage=stage, total=_total_turns(t))
    elif full:
        verdict, below = cards.full_verdict(t, standings), cards.lines_below_verdict(t, standings)
        made = plan_end(t, now, "synthesised", verdict, dissent=below, titles=shown.titles, cards=shown.cards)
    else:
        verdict, below = cards.ranking_verdict(t, standings), cards.dissent_line(t, standings)
        made = plan_end(t, now, "ranked", verdict, dissent=below, titles=shown.titles, cards=shown.cards)
    full_texts = cards.reviews_in_full(t, reviews)
    return replace(made, unstreamed_stages=UNSTREAMED, footers=cards.late_notes(t), full_texts=full_texts)


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in SEARCH_STAGES:
        return web_search.ask_search(t, turn)
    about = t.turns[turn].about if turn in t.turns else ()
    t = transcript_at_start(t, turn)
    if turn.stage == "answer":
        said = (*question_parts(t, turn), *remark_parts(t, turn), *search_parts(t, turn))
        return Ask((instruction_part(t, turn, "council.answer"), *said))
    return _ask_review(t, turn, about) if turn.stage == STAGE else _ask_chair(t, turn)


def seat_rules(t: Transcript) -> SeatRules:
    begun = has_review_begun(t)
    return SeatRules(closed="The reviews have begun, so a new answer would not be ranked." if begun else "")


objection_rules = no_objections


def _ask_review(t: Transcript, turn: TurnId, about: tuple[TurnId, ...]) -> Ask:
    mark, letters = frame_code(t, turn), letter_labels(len(about))
    material = [
        Part("user", frame(f"answer {letter}", t.turns[i].text, mark), priority=50, cut="tail")
        for letter, i in zip(letters, about, strict=True)
    ]
    task = Part("user", f"Rank the answers {', '.join(letters)}, best first.", priority=95)
    head = (instruction_part(t, turn, "council.review"), *question_parts(t, turn))
    return Ask((*head, *material, *search_parts(t, turn), task, *_repeat_parts(t, turn)), ballot_schema(letters))


def _repeat_parts(t: Transcript, turn: TurnId) -> list[Part]:
    """Return what a reviewer is told again whose ranking could not be read: what it said, and what is missing."""
    before = t.turns.get(turn._replace(ask=turn.ask - 1))
    if before is None or not before.spoke or read_review(before).tiers:
        return []
    missing = "No ranking could be read in that. Give the ranking alone, in the form you were asked for."
    return [Part("assistant", before.text, priority=30, cut="tail"), Part("user", missing, priority=95)]


def _ask_chair(t: Transcript, turn: TurnId) -> Ask:
    mark, reviews = frame_code(t, turn), _current_reviews(t)
    ranked = _ranked_seats(t, standings := count_standings(t, reviews))
    place = {seat: n for n, tier in enumerate(standings.order, 1) for seat in tier}
    said = {a.id.seat: a for a in turns_with_text(t, answer_turns(t))}
    rank = {seat: f"ranked {place[seat]}" if seat in place else "not reviewed" for seat in ranked}
    material = [
        Part("user", frame(f"{name_of(t, said[seat].id)}, {rank[seat]}", said[seat].text, mark), 60 - n, "tail")
        for n, seat in enumerate(ranked, 1)
    ]
    lines = [(r, frame(f"review by {name_of(t, r.want.turn)}", cards.ballot_line(t, r), mark)) for r in reviews]
    ballots = [Part("user", line, priority=20, cut="drop") for r, line in lines if not r.pending]
    head = (instruction_part(t, turn, "council.chair"), *question_parts(t, turn))
    return Ask((*head, *material, *ballots, *search_parts(t, turn), *remark_parts(t, turn)))


def _current_reviews(t: Transcript) -> tuple[Review, ...]:
    """Return the reviews; a ballot that nobody waits for any more is not asked for again."""
    return current_reviews(t, again=not has_synthesis_begun(t))


def _ranked_seats(t: Transcript, standings: Standings) -> list[str]:
    """Return the seats that answered: as they are ranked, then those not reviewed."""
    order = [seat for tier in standings.order for seat in tier]
    unranked = (a.id.seat for a in turns_with_text(t, answer_turns(t)) if a.id.seat not in order)
    return [*order, *(seat for seat in unranked if seat not in t.steering.dropped)]


def _total_turns(t: Transcript) -> int:
    """Return the number of turns expected in all."""
    rules = t.started.rules
    return TURNS_A_SEAT[rules.mode] * len(t.started.panel.seats) + (rules.mode == "full")
