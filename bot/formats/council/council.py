"""Council: independent answers, anonymous rankings of them, and a chair's synthesis of them.

The synthesis of a council can be worse than its best answer (A. Hall, governance study, 2026), so the end names both.
No stage waits for what cannot change it, or for longer than it pays (`waiting.py`): reviews begin without the slowest,
and the chair once the top-ranked answer is safe. Late answers are still heard, and reviewed (`later_ballots.py`),
before the run ends.
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
    task_part,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_breakpoint,
    with_people,
)
from bot.formats.council import cards
from bot.formats.council.chair import SYNTHESIS, has_summed_up, has_synthesis_begun, next_synthesis
from bot.formats.council.later_ballots import later_reviews
from bot.formats.council.ranking import Standings
from bot.formats.council.review_order import letter_labels
from bot.formats.council.reviews import (
    STAGE,
    HeldBallots,
    answer_turns,
    count_standings,
    countable_answers,
    current_reviews,
    has_review_begun,
    is_top_safe,
    read_review,
)
from bot.formats.council.waiting import chair_begins_at, reviews_open_at
from bot.formats.end_card import plan_end, plan_if_stopped
from bot.formats.plan import Plan, SeatRules, Want
from bot.formats.time_limits import deadline_at, is_out_of_time
from bot.formats.web_search import search_parts, with_search

PROMPTS = ("council.member", "council.answer", "council.review", "council.chair", *web_search.PROMPTS)
ROUNDS = (1, 1)
SEATS = (2, 12)
UNSTREAMED = frozenset({STAGE})  # the card of the reviews has a line for each
OUTCOME = frozenset({cards.REVIEWS.stage, SYNTHESIS.stage})
WITHHELD = frozenset({cards.REVIEWS})


@with_people
@with_search
def plan(t: Transcript, now: float) -> Plan:
    made = _plan_stage(t, now)
    return replace(
        made,
        outcome_stages=OUTCOME,
        closing_seat=SYNTHESIS.seat if t.started.rules.mode == "full" else "",
        withheld_cards=WITHHELD,
    )


def _plan_stage(t: Transcript, now: float) -> Plan:
    over, alone = is_out_of_time(t, now), t.started.rules.mode == "answers"
    late = None if over else open_turns(t, answer_turns(t))
    opens_at = None if late is None or alone else reviews_open_at(t)
    if not _has_gone_on(t) and late is not None and (opens_at is None or now < opens_at):
        again_at = _earliest(opens_at, deadline_at(t))
        answers = _with_totals(t, Plan(wants_for(late), "answers", again_at=again_at))
        return plan_if_stopped(t, now, {}, {}) or answers
    if not countable_answers(t):
        return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "failed", ("Nobody answered.",))
    return _plan_answers_alone(t, now) if alone else _plan_reviews(t, now, late, over=over)


def _plan_answers_alone(t: Transcript, now: float) -> Plan:
    count = answer_count_line(t, answer_turns(t))
    return plan_if_stopped(t, now, {}, {}) or plan_end(t, now, "answered", (count,))


def _plan_reviews(t: Transcript, now: float, late: tuple[TurnId, ...] | None, *, over: bool) -> Plan:
    """Plan from the first review on; `late`: the answers that are still out. `over`: nothing is waited for any more."""
    held = _read_ballots(t, may_begin=not over)
    standings = held.standings
    out = () if over else tuple(r for r in (*held.first, *held.later) if r.pending)
    begins_at = chair_begins_at(t, held.first)
    safe = over or has_synthesis_begun(t) or _is_order_settled(t, held) or (begins_at is not None and now >= begins_at)
    full = t.started.rules.mode == "full"
    cut = over and any(turn.ended is None and i.stage != SYNTHESIS.stage for i, turn in t.turns.items())
    synthesis = next_synthesis(t, _ranked_seats(t, standings)) if full and safe and not cut else None
    shown = Plan(titles=cards.card_titles(t), cards=cards.council_cards(t, held))
    closed = cards.full_verdict(t, standings) if has_summed_up(t) else ()
    if end := plan_if_stopped(t, now, shown.titles, shown.cards, closed):
        made = end
    elif out or late is not None or synthesis or cut:
        open_ = (*wants_for(late or ()), *(r.want for r in out if not t.is_skipped(r.want.turn)))
        closing = (Want(synthesis),) if synthesis and not t.is_skipped(synthesis) else ()
        stage = "synthesis" if synthesis or cut else "reviews" if _is_first_out(held) else "late answers"
        again_at = _earliest(None if safe else begins_at, None if over else deadline_at(t))
        shown = _with_totals(t, shown, held)
        made = replace(shown, wanted=(*open_, *closing), stage=stage, again_at=again_at)
    elif full:
        verdict, below = cards.full_verdict(t, standings), cards.lines_below_verdict(t, standings)
        made = plan_end(t, now, "synthesised", verdict, dissent=below, titles=shown.titles, cards=shown.cards)
    else:
        verdict, below = (cards.ranking_verdict(t, standings),), cards.lines_below_ranking(t, standings)
        made = plan_end(t, now, "ranked", verdict, dissent=below, titles=shown.titles, cards=shown.cards)
    if made.outcome:
        made = replace(made, best=cards.best_answers(t, standings))
    behind, controls = cards.full_texts(t, held), cards.review_controls(t, held)
    return replace(made, unstreamed_stages=UNSTREAMED, footers=cards.late_notes(t), sections=behind, controls=controls)


def _is_order_settled(t: Transcript, held: HeldBallots) -> bool:
    """Return whether no ballot that is still out can change who is top-ranked."""
    return not _is_first_out(held) or is_top_safe(t, held.first)


def _is_first_out(held: HeldBallots) -> bool:
    return any(r.pending for r in held.first)


def _has_gone_on(t: Transcript) -> bool:
    """Return whether answers that are still out are not waited for any more."""
    return has_review_begun(t) or has_synthesis_begun(t)


def _earliest(*moments: float | None) -> float | None:
    return min((at for at in moments if at is not None), default=None)


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in SEARCH_STAGES:
        return web_search.ask_search(t, turn)
    about = t.turns[turn].about if turn in t.turns else ()
    t = transcript_at_start(t, turn)
    if turn.stage == "answer":
        asked = (*remark_parts(t, turn), task_part(t, turn, "council.answer"))
        return Ask((*_member_parts(t, turn), *asked, *search_parts(t, turn)))
    return _ask_review(t, turn, about) if turn.stage == STAGE else _ask_chair(t, turn)


def seat_rules(t: Transcript) -> SeatRules:
    begun = has_review_begun(t)
    return SeatRules(closed="The reviews have begun, so a new answer would not be ranked." if begun else "")


objection_rules = no_objections


def _member_parts(t: Transcript, turn: TurnId) -> list[Part]:
    """Return what a seat's answer and its reviews begin with."""
    known = [instruction_part(t, turn, "council.member"), *question_parts(t, turn)]
    return known if t.started.rules.mode == "answers" else with_breakpoint(known, len(known))


def _ask_review(t: Transcript, turn: TurnId, about: tuple[TurnId, ...]) -> Ask:
    mark, letters = frame_code(t, turn), letter_labels(len(about))
    material = [
        Part("user", frame(f"answer {letter}", t.turns[i].text, mark), priority=50, cut="tail")
        for letter, i in zip(letters, about, strict=True)
    ]
    task = task_part(t, turn, "council.review")
    wish = Part("user", f"Rank the answers {', '.join(letters)}, best first.", priority=95)
    said = (*_member_parts(t, turn), *material, *search_parts(t, turn))
    return Ask((*said, task, wish, *_repeat_parts(t, turn)), ballot_schema(letters))


def _repeat_parts(t: Transcript, turn: TurnId) -> list[Part]:
    """Return what a reviewer is told again whose ranking could not be read: what it said, and what is missing."""
    before = t.turns.get(turn._replace(ask=turn.ask - 1))
    if before is None or not before.spoke or read_review(before).tiers:
        return []
    missing = "No ranking could be read in that. Give the ranking alone, in the form you were asked for."
    return [Part("assistant", before.text, priority=30, cut="tail"), Part("user", missing, priority=95)]


def _ask_chair(t: Transcript, turn: TurnId) -> Ask:
    mark, held = frame_code(t, turn), _read_ballots(t)
    ranked = _ranked_seats(t, held.standings)
    place = {seat: n for n, tier in enumerate(held.standings.order, 1) for seat in tier}
    said = {a.id.seat: a for a in turns_with_text(t, answer_turns(t))}
    rank = {seat: f"ranked {place[seat]}" if seat in place else "not reviewed" for seat in ranked}
    material = [
        Part("user", frame(f"{name_of(t, said[seat].id)}, {rank[seat]}", said[seat].text, mark), 60 - n, "tail")
        for n, seat in enumerate(ranked, 1)
    ]
    reviews = [r for r in (*held.first, *held.later) if not r.pending]
    lines = [frame(f"review by {name_of(t, r.want.turn)}", cards.ballot_line(t, r), mark) for r in reviews]
    ballots = [Part("user", line, priority=20, cut="drop") for line in lines]
    head = (instruction_part(t, turn, "council.chair"), *question_parts(t, turn))
    return Ask((*head, *material, *ballots, *search_parts(t, turn), *remark_parts(t, turn)))


def _read_ballots(t: Transcript, *, may_begin: bool = True) -> HeldBallots:
    """Return the ballots so far; one that nobody waits for any more is not asked for again.

    `may_begin`: reviews that have not begun are still to.
    """
    spoken = has_synthesis_begun(t)
    first = current_reviews(t, again=not spoken, may_begin=may_begin and not spoken)
    later = later_reviews(t, first, may_begin=may_begin and not t.is_over)
    return HeldBallots(first, later, count_standings(t, first, later))


def _ranked_seats(t: Transcript, standings: Standings) -> list[str]:
    """Return the seats that answered: as they are ranked, then those not reviewed."""
    order = [seat for tier in standings.order for seat in tier]
    unranked = (a.id.seat for a in turns_with_text(t, answer_turns(t)) if a.id.seat not in order)
    return [*order, *(seat for seat in unranked if seat not in t.steering.dropped)]


def _with_totals(t: Transcript, made: Plan, held: HeldBallots | None = None) -> Plan:
    """Return the plan with its totals: before the reviews one review a seat, then those that are asked for."""
    rules, seats = t.started.rules, len(t.started.panel.seats)
    reviews = 0 if rules.mode == "answers" else len((*held.first, *held.later)) if held else seats
    return replace(made, total=seats + reviews + (rules.mode == "full"), total_unstreamed=reviews)
