"""A search of the web beside a run's first answers: when it runs, what waits for it, and what the others read of it.

It is a turn of the searcher's, so that it is shown, skipped, tried again, paid for and resumed like any other. Where
the run is to find out by itself whether to search, the chair is asked first, by a schema. Nothing in a run depends on
what comes of either: what waits for them waits for a bounded time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from string import Template

from bot.domain.asks import Ask, JsonSchema, Part
from bot.domain.facts import Claimed
from bot.domain.run import ASIDE, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import (
    Planning,
    asks,
    at_start,
    code,
    framed,
    instructions,
    name_of,
    question,
    settled,
    spoken,
    still_open,
    wants,
    why,
)
from bot.formats.json_replies import objects
from bot.formats.plan import Plan

PROMPTS = ("search.query", "search.find", "search.found", "search.again")
QUERY, SEARCH = TurnId("search query", 1, "chair"), TurnId("web search", 1, "searcher")
FIRST = frozenset({"answer", "cast", "opening", "argument"})  # stages in whose round 1 nobody was heard before
ANSWER = "answer"  # the stage whose turns may be asked to look again
QUERY_CHARS = 300  # of what is searched for; search providers refuse longer ones (Tavily: 400)


def searched(plan: Planning) -> Planning:
    """The plan of a format where the web may be searched: what comes first runs beside that, all else waits for it."""

    @wraps(plan)
    def planned(t: Transcript, now: float) -> Plan:
        made = plan(t, now)
        if t.started.rules.search == "off":
            return made
        made = _told(t, made)
        return made if t.stopped or made.outcome == "failed" else _with_search(t, made, now)

    return planned


def _with_search(t: Transcript, made: Plan, now: float) -> Plan:
    until = _waits_until(t)
    open_ = _open(t)
    awaited = bool(open_) and now < until
    gone_on = any(not _is_first(i) and i.stage not in ASIDE for i in t.turns)
    looks = () if gone_on else _second_looks(t)
    if made.outcome and not awaited:
        open_ = ()  # nobody is left to read it
    if not awaited and not looks:
        return replace(made, wanted=(*wants(open_), *made.wanted))
    going = tuple(w for w in made.wanted if _is_first(w.turn) or w.turn in t.turns)
    moments = [at for at in (made.again_at, until if awaited else None) if at is not None]
    return replace(
        made,
        wanted=(*wants(open_), *going, *(w for w in wants(looks) if w not in going)),
        outcome="",
        stage=made.stage if going else "looking again" if looks else "searching the web",
        again_at=min(moments, default=None),
    )


def ask(t: Transcript, turn: TurnId) -> Ask:
    """What the chair is asked of a search, and what the searcher is."""
    t = at_start(t, turn)
    if turn.stage == QUERY.stage:
        return Ask((instructions(t, turn, "search.query"), *question(t, turn)), schema())
    sought = Part("user", framed("what to search for", query(t), code(t, turn)), priority=90)
    return Ask((instructions(t, turn, "search.find"), sought), query=query(t))


def found(t: Transcript, turn: TurnId) -> list[Part]:
    """What the search had found when the turn began, for that turn to read. `t`: as it was then.

    Who answers for the first time reads nothing of it, or those who are late would know more than the others; who
    has answered reads that answer as well.
    """
    results = _results(t)
    before = spoken(t, [turn._replace(ask=1)]) if turn.stage == ANSWER and _look_again(t) else []
    if results is None or (_is_first(turn) and not before):
        return []
    prompts, mark = t.started.prompts, code(t, turn)
    told = Template(prompts["search.found"]).safe_substitute(code=mark).strip()
    material = Part("user", f"{told}\n{framed('search results', results.text, mark)}", priority=45, cut="tail")
    if not before:
        return [material]
    own = Part("assistant", before[0].text, priority=55, cut="tail")
    return [own, material, Part("user", prompts["search.again"].strip(), priority=95)]


def _results(t: Transcript) -> Turn | None:
    """The search that found something. What a failed one has left names no pages."""
    said = spoken(t, [SEARCH])
    return said[0] if said and said[0].ended and said[0].ended.finish in ("done", "length") else None


def query(t: Transcript) -> str:
    """What is searched for, in one line; "" where nothing is, or not yet."""
    if t.started.rules.search == "on":
        return _line(t.started.question)
    return read(spoken(t, [QUERY])[0].text) if spoken(t, [QUERY]) else ""


def schema() -> JsonSchema:
    sought = {"type": "string", "description": "what to search for, or nothing where no search is needed"}
    return {
        "type": "object",
        "properties": {"query": sought},
        "required": ["query"],
        "additionalProperties": False,
    }


def read(text: str) -> str:
    """The query that the last object names; "" where none does. Never raises."""
    named = [reply["query"] for reply in objects(text) if isinstance(reply.get("query"), str)]
    return _line(named[-1]) if named else ""


def _line(text: str) -> str:
    """In one line, cut at a word."""
    words = " ".join(text.split())
    return words if len(words) <= QUERY_CHARS else words[: QUERY_CHARS + 1].rpartition(" ")[0] or words[:QUERY_CHARS]


def _open(t: Transcript) -> tuple[TurnId, ...]:
    """The turn of the search that should be running."""
    if t.started.rules.search == "auto" and not settled(t, QUERY):
        return (QUERY,)
    return still_open(t, [SEARCH]) or () if query(t) else ()


def _is_first(turn: TurnId) -> bool:
    return turn.round == 1 and turn.stage in FIRST


def _waits_until(t: Transcript) -> float:
    """Wall time from which on nothing waits for the search. A claim restarts it, as it does a grace time."""
    claimed = max((e.at for e in t.entries if isinstance(e.fact, Claimed)), default=0.0)
    return max(t.entries[0].at, claimed) + t.started.rules.search_wait_s


def _second_looks(t: Transcript) -> tuple[TurnId, ...]:
    """Those who are to answer once more with what was found, each as soon as both are there."""
    if not _look_again(t) or _results(t) is None:
        return ()
    firsts = [TurnId(ANSWER, 1, seat.key) for seat in t.started.panel.seats]
    looks = [_look(t, said.id) for first in firsts for said in spoken(t, [first])]
    return tuple(i for i in looks if not settled(t, i))


def _look_again(t: Transcript) -> bool:
    """Whether answers are given a second time; where nothing follows them, a search would be in vain without."""
    rules = t.started.rules
    return rules.look_again or t.started.format == "compare" or rules.mode == "answers"


def _look(t: Transcript, said: TurnId) -> TurnId:
    """A seat's second look: the ask that nobody's wish to retry has made."""
    first = said._replace(ask=1)
    known = next((i for i in asks(t, first)[1:] if i not in t.retries), None)
    return known or said._replace(ask=asks(t, said)[-1].ask + 1)


def _told(t: Transcript, made: Plan) -> Plan:
    """The plan with what people read of the search."""
    total = made.total + (1 if t.started.rules.search == "on" else 2) if made.total else 0
    return replace(
        made,
        total=total,
        titles={SEARCH.lane: f"Web search · {name_of(t, SEARCH)}", **made.titles},
        unstreamed_stages=made.unstreamed_stages | {QUERY.stage},
        warnings=(*made.warnings, *_failures(t)),
    )


def _failures(t: Transcript) -> list[str]:
    heard = {QUERY: bool(spoken(t, [QUERY])), SEARCH: _results(t) is not None}
    ended = [turn for i in heard if (turn := t.turns.get(i)) and turn.ended and not heard[i]]
    return [f"{name_of(t, turn.id)}'s {turn.id.stage} came to nothing: {why(t, turn)}" for turn in ended]
