"""Runs that do not begin, since what must be read is too long for a seat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.actions.windows import check_windows
from bot.domain.facts import RunStarted
from bot.errors import Refused
from bot.formats import FORMATS
from bot.models.catalogue import Model
from tests.support.transcripts import make_start


def start(form: str, question: str, bobs_window: int | None) -> RunStarted:
    begun = make_start(form)
    seats = tuple(replace(s, window=bobs_window if s.key == "bob" else 200_000) for s in begun.panel.seats)
    return replace(begun, question=question, panel=replace(begun.panel, seats=seats))


def models(begun: RunStarted) -> dict[str, Model]:
    return {seat.model: Model(seat.model, "openai/gpt-4o", seat.name, "p") for seat in begun.panel.everyone()}


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("pipeline", "differences")])
def test_a_seat_that_cannot_read_the_question_is_named_with_numbers(form: str) -> None:
    begun = start(form, "word " * 4_000, 4_096)
    if form == "summary":  # its one seat is the panel's first
        begun = replace(begun, panel=replace(begun.panel, seats=begun.panel.seats[1:]))
    with pytest.raises(Refused) as refused:
        check_windows(begun, models(begun))
    told = str(refused.value)
    assert told.startswith("This is too long for Bob: what must be read takes 4,")
    assert told.endswith(
        "the model reads 4,096, of which 1,024 are kept for its answer. Ask something shorter, or leave Bob out."
    )


@pytest.mark.parametrize("window", [None, 16_000])
@pytest.mark.parametrize("form", FORMATS)
def test_other_runs_begin(form: str, window: int | None) -> None:
    begun = start(form, "word " * 4_000, window)
    check_windows(begun, models(begun))


def test_what_may_be_cut_refuses_nobody() -> None:
    begun = replace(start("debate", "Why?", 4_096), context="word " * 9_000)
    check_windows(begun, models(begun))
