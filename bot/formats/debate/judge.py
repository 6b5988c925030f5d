"""The judge of a debate: it streams its reasoning, then scores in a checked form; a substitute when it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from bot.domain.asks import Ask, Part
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import alias, display_name, failure_text
from bot.formats import seating
from bot.formats.common import (
    instruction_part,
    name_of,
    question_parts,
    remark_parts,
    task_part,
    turns_with_text,
    with_breakpoint,
)
from bot.formats.debate.casting import aliases_to_cast, casting_schema
from bot.formats.debate.continuation import check_schema
from bot.formats.debate.memory import debate_parts
from bot.formats.debate.scores import LEAST, MOST, NotScored, Scores, read_scores, scores_schema
from bot.formats.debate.speaking_order import Step, all_steps, debate_rules, has_words
from bot.formats.end_card import quote_beginning
from bot.formats.web_search import search_parts
from bot.text import join_names

SCORES = LaneId("scoring", 1, "")
WRITTEN = ("done", "length", "repeated")  # ends of a turn that was heard out


def verdict_turn(judge: str) -> TurnId:
    return TurnId("verdict", 1, judge)


def possible_judges(t: Transcript) -> tuple[str, ...]:
    """Return the seats that may judge, each if those before it fail.

    The chair stands in where its model neither debates nor has just failed as the judge.
    """
    panel, begun = t.started.panel, _judging_start_seq(t)
    debated = [s for s in panel.seats if not seating.has_joined_after(t, s.key, begun)]
    taken = {s.model for s in (*debated, panel.judge) if s}
    return ("judge", "chair") if panel.chair and panel.chair.model not in taken else ("judge",)


def judge_steps(t: Transcript) -> Iterator[Step]:
    """Yield the judge's steps, each once those before it are settled: verdict, scores, scores once more."""
    for judge in possible_judges(t):
        yield (verdict_turn(judge),)
        if not _has_failed(t, verdict_turn(judge)):
            break
    if _needs_scores(t):
        scores = TurnId("scores", 1, _verdict_author(t))
        yield (scores,)
        if _needs_mending(t, scores):
            yield (scores._replace(ask=2),)


def latest_scores(t: Transcript) -> Scores | None:
    """Return the scores by the verdict's author, from its latest reply that can be read; debaters by alias."""
    author = _verdict_author(t)
    replies = [turn for i, turn in t.turns.items() if i[:3] == ("scores", 1, author) and turn.spoke]
    for reply in reversed(replies):
        try:
            return read_scores(reply.text, scorable_debaters(t), debate_rules(t).criteria)
        except NotScored:
            continue
    return None


def scorable_debaters(t: Transcript) -> list[str]:
    """Return the aliases of those who spoke and were at the table when the judge began, in panel order.

    Nobody else can be scored.
    """
    turns, begun = [i for step in all_steps(t) for i in step], _judging_start_seq(t)
    there = [s for s in t.started.panel.seats if not seating.has_left_before(t, s.key, begun)]
    return [alias(t, s.key) for s in there if has_words(t, [i for i in turns if i.seat == s.key])]


def verdict_lines(t: Transcript) -> tuple[str, ...]:
    """Say who wins and what the debate supports, or why there is no verdict."""
    author = _verdict_author(t)
    if not author:
        return (f"There is no verdict: {_silence_reason(t)}",)
    name = name_of(t, verdict_turn(author))
    [said] = turns_with_text(t, [verdict_turn(author)])
    _, marker, tail = said.text.rpartition("VERDICT:")
    who = "Judge" if author == "judge" else name
    stated = (
        quote_beginning(who, said.id.lane, tail)
        if marker
        else f"{name} has spoken without a line of verdict; see above."
    )
    if not _needs_scores(t):
        return (stated,)
    scores = latest_scores(t)
    if scores is None:
        return (f"{name} gave no scores that could be read, so there is no verdict.",)
    names = _names_by_alias(t)
    winner = names.get(scores.winner)
    return f"{f'{winner} wins' if winner else 'A tie'}; {_list_means(scores, names)}.", stated


def substitute_judge_line(t: Transcript) -> str:
    """Say that another than the judge has judged; "" where none has."""
    author = _verdict_author(t)
    if author in ("", "judge"):
        return ""
    return f"{name_of(t, verdict_turn(author))} judged instead of {name_of(t, verdict_turn('judge'))}, which failed."


def scores_card(t: Transcript) -> str:
    """Return a line a debater, best first, and where the judge chose another; "" before there are scores."""
    scores = latest_scores(t)
    if scores is None:
        return ""
    names = _names_by_alias(t)
    lines = [
        f"- **{names[debater]}** {scores.mean(debater):.1f}: "
        + ", ".join(f"{criterion} {mark:g}" for criterion, mark in scores.marks[debater].items())
        for debater in _debaters_by_mean(scores)
    ]
    if scores.winner and scores.winner not in scores.highest:
        highest = join_names([names[best] for best in scores.highest])
        lines += ["", f"{highest} scored highest, yet the judge chose {names[scores.winner]}."]
    return "\n".join(lines)


def ask_judge(t: Transcript, turn: TurnId) -> Ask:
    """Ask for personas, whether to go on, the verdict or the scores; `t`: the transcript at the turn's start.

    Each ask begins as those before it did, with the debate so far.
    """
    said = debate_parts(t, turn, _debate_turns(t))
    known = [instruction_part(t, turn, "debate.bench"), *question_parts(t, turn), *said]
    known = with_breakpoint(known, len(known))
    if turn.stage == "cast":
        unnamed = aliases_to_cast(t)
        return Ask((*known, task_part(t, turn, "debate.cast", names=", ".join(unnamed))), casting_schema(unnamed))
    if turn.stage == "check":
        return Ask((*known, task_part(t, turn, "debate.check")), check_schema())
    if turn.stage == "verdict":
        task = task_part(t, turn, "debate.judge")
        return Ask((*known, *search_parts(t, turn), *remark_parts(t, turn), task))
    names, criteria = scorable_debaters(t), debate_rules(t).criteria
    task = task_part(
        t, turn, "debate.scores", criteria=", ".join(criteria), names=", ".join(names), least=str(LEAST), most=str(MOST)
    )
    reasoning = [
        Part("assistant", s.text, priority=70, cut="tail") for s in turns_with_text(t, [verdict_turn(turn.seat)])
    ]
    wish = Part("user", f"Score {', '.join(names)} now.{_correction(t, turn)}", priority=95)
    return Ask((*known, *reasoning, task, wish), scores_schema(names, criteria))


def _judging_start_seq(t: Transcript) -> float:
    """Return the `seq` of the fact that began the judging; infinity where it has not begun."""
    return min((turn.started.seq for i, turn in t.turns.items() if i.stage == "verdict"), default=inf)


def _names_by_alias(t: Transcript) -> dict[str, str]:
    """Return the names by which people know debaters now, by alias."""
    return {alias(t, s.key): display_name(t, s.key) for s in t.started.panel.seats}


def _debate_turns(t: Transcript) -> list[Turn]:
    return turns_with_text(t, [turn for step in all_steps(t) for turn in step])


def _latest_ask(t: Transcript, turn: TurnId) -> Turn | None:
    return next((t.turns[i] for i in reversed(tuple(t.turns)) if i.lane == turn.lane), None)


def _has_failed(t: Transcript, turn: TurnId) -> bool:
    """Return whether a turn was to speak and could not; a turn that people skipped has not failed."""
    known = _latest_ask(t, turn)
    if known is None or known.ended is None:
        return False
    empty = known.ended.finish in WRITTEN and not known.ended.text.strip()
    return known.ended.finish == "failed" or empty


def _verdict_author(t: Transcript) -> str:
    """Return the seat whose verdict counts; "" where nobody left one.

    That is the first that did not fail, else the first that left any text.
    """
    left = [judge for judge in possible_judges(t) if turns_with_text(t, [verdict_turn(judge)])]
    return next((judge for judge in left if not _has_failed(t, verdict_turn(judge))), next(iter(left), ""))


def _needs_scores(t: Transcript) -> bool:
    """Return whether there is a verdict that was heard out, and somebody to score by it."""
    known = _latest_ask(t, verdict_turn(_verdict_author(t)))
    heard_out = known is not None and known.ended is not None and known.ended.finish in WRITTEN
    return heard_out and bool(debate_rules(t).criteria) and bool(scorable_debaters(t))


def _silence_reason(t: Transcript) -> str:
    """Return why there is no verdict at all."""
    known = _latest_ask(t, verdict_turn("judge"))
    if known is None or not _has_failed(t, known.id):
        return "the judge did not speak."
    reason = failure_text(t, known.ended.failure) if known.ended and known.ended.failure else "it said nothing"
    if len(possible_judges(t)) > 1:
        return f"neither judge nor chair could speak ({reason})."
    return f"the judge failed ({reason}), and nobody at this table but the debaters could judge instead."


def _needs_mending(t: Transcript, scores: TurnId) -> bool:
    """Return whether a reply came and cannot be read. A judge that failed has been tried again already."""
    known = t.turns.get(scores)
    return bool(known and known.ended and known.ended.finish in WRITTEN and _problem_of(t, known))


def _problem_of(t: Transcript, reply: Turn) -> str:
    try:
        read_scores(reply.text, scorable_debaters(t), debate_rules(t).criteria)
    except NotScored as error:
        return str(error)
    return ""


def _correction(t: Transcript, turn: TurnId) -> str:
    before = t.turns.get(turn._replace(ask=turn.ask - 1))
    problem = _problem_of(t, before) if before else ""
    return f" Your last reply could not be used: {problem}." if problem else ""


def _list_means(scores: Scores, names: Mapping[str, str]) -> str:
    """List the mean scores, best first; all at once where they are the same."""
    ranked = [(names[debater], f"{scores.mean(debater):.1f}") for debater in _debaters_by_mean(scores)]
    if len(ranked) > 1 and len({mean for _, mean in ranked}) == 1:
        return f"{'both' if len(ranked) == 2 else 'all'} scored {ranked[0][1]}"
    return f"scores: {', '.join(f'{name} {mean}' for name, mean in ranked)}"


def _debaters_by_mean(scores: Scores) -> list[str]:
    return sorted(scores.marks, key=scores.mean, reverse=True)
