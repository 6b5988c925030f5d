"""A search of the web beside a run's first answers: when it runs, which turns wait for it, and which read it.

It is a turn of the searcher's, so that it is shown, skipped, tried again, paid for and resumed like any other. Where
the run is to find out by itself whether to search, the chair is asked first, by a schema. No run depends on the result
of either: turns that wait for them wait for a bounded time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from string import Template

from bot.domain.asks import Ask, JsonSchema, Part
from bot.domain.run import SEARCH_STAGES, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import (
    Planning,
    asks_of,
    failure_reason,
    frame,
    frame_code,
    instruction_part,
    is_settled,
    name_of,
    open_turns,
    question_parts,
    transcript_at_start,
    turns_with_text,
    wants_for,
)
from bot.formats.json_replies import json_objects
from bot.formats.pauses import last_claim_at
from bot.formats.plan import Plan
from bot.formats.time_limits import is_out_of_time

PROMPTS = ("search.query", "search.find", "search.found", "search.again")
QUERY, SEARCH = TurnId("search query", 1, "chair"), TurnId("web search", 1, "searcher")
FIRST = frozenset({"answer", "cast", "opening", "argument"})  # stages in whose round 1 nobody was heard before
ANSWER = "answer"  # the stage whose turns may be asked to look again
QUERY_CHARS = 300  # longest query; search providers refuse longer ones (Tavily: 400)


def with_search(plan: Planning) -> Planning:
    """Let a format's first turns run beside a search of the web, and all others wait for it."""

    @wraps(plan)
    def plan_with_search(t: Transcript, now: float) -> Plan:
        made = plan(t, now)
        if t.started.rules.search == "off":
            return made
        made = _with_messages(t, made)
        return made if t.stopped or made.outcome == "failed" else _with_search(t, made, now)

    return plan_with_search


def _with_search(t: Transcript, made: Plan, now: float) -> Plan:
    until = _waits_until(t)
    open_ = _open_turns(t)
    over = is_out_of_time(t, now)
    awaited = bool(open_) and now < until and not over
    gone_on = over or any(not _is_first(i) and i.stage not in SEARCH_STAGES for i in t.turns)
    looks = () if gone_on else _second_looks(t)
    if made.outcome and not awaited:
        open_ = ()  # no turn is left to read it
    if not awaited and not looks:
        return replace(made, wanted=(*wants_for(open_), *made.wanted))
    going = tuple(w for w in made.wanted if _is_first(w.turn) or w.turn in t.turns)
    moments = [at for at in (made.again_at, until if awaited else None) if at is not None]
    return replace(
        made,
        wanted=(*wants_for(open_), *going, *(w for w in wants_for(looks) if w not in going)),
        outcome="",
        stage=made.stage if going else "looking again" if looks else "searching the web",
        again_at=min(moments, default=None),
    )


def ask_search(t: Transcript, turn: TurnId) -> Ask:
    """Ask the chair what to search for, or the searcher to search."""
    t = transcript_at_start(t, turn)
    if turn.stage == QUERY.stage:
        return Ask((instruction_part(t, turn, "search.query"), *question_parts(t, turn)), query_schema())
    sought = Part("user", frame("what to search for", search_query(t), frame_code(t, turn)), priority=90)
    return Ask((instruction_part(t, turn, "search.find"), sought), query=search_query(t))


def search_parts(t: Transcript, turn: TurnId) -> list[Part]:
    """Return the search results known when the turn began; `t`: the transcript at that time.

    A seat that answers for the first time reads nothing of it, or late seats would know more than the others; one that
    has answered reads that answer as well.
    """
    results = _search_result(t)
    before = turns_with_text(t, [turn._replace(ask=1)]) if turn.stage == ANSWER and _is_answered_twice(t) else []
    if results is None or (_is_first(turn) and not before):
        return []
    prompts, mark = t.started.prompts, frame_code(t, turn)
    prompt = Template(prompts["search.found"]).safe_substitute(code=mark).strip()
    material = Part("user", f"{prompt}\n{frame('search results', results.text, mark)}", priority=45, cut="tail")
    if not before:
        return [material]
    own = Part("assistant", before[0].text, priority=55, cut="tail")
    return [own, material, Part("user", prompts["search.again"].strip(), priority=95)]


def _search_result(t: Transcript) -> Turn | None:
    """Return the turn of a search that came to its end; the text of a failed one names no pages."""
    said = turns_with_text(t, [SEARCH])
    return said[0] if said and said[0].ended and said[0].ended.finish in ("done", "length") else None


def search_query(t: Transcript) -> str:
    """Return the query in one line; "" where nothing is searched for, or not yet."""
    if t.started.rules.search == "on":
        return _one_line(t.started.question)
    return read_query(turns_with_text(t, [QUERY])[0].text) if turns_with_text(t, [QUERY]) else ""


def query_schema() -> JsonSchema:
    sought = {"type": "string", "description": "what to search for, or nothing where no search is needed"}
    return {
        "type": "object",
        "properties": {"query": sought},
        "required": ["query"],
        "additionalProperties": False,
    }


def read_query(text: str) -> str:
    """Read the query that the last object names; "" where none does. Never raises."""
    named = [reply["query"] for reply in json_objects(text) if isinstance(reply.get("query"), str)]
    return _one_line(named[-1]) if named else ""


def _one_line(text: str) -> str:
    """Put a text in one line, cut at a word."""
    words = " ".join(text.split())
    return words if len(words) <= QUERY_CHARS else words[: QUERY_CHARS + 1].rpartition(" ")[0] or words[:QUERY_CHARS]


def _open_turns(t: Transcript) -> tuple[TurnId, ...]:
    """Return the turn of the search that should be running."""
    if t.started.rules.search == "auto" and not is_settled(t, QUERY):
        return (QUERY,)
    return open_turns(t, [SEARCH]) or () if search_query(t) else ()


def _is_first(turn: TurnId) -> bool:
    return turn.round == 1 and turn.stage in FIRST


def _waits_until(t: Transcript) -> float:
    """Return the wall time from which on nothing waits for the search.

    A claim restarts it, as it does a grace time.
    """
    return max(t.entries[0].at, last_claim_at(t)) + t.started.rules.search_wait_s


def _second_looks(t: Transcript) -> tuple[TurnId, ...]:
    """Return the second answers that should be running, each once its first answer and the search are there."""
    if not _is_answered_twice(t) or _search_result(t) is None:
        return ()
    firsts = [TurnId(ANSWER, 1, seat.key) for seat in t.started.panel.seats]
    looks = [_second_look(t, said.id) for first in firsts for said in turns_with_text(t, [first])]
    return tuple(i for i in looks if not is_settled(t, i))


def _is_answered_twice(t: Transcript) -> bool:
    """Return whether answers are given a second time.

    That is so where nothing follows them, since a search would be in vain otherwise.
    """
    rules = t.started.rules
    return rules.look_again or t.started.format == "compare" or rules.mode == "answers"


def _second_look(t: Transcript, said: TurnId) -> TurnId:
    """Return a seat's second look: the ask that comes from no person's retry."""
    first = said._replace(ask=1)
    known = next((i for i in asks_of(t, first)[1:] if i not in t.retries), None)
    return known or said._replace(ask=asks_of(t, said)[-1].ask + 1)


def _with_messages(t: Transcript, made: Plan) -> Plan:
    """Return the plan with what people read of the search."""
    total = made.total + (1 if t.started.rules.search == "on" else 2) if made.total else 0
    return replace(
        made,
        total=total,
        titles={SEARCH.lane: f"Web search · {name_of(t, SEARCH)}", **made.titles},
        unstreamed_stages=made.unstreamed_stages | {QUERY.stage},
        warnings=(*made.warnings, *_failure_lines(t)),
    )


def _failure_lines(t: Transcript) -> list[str]:
    heard = {QUERY: bool(turns_with_text(t, [QUERY])), SEARCH: _search_result(t) is not None}
    ended = [turn for i in heard if (turn := t.turns.get(i)) and turn.ended and not heard[i]]
    return [f"{name_of(t, turn.id)}'s {turn.id.stage} came to nothing: {failure_reason(t, turn)}" for turn in ended]
