"""Debate: debaters open, answer each other for some rounds, and close; a judge decides, and people say who moved them.

`_debate_steps` is the whole debate in the order in which it happens; `plan` wants the first step of it that is not
settled. `bot.formats.debate.speaking_order` decides who speaks when, `bot.formats.debate.judge` is the judge's part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import assert_never

from bot.domain.asks import Ask
from bot.domain.controls import Control
from bot.domain.run import SEARCH_STAGES, LaneId, Seat, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name
from bot.formats import web_search
from bot.formats.common import (
    is_settled,
    name_of,
    open_turns,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_people,
)
from bot.formats.debate import recaps
from bot.formats.debate.casting import CAST, aliases_to_cast, personas_by_seat
from bot.formats.debate.continuation import ContinuationCheck, read_check
from bot.formats.debate.debater import ask_debater
from bot.formats.debate.judge import (
    SCORES,
    ask_judge,
    judge_steps,
    possible_judges,
    scores_card,
    substitute_judge_line,
    verdict_lines,
    verdict_turn,
)
from bot.formats.debate.objections import (
    objection_cards,
    objection_controls,
    objection_lines,
    objection_of_round,
    objection_titles,
    standing_objections,
)
from bot.formats.debate.recaps import ask_recap, recap_cards, recap_turn, title_recap
from bot.formats.debate.round_vote import (
    VOTE_STAGE,
    has_round_vote,
    round_decision,
    round_vote_card,
    round_vote_controls,
    round_vote_ends_at,
    round_vote_lane,
)
from bot.formats.debate.speaking_order import (
    DEBATERS,
    Step,
    advocate_of,
    all_rounds,
    all_steps,
    debate_rules,
    debaters_in,
    has_words,
    position_of,
    round_start_seq,
    round_steps,
    upcoming_round,
)
from bot.formats.debate.swing import (
    BEFORE,
    BEFORE_TITLE,
    has_vote_before,
    is_vote_before_open,
    measure_swing,
    vote_before_card,
    vote_before_controls,
)
from bot.formats.end_card import plan_end, plan_if_stopped
from bot.formats.plan import ObjectionRules, Plan, SeatRules, Want
from bot.formats.web_search import with_search

PROMPTS = (
    *(f"debate.{stage}" for stage in ("opening", "rebuttal", "closing", "argument")),
    *(f"debate.{stance}" for stance in ("choose", "position", "advocate")),
    *(f"debate.{task}" for task in ("cast", "check", "judge", "scores")),
    *(f"debate.{all_asks}" for all_asks in ("debater", "bench")),
    "debate.objection",
    "debate.recap",
    *web_search.PROMPTS,
)
ROUNDS = (3, 6)
SEATS = (2, 8)
UNSTREAMED = frozenset({"cast", "check", "scores", recaps.STAGE})  # cards and the end tell of them
OUTCOME = frozenset({"verdict"})
PERSONAS = LaneId("personas", 1, "")
MIN_ROUNDS_FOR_CHECKS = 3  # rounds: a shorter debate is over before it could be cut short
POSITION_CHARS = 40  # longest position in a title


@with_people
@with_search
def plan(t: Transcript, now: float) -> Plan:
    made = _plan_step(t, now)
    return replace(
        made,
        unstreamed_stages=UNSTREAMED,
        outcome_stages=OUTCOME,
        closing_seat="judge",
        withheld_cards=frozenset({SCORES, *recap_cards(t)}),
        voting_before=is_vote_before_open(t),
        controls=_controls(t, made.vote_after),
    )


def _plan_step(t: Transcript, now: float) -> Plan:
    """Return the plan for the first step of the debate that is not settled."""
    titles, cards = _titles(t), _cards(t, now)
    if end := plan_if_stopped(t, now, titles, cards):
        return end
    unstreamed = _total_unstreamed(t, now)
    total = _total_debater_turns(t, now) + 1 + unstreamed
    shown = Plan(titles=titles, cards=cards, board_lines=objection_lines(t), total=total, total_unstreamed=unstreamed)
    for step in _debate_steps(t, now):
        if step[0].stage == VOTE_STAGE:
            round_ = step[0].round
            closes_at = round_vote_ends_at(t, round_)
            return replace(shown, stage=f"the vote after round {round_}", vote_after=round_, again_at=closes_at)
        if (open_ := open_turns(t, step)) is not None:
            return replace(shown, wanted=_debate_wants(t, open_), stage=_stage_name(t, step))
    if silent := _silent_round(t):
        silence = f"Nobody spoke in round {silent}, so there is nothing to judge."
        return plan_end(t, now, "failed", (silence,), titles=titles, cards=cards)
    swing = measure_swing(t) if has_vote_before(t) else None
    return plan_end(
        t,
        now,
        "judged",
        verdict_lines(t),
        headline=str(swing) if swing else "",
        reason=" ".join(line for line in (_end_reason(t, now), substitute_judge_line(t)) if line),
        titles=titles,
        cards=cards,
    )


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in SEARCH_STAGES:
        return web_search.ask_search(t, turn)
    objection = objection_of_round(t, turn.round) if turn.stage in DEBATERS else 0
    t = transcript_at_start(t, turn)
    if turn.stage in DEBATERS:
        return ask_debater(t, turn, objection)
    if turn.stage == recaps.STAGE:
        return ask_recap(t, turn, _turns_until(t, turn.round - 2))
    return ask_judge(t, turn)


def seat_rules(t: Transcript) -> SeatRules:
    round_ = upcoming_round(t)
    closed = "" if round_ else "The last round has begun, so a new seat would not be heard."
    return SeatRules(closed=closed, joins=f"from round {round_} on")


def objection_rules(t: Transcript) -> ObjectionRules:
    round_ = upcoming_round(t)
    if round_ == 0:
        closed = "Nobody is left to answer it: the last round has begun."
    else:
        closed = "There is nothing to object to: nobody has spoken yet." if round_ == 1 else ""
    return ObjectionRules(closed, f"round {round_}", tuple(standing_objections(t)))


def _controls(t: Transcript, vote_after: int) -> dict[LaneId, tuple[Control, ...]]:
    """Return the debate's own buttons: votes from before it, objections, and what comes after a round."""
    if t.stopped or t.finished:
        return {}
    made = {BEFORE: vote_before_controls(t)} if is_vote_before_open(t) else {}
    if vote_after:
        made[round_vote_lane(vote_after)] = round_vote_controls(vote_after)
    return {**made, **objection_controls(t)}


def _debate_wants(t: Transcript, turns: Sequence[TurnId]) -> tuple[Want, ...]:
    """Return the wants of turns; those of debaters say which objection their round takes up."""
    if turns and turns[0].stage in DEBATERS:
        taken = objection_of_round(t, turns[0].round)
        return tuple(Want(i, objection=taken) for i in turns)
    return wants_for(turns)


def _debate_steps(t: Transcript, now: float) -> Iterator[Step]:
    """Yield the steps of this debate; each is taken from here only once those before it are settled."""
    if aliases_to_cast(t):
        yield (CAST,)
    silent = _silent_round(t)
    for round_ in all_rounds(t):
        if recap := _recap_before(t, round_, debaters_in(t, round_)):
            yield (recap,)
        yield from round_steps(t, round_)
        if silent == round_:
            return
        if _has_checks(t) and round_ < t.started.rules.rounds:
            yield (_check_turn(round_),)
        if _check_result(t, round_).state != "going on":
            break
        match round_decision(t, round_, now):
            case "open":
                yield (TurnId(VOTE_STAGE, round_, ""),)  # no seat speaks: people vote
            case "end":
                break
            case "go on":
                pass
            case _ as never:
                assert_never(never)
    judge = t.started.panel.judge
    if recap := _recap_before(t, round_ + 1, [judge] if judge else []):
        yield (recap,)
    yield from judge_steps(t)


def _recap_before(t: Transcript, round_: int, readers: Sequence[Seat]) -> TurnId | None:
    return recap_turn(t, round_, lambda: _turns_until(t, round_ - 1), readers)


def _turns_until(t: Transcript, round_: int) -> list[Turn]:
    return turns_with_text(t, [i for n in range(1, round_ + 1) for step in round_steps(t, n) for i in step])


def _has_checks(t: Transcript) -> bool:
    watch = debate_rules(t).watch
    return t.started.rules.rounds >= MIN_ROUNDS_FOR_CHECKS if watch is None else watch


def _check_turn(round_: int) -> TurnId:
    return TurnId("check", round_, "judge")


def _check_result(t: Transcript, round_: int) -> ContinuationCheck:
    """Return the judge's finding after that round. A retry comes too late: the debate has gone on."""
    known = t.turns.get(_check_turn(round_))
    return read_check(known.text) if known else ContinuationCheck("going on")


def _silent_round(t: Transcript) -> int:
    """Return the first round that is over and in which nobody spoke; 0 where somebody always did."""
    for round_ in all_rounds(t):
        begun = [i for step in round_steps(t, round_) for i in step if i in t.turns]
        if begun and open_turns(t, begun) is None and not has_words(t, begun):
            return round_
    return 0


def _last_round(t: Transcript, now: float) -> int:
    """Return the round that is the last, as far as can be told."""
    ends = (i for i in all_rounds(t) if _check_result(t, i).state != "going on" or round_decision(t, i, now) == "end")
    return next(ends, t.started.rules.rounds)


def _total_debater_turns(t: Transcript, now: float) -> int:
    return sum(len(step) for round_ in range(1, _last_round(t, now) + 1) for step in round_steps(t, round_))


def _total_unstreamed(t: Transcript, now: float) -> int:
    """Return how many turns have no message of their own: the cast, the checks and the scores."""
    checked = sum(_has_checks(t) and round_ < t.started.rules.rounds for round_ in range(1, _last_round(t, now) + 1))
    return bool(aliases_to_cast(t)) + checked + bool(debate_rules(t).criteria)


def _end_reason(t: Transcript, now: float) -> str:
    last, limit = _last_round(t, now), t.started.rules.rounds
    check = _check_result(t, last)
    found = {"agreement": "the debaters agree", "nothing new": "nothing new was said"}.get(check.state)
    if found:
        because = f" ({check.because.rstrip('.')})" if check.because else ""
        return f"The debate ended after round {last} of {limit}: {found}{because}."
    if last < limit:
        return f"The debate ended after round {last} of {limit}, by vote."
    return f"The debate ended after round {limit}, its last."


def _stage_name(t: Transcript, step: Step) -> str:
    turn = step[0]
    if turn.stage in DEBATERS:
        return f"{turn.stage} (round {turn.round} of {t.started.rules.rounds})"
    return {
        "cast": "finding personas",
        "check": "checking whether to go on",
        recaps.STAGE: "summing up",
    }.get(turn.stage, turn.stage)


def _titles(t: Transcript) -> dict[LaneId, str]:
    verdicts = [verdict_turn(judge) for judge in possible_judges(t)]
    return {
        **{i.lane: f"{_title_name(t, i)} · {i.stage}" for step in all_steps(t) for i in step},
        **{i.lane: f"Verdict · {name_of(t, i)}" for i in verdicts},
        BEFORE: BEFORE_TITLE,
        PERSONAS: "Personas",
        SCORES: "Scores",
        **{lane: title_recap(TurnId(*lane)) for lane in recap_cards(t)},
        **{round_vote_lane(i): f"After round {i}" for i in all_rounds(t) if has_round_vote(t, i)},
        **objection_titles(t),
    }


def _title_name(t: Transcript, turn: TurnId) -> str:
    stands = "devil's advocate" if turn.seat == advocate_of(t, turn.round) else position_of(t, turn.seat)
    short = stands if len(stands) <= POSITION_CHARS else f"{stands[: POSITION_CHARS - 1]}…"
    return f"{name_of(t, turn)} ({short})" if short else name_of(t, turn)


def _cards(t: Transcript, now: float) -> dict[LaneId, str]:
    cards = {BEFORE: vote_before_card(t)} if has_vote_before(t) else {}
    if (known := t.turns.get(CAST)) and known.ended:
        lines = [f"- **{display_name(t, seat)}**: {persona}" for seat, persona in personas_by_seat(t).items()]
        cards[PERSONAS] = "\n".join(lines) or "No personas could be read: everyone speaks as themselves."
    if scores := scores_card(t):
        cards[SCORES] = scores
    votes = {round_vote_lane(i): round_vote_card(t, i, now) for i in all_rounds(t) if _is_put_to_vote(t, i)}
    return {**cards, **recap_cards(t), **objection_cards(t), **votes}


def _is_put_to_vote(t: Transcript, round_: int) -> bool:
    """Return whether people vote, or have voted, on the course after that round.

    Once they have, that stays so: a card that people have seen does not vanish when a turn is asked again.
    """
    if not has_round_vote(t, round_) or round_start_seq(t, round_) == inf:
        return False
    held = [i for step in round_steps(t, round_) for i in step] + ([_check_turn(round_)] if _has_checks(t) else [])
    ends = [known.ended for i in held if (known := t.turns.get(i))]
    over = all(is_settled(t, i) for i in held) and all(end and end.finish != "stopped" for end in ends)
    return over and _check_result(t, round_).state == "going on" and _silent_round(t) != round_
