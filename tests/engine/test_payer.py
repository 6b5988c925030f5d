"""Who pays for a turn, and for whom a share of the run's limit is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.run import Mode, TurnId
from bot.domain.transcript import Entry, Transcript, fold
from bot.engine.draft import find_payer
from bot.formats import FORMATS
from tests.support.transcripts import make_start


@pytest.mark.parametrize(
    ("form", "mode", "stage", "seat"),
    [
        ("council", "full", "answer", "chair"),
        ("council", "full", "synthesis", None),  # the chair itself
        ("council", "ranking", "answer", None),  # nobody sums up
        ("council", "answers", "answer", None),
        ("debate", "full", "argument", "judge"),
        ("debate", "full", "verdict", None),
        ("compare", "full", "answer", None),
    ],
)
def test_a_share_is_kept_for_whoever_will_say_the_outcome(form: str, mode: Mode, stage: str, seat: str | None) -> None:
    start = make_start(form)
    start = replace(start, by="ann", server="discord:1", rules=replace(start.rules, mode=mode))
    t = fold(Transcript(), Entry(1, 0.0, start))
    payer = find_payer("r", t, TurnId(stage, 1, "ada"), FORMATS[form].plan(t, 1.0))
    assert payer[:4] == ("r", "ann", "discord:1", form)
    assert (payer.chair and payer.chair.key) == seat
