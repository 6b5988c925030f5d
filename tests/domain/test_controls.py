"""Buttons as text: what a platform keeps with a message must read the same in every version."""

from __future__ import annotations

import pytest

from bot.domain.codec import Unreadable
from bot.domain.controls import (
    About,
    Control,
    ObjectionRef,
    QueryRef,
    RestRef,
    SeatRef,
    Target,
    about_text,
    press_id,
    read_about,
    read_press_id,
    read_target,
)
from bot.domain.run import LaneId, TurnId
from bot.live.changes import message_digest


@pytest.mark.parametrize(
    ("about", "text"),
    [
        (None, ""),
        (SeatRef("ada:2"), "ada:2"),
        (SeatRef("=tie"), "=tie"),
        (TurnId("answer", 1, "ada"), "answer/1/ada"),
        (TurnId("review", 2, "ada", 3), "review/2/ada/3"),
        (TurnId("round", 2, ""), "round/2/"),
        (ObjectionRef(4), "objection/4/"),
        (QueryRef("words=a%2Fb&page=2"), "?words=a%2Fb&page=2"),
        (RestRef(LaneId("answer", 1, "claude"), 3_650), "+3650/answer/1/claude"),
    ],
)
def test_a_button_keeps_what_it_is_about(about: About, text: str) -> None:
    assert about_text(about) == text
    assert read_about(text) == about


def test_text_that_is_about_nothing_known_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_about("answer/ada")


def test_a_press_is_read_back_from_its_text() -> None:
    text = press_id("run", "vote", "ada:2")
    assert text == "moot:run:vote:ada:2"
    assert read_press_id(text) == ("run", "vote", "ada:2")
    assert read_press_id("somebody else's") is None
    assert read_target("run", "ada:2") == Target("run", SeatRef("ada:2"))


def test_a_digest_is_the_same_as_that_of_earlier_versions() -> None:
    skip, vote = Control("skip", "Skip", TurnId("answer", 1, "ada")), Control("vote", "Ada's", SeatRef("ada"))
    assert message_digest("Tea.", ()) == "950067fd8606cdf5"
    assert message_digest("Tea.", (skip,)) == "68fa4f858cf97ce4"
    assert message_digest("Tea.", (skip, vote, Control("stop", "Stop"))) == "ab827b40de7b4a9d"
