"""Council: independent answers, anonymous rankings of them, and a chair's synthesis beside the top-ranked original.

The synthesis of a council can be worse than its best answer (A. Hall, governance study, 2026), so the two are
always shown together. No stage waits for what cannot change it: reviews begin without the slowest (`reviews.py`),
and the chair begins once the top-ranked answer is safe. Who is late is still heard before the run ends.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.asks import Ask, Part
from bot.domain.run import ASIDE, TurnId
from bot.domain.transcript import Transcript
from bot.formats import web_search as searching
from bot.formats.ballots.ballots import schema
from bot.formats.common import (
    answer_count_line,
    frame,
    frame_code,
    instruction_part,
    name_of,
    no_objections,
    open_turns,
    plan_end,
    plan_if_stopped,
    question_parts,
    remark_parts,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_people,
)
from bot.formats.council import cards as council_cards
from bot.formats.council import chair as chairs
from bot.formats.council import reviews as reviewing
from bot.formats.council.ranking import Standings
from bot.formats.council.review_order import labels
from bot.formats.council.reviews import Review
from bot.formats.plan import Plan, SeatRules, Want
from bot.formats.web_search import search_parts, with_search

PROMPTS = ("council.answer", "council.review", "council.chair", *searching.PROMPTS)
ROUNDS = (1, 1)
SEATS = (2, 12)
HIDDEN = frozenset({reviewing.STAGE})  # their card shows a line a reviewer
OUTCOME = frozenset({council_cards.STANDINGS.stage, chairs.SYNTHESIS.stage})
TELLING = frozenset({council_cards.REVIEWS, council_cards.STANDINGS, council_cards.ORIGINAL})
TURNS_A_SEAT = {"answers": 1, "ranking": 2, "full": 2}


@with_people
@with_search
def plan(t: Transcript, now: float) -> Plan:
    return replace(
        _plan_stage(t, now),
        outcome_stages=OUTCOME,
        withheld_cards=TELLING,
        repeated_stages=frozenset({council_cards.ORIGINAL.stage}),
    )


def _plan_stage(t: Transcript, now: float) -> Plan:
    late = open_turns(t, reviewing.answers(t))
    opens_at = None if late is None else reviewing.opens_at(t)
    mode = t.started.rules.mode
    if not reviewing.begun(t) and late is not None and (mode == "answers" or opens_at is None or now < opens_at):
        stage = Plan(wants_for(late), "answers", again_at=None if mode == "answers" else opens_at, total=_total(t))
        return plan_if_stopped(t, now, {}, {}) or stage
    if not reviewing.heard(t):
        return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "failed", "Nobody answered.")
    return _answers_alone(t, now) if mode == "answers" else _reviewed(t, now, late)


def _answers_alone(t: Transcript, now: float) -> Plan:
    return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "answered", answer_count_line(t, reviewing.answers(t)))


def _reviewed(t: Transcript, now: float, late: tuple[TurnId, ...] | None) -> Plan:
    """From the first review on; `late`: the answers that are still out."""
    held = _reviews(t)
    standing = reviewing.counted(t, held)
    out = any(r.pending for r in held)
    safe = chairs.begun(t) or not out or reviewing.top_is_safe(t, held)
    full = t.started.rules.mode == "full"
    chair = chairs.next_chair(t, _ranked(t, standing)) if full and safe else None
    shown = Plan(
        titles=council_cards.titles(t, standing),
        cards=council_cards.cards(t, held, standing, safe=safe),
    )
    if end := plan_if_stopped(t, now, shown.titles, shown.cards):
        made = end
    elif out or late is not None or chair:
        open_ = (*wants_for(late or ()), *(r.want for r in held if r.pending and not t.is_skipped(r.want.turn)))
        closing = (Want(chair),) if chair and not t.is_skipped(chair) else ()
        stage = "synthesis" if chair else "reviews" if out else "late answers"
        made = replace(shown, wanted=(*open_, *closing), stage=stage, total=_total(t))
    elif full:
        verdict, told = council_cards.full_verdict(t, standing), council_cards.besides(t, standing)
        made = plan_end(t, now, "synthesised", verdict, dissent=told, titles=shown.titles, cards=shown.cards)
    else:
        verdict, told = council_cards.ranking_verdict(t, standing), council_cards.dissent(t, standing)
        made = plan_end(t, now, "ranked", verdict, dissent=told, titles=shown.titles, cards=shown.cards)
    return replace(
        made, unstreamed_stages=HIDDEN, footers=council_cards.notes(t), full_texts=council_cards.behind(t, held)
    )


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in ASIDE:
        return searching.ask_search(t, turn)
    about = t.turns[turn].about if turn in t.turns else ()
    t = transcript_at_start(t, turn)
    if turn.stage == "answer":
        return Ask(
            (
                instruction_part(t, turn, "council.answer"),
                *question_parts(t, turn),
                *remark_parts(t, turn),
                *search_parts(t, turn),
            )
        )
    return _ask_review(t, turn, about) if turn.stage == reviewing.STAGE else _ask_chair(t, turn)


def seat_rules(t: Transcript) -> SeatRules:
    reviewed = reviewing.begun(t)
    return SeatRules(closed="The reviews have begun, so a new answer would not be ranked." if reviewed else "")


objection_rules = no_objections


def _ask_review(t: Transcript, turn: TurnId, about: tuple[TurnId, ...]) -> Ask:
    mark, letters = frame_code(t, turn), labels(len(about))
    material = [
        Part("user", frame(f"answer {letter}", t.turns[i].text, mark), priority=50, cut="tail")
        for letter, i in zip(letters, about, strict=True)
    ]
    wish = Part("user", f"Rank the answers {', '.join(letters)}, best first.", priority=95)
    parts = (
        instruction_part(t, turn, "council.review"),
        *question_parts(t, turn),
        *material,
        *search_parts(t, turn),
        wish,
    )
    return Ask((*parts, *_once_more(t, turn)), schema(letters))


def _once_more(t: Transcript, turn: TurnId) -> list[Part]:
    """To a reviewer whose ranking could not be read: what it said, and what is missing."""
    before = t.turns.get(turn._replace(ask=turn.ask - 1))
    if before is None or not before.spoke or reviewing.read_ballot(before).tiers:
        return []
    missing = "No ranking could be read in that. Give the ranking alone, in the form you were asked for."
    return [Part("assistant", before.text, priority=30, cut="tail"), Part("user", missing, priority=95)]


def _ask_chair(t: Transcript, turn: TurnId) -> Ask:
    mark, held = frame_code(t, turn), _reviews(t)
    ranked = _ranked(t, standing := reviewing.counted(t, held))
    place = {seat: n for n, tier in enumerate(standing.order, 1) for seat in tier}
    said = {a.id.seat: a for a in turns_with_text(t, reviewing.answers(t))}
    told = {seat: f"ranked {place[seat]}" if seat in place else "not reviewed" for seat in ranked}
    material = [
        Part("user", frame(f"{name_of(t, said[seat].id)}, {told[seat]}", said[seat].text, mark), 60 - n, "tail")
        for n, seat in enumerate(ranked, 1)
    ]
    lines = [(r, frame(f"review by {name_of(t, r.want.turn)}", council_cards.ballot_line(t, r), mark)) for r in held]
    reviews = [Part("user", line, priority=20, cut="drop") for r, line in lines if not r.pending]
    head = (instruction_part(t, turn, "council.chair"), *question_parts(t, turn))
    return Ask((*head, *material, *reviews, *search_parts(t, turn), *remark_parts(t, turn)))


def _reviews(t: Transcript) -> tuple[Review, ...]:
    """A ballot that nobody waits for any more is not asked for again."""
    return reviewing.reviews(t, again=not chairs.begun(t))


def _ranked(t: Transcript, standing: Standings) -> list[str]:
    """The seats that answered: as they are ranked, then those not reviewed."""
    order = [seat for tier in standing.order for seat in tier]
    unranked = (a.id.seat for a in turns_with_text(t, reviewing.answers(t)) if a.id.seat not in order)
    return [*order, *(seat for seat in unranked if seat not in t.steering.dropped)]


def _total(t: Transcript) -> int:
    """Turns expected in all."""
    rules = t.started.rules
    return TURNS_A_SEAT[rules.mode] * len(t.started.panel.seats) + (rules.mode == "full")
