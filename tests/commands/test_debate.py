"""The options of /debate as people type them, and the debate they make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bot.actions.permissions import Person
from bot.actions.request import RunRequest, follow_up, rerun
from bot.domain.run import SIDES, DebateRules
from bot.errors import Refused
from commands.command import Here, RunOptions
from commands.debate import COMMAND, DebateOptions
from tests.support.debates import make_debate


def make_request(**typed: Any) -> RunRequest:
    def refuse_to_start(run: str, question: str) -> Any:
        raise AssertionError("nothing is started here")

    return DebateOptions(question="Tea?", **typed).make_request("debate", Here(Person("p", "Pat"), refuse_to_start))


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ({}, DebateRules()),
        ({"form": " Oxford "}, DebateRules("oxford")),
        ({"positions": "tea; coffee, black"}, DebateRules(positions=("tea", "coffee, black"))),
        ({"positions": "tea, coffee,"}, DebateRules(positions=("tea", "coffee"))),
        ({"positions": "tea\ncoffee\n"}, DebateRules(positions=("tea", "coffee"))),
        ({"positions": "Assigned"}, DebateRules(positions=SIDES)),
        ({"personas": "Auto"}, DebateRules(cast=True)),
        ({"early": "no"}, DebateRules(watch=False)),
    ],
)
def test_a_debate_is_held_as_it_was_typed(typed: dict[str, Any], held: DebateRules) -> None:
    assert make_request(**typed).debating == held


def test_personas_in_words_go_to_their_seats() -> None:
    asked = make_request(models="a,b", personas="skeptic,a nurse")
    assert asked.seats is not None
    assert [s.persona for s in asked.seats.seats] == ["skeptic", "a nurse"]
    auto = make_request(models="a,b", personas="auto").seats
    assert auto is not None
    assert [s.persona for s in auto.seats] == ["", ""]
    with pytest.raises(Refused, match="name these as well"):
        make_request(personas="skeptic,a nurse")


def test_a_debate_again_is_held_alike_and_a_follow_up_without_the_old_positions() -> None:
    held = DebateRules("oxford", SIDES, cast=True, watch=False)
    t = make_debate(form="oxford", positions=SIDES, cast=True, watch=False).t
    assert rerun(t, Person("p", "Pat")).debating == held
    assert follow_up(t, [], "And coffee?", Person("p", "Pat")).debating == replace(held, positions=())


def test_a_form_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError):
        DebateOptions.model_validate({"question": "Tea?", "form": "lincoln"})


def test_the_form_behind_more_has_every_option_but_the_panel() -> None:
    assert sorted(DebateOptions.FORM) == sorted(set(DebateOptions.model_fields) - {"panel"})
    assert sorted(RunOptions.FORM) == sorted(set(RunOptions.model_fields) - {"panel"})
    assert COMMAND.options is DebateOptions
