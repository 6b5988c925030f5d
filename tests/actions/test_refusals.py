"""What one person is refused is counted: whoever goes on regardless is refused before any work."""

from __future__ import annotations

import pytest

from bot.actions.quota import ENOUGH, MAX_REFUSALS, MAX_REFUSED_PEOPLE, REFUSALS_S, RefusalCount
from bot.errors import Refused
from tests.support.clocks import ManualClock


def refuse(count: RefusalCount, person: str = "p") -> str:
    """Ask for what is refused, and return what one is told."""
    with pytest.raises(Refused) as caught, count.watch(person):
        raise Refused("There is no such panel.")
    return str(caught.value)


def test_too_many_refusals_are_answered_before_any_work() -> None:
    clock = ManualClock()
    count = RefusalCount(clock)
    assert {refuse(count) for _ in range(MAX_REFUSALS)} == {"There is no such panel."}
    assert refuse(count) == ENOUGH
    assert refuse(count, "another person") == "There is no such panel."
    clock.now = REFUSALS_S
    assert refuse(count) == "There is no such panel."


def test_what_is_not_refused_does_not_count() -> None:
    count = RefusalCount(ManualClock())
    for _ in range(10 * MAX_REFUSALS):
        with count.watch("p"):
            pass
    assert refuse(count) == "There is no such panel."


def test_few_people_are_remembered() -> None:
    count = RefusalCount(ManualClock())
    for person in range(2 * MAX_REFUSED_PEOPLE):
        refuse(count, str(person))
    assert len(count._times) == MAX_REFUSED_PEOPLE
