"""The card of a run: safe whatever was written, within its edges, and only once nothing is hidden any more."""

from __future__ import annotations

import struct
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.facts import CaughtUp, RunFinished, VoteCast
from bot.domain.run import format_noun
from bot.errors import Refused
from bot.formats import FORMATS
from bot.records.card import HEIGHT, MARGIN, draw_card, wrap_lines
from tests.support.histories import play_history
from tests.support.transcripts import Play, make_start

LATER = 1e6
HOSTILE = "</text><script>alert(1)</script> & \x00 \u202e \ud800 " + "日本語" * 200 + "x" * 2_000


def play_council(question: str = "Tabs or spaces?", *, people: str = "bob") -> Play:
    """Play a council that ranks Ada first, and three people who vote for another."""
    play = Play(replace(make_start("council"), question=question)).play_stage(lambda turn: f"{turn.seat} speaks")
    for turn in play.start_wanted():
        letters = [answer.seat for answer in play.t.turns[turn].about]
        order = sorted(letters, key=lambda seat: (seat != "ada", seat))
        lines = [f"{n}. {'ABC'[letters.index(seat)]}" for n, seat in enumerate(order, 1)]
        play.end_turn(turn, "\n".join(["FINAL RANKING:", *lines]))
    play.play_stage(lambda turn: f"**All** in all: {question}")
    play.record(*(VoteCast(f"p{n}", 1, people) for n in range(3)))
    return play.record(RunFinished(play.plan.outcome), CaughtUp())


def read_lines(svg: str) -> list[tuple[float, str]]:
    """Return the lines of a card, each with where it stands."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [(float(line.attrib["y"]), line.text or "") for line in texts]


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_has_a_card(form: str) -> None:
    play = play_history(form, 3)
    lines = read_lines(draw_card(play.t, "r1", play.t.at + LATER))
    assert lines[0][1].startswith(f"{format_noun(form).capitalize()} of ")
    assert lines[-1][1].endswith("run r1")


def test_it_says_what_the_models_and_what_people_preferred() -> None:
    card = " ".join(line for _, line in read_lines(draw_card(play_council().t, "r1", LATER)))
    assert "Tabs or spaces?" in card
    assert "The models said Ada, you said Bob." in card
    assert "The models and you said Ada." in draw_card(play_council(people="ada").t, "r1", LATER)


def test_whatever_was_written_is_text_within_the_edges() -> None:
    svg = draw_card(play_council(HOSTILE).t, "r1", LATER)
    assert "<script" not in svg
    places = [y for y, _ in read_lines(svg)]
    assert places == sorted(places)
    assert places[-2] < HEIGHT - 2 * MARGIN + 1


def test_a_run_that_goes_on_has_none() -> None:
    with pytest.raises(Refused, match="once the run and its vote are over"):
        draw_card(Play(make_start("compare")).play_stage().t, "r1", LATER)


@given(st.text(max_size=80), st.integers(4, 30), st.integers(1, 5))
def test_lines_are_as_long_and_as_many_as_they_may(text: str, columns: int, most: int) -> None:
    lines = wrap_lines(text, columns, most)
    assert len(lines) <= most
    assert all(line.strip() for line in lines)
    if len(lines) < most:
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_it_is_drawn_as_a_picture() -> None:
    picture = pytest.importorskip("bot.records.card_picture", reason="the extra cards is not installed")
    png = picture.to_png(draw_card(play_council(HOSTILE).t, "r1", LATER))
    assert struct.unpack(">II", png[16:24]) == (1_080, 1_350)
