"""What a turn keeps while it speaks: its times, and usage with what has come since it was counted last."""

from __future__ import annotations

import pytest

from bot.domain.run import Price, Seat, Timings, TurnId, Usage
from bot.engine.draft import Draft
from bot.formats.plan import Want
from bot.models.deltas import Delta

COUNTED = Usage(10, 20, 5, "estimated")
REPORTED = Usage(10, 20, 5, "reported")


@pytest.mark.parametrize(
    ("deltas", "output"),
    [
        ([Delta(0.0, "words", usage=COUNTED)], 20),
        ([Delta(0.0, usage=COUNTED), Delta(0.1, "w" * 16)], 24),
        ([Delta(0.0, usage=COUNTED), Delta(0.1, "w" * 8, "t" * 8)], 24),
        ([Delta(0.0, usage=COUNTED), Delta(0.1, "w" * 16), Delta(0.2, "w", usage=COUNTED)], 20),
        ([Delta(0.0, usage=REPORTED), Delta(0.1, "w" * 16)], 20),  # whoever reports has told all
        ([Delta(0.0, "w" * 16)], 0),  # nothing was counted yet
    ],
)
def test_the_last_words_are_counted(deltas: list[Delta], output: int) -> None:
    seat = Seat("a", "m", "A", price=Price(0.0, 1_000_000.0, "settings"))
    draft = Draft(Want(TurnId("answer", 1, "a")), seat, None, 0.0, hidden=False)
    for delta in deltas:
        draft.add_delta(delta)
    ended = draft.end(1.0, 1.0, "skipped")
    assert ended.usage.output == output
    assert ended.cost_usd == output


def test_the_time_that_litellm_takes_to_load_is_none_of_the_turn() -> None:
    draft = Draft(Want(TurnId("answer", 1, "a")), Seat("a", "m", "A"), None, 10.0, hidden=False)
    draft.add_delta(Delta(14.0, loaded=True))
    assert draft.describe(18.0) == "thinking"
    draft.add_delta(Delta(15.0, "Tabs."))
    assert draft.end(16.0, 16.0, "done").timings == Timings(2.0, 1.0)
