"""A run played through before it starts has the turns that the real one has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.formats.cost import list_costs, start_runs
from bot.domain.asks import Ask
from bot.domain.run import DebateRules, Form, Next, TurnId
from bot.formats.rehearsal import fill_schema, rehearse
from tests.support.transcripts import make_seat, make_start


def write(turn: TurnId, ask: Ask) -> str:
    return fill_schema(ask.schema, "some words") if ask.schema else "words"


@pytest.mark.parametrize("nth", range(8))
def test_it_has_the_turns_of_a_run_in_which_nothing_fails(nth: int) -> None:
    (_, begun), cost = list(zip(start_runs(), list_costs(), strict=True))[nth]
    played = list(rehearse(begun, write))
    assert len(played) == cost["calls"]
    assert {p.turn.ask for p in played} == {1}  # whatever is asked for by a schema can be read


@pytest.mark.parametrize("form", ["simultaneous", "turns", "oxford", "advocate", "free"])
@pytest.mark.parametrize("next_", ["at once", "vote"])
def test_every_round_of_a_debate_is_held(form: Form, next_: Next) -> None:
    begun = make_start("debate", seats=["ada", "bob"], rounds=4)
    rules = replace(begun.rules, debating=DebateRules(form=form, next=next_, cast=True))
    stages = [p.turn.stage for p in rehearse(replace(begun, rules=rules), write)]
    assert stages[0] == "cast"
    assert stages[-2:] == ["verdict", "scores"]
    assert stages.count("check") == 3
    assert len(stages) == 1 + 4 * 2 + 3 + 2


def test_a_search_is_held_where_a_model_decides_on_it() -> None:
    begun = make_start("council", seats=["ada", "bob", "cyd"])
    panel = replace(begun.panel, searcher=make_seat("searcher"))
    rules = replace(begun.rules, search="auto", search_wait_s=20.0)
    played = list(rehearse(replace(begun, panel=panel, rules=rules), write))
    assert [p.turn.stage for p in played].count("web search") == 1
    review = next(p for p in played if p.turn.stage == "review")
    assert "search results" in "".join(part.text for part in review.ask.parts)
