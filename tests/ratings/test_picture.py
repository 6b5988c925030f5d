"""The picture of a leaderboard: a PNG for a phone, whatever models are called."""

from __future__ import annotations

import struct

import pytest

from bot.ratings.leaderboard import Leaderboard
from bot.ratings.picture import MOST, NAME_COLUMNS, draw_leaderboard, shorten_name
from bot.ratings.ratings import Rating
from bot.ratings.tally import Tally

ODD = ("$\\frac{1}{", "a\nb", "\\", "日本語の長い名前のモデルですから切られます", "x" * 500, "", "<svg>", "👍", "\0")


def make_board(*names: str) -> Leaderboard:
    ratings = [Rating(name, 1_000.0 - n, 900.0 - n, 1_100.0 - n, 20, 0.5, 1.5) for n, name in enumerate(names)]
    return Leaderboard(Tally(), ratings)


def read_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)


def test_it_is_as_wide_as_a_phone_and_no_higher_than_its_rows_need() -> None:
    few, many, more = (read_size(draw_leaderboard(make_board(*map(str, range(n))), [])) for n in (3, MOST, 200))
    assert few[0] == many[0] == 1_080
    assert few[1] < many[1] == more[1] < 2.2 * 1_080


@pytest.mark.filterwarnings("ignore:Glyph")  # of a script for which this machine has no font
def test_names_are_drawn_as_they_are_and_take_their_room() -> None:
    read_size(draw_leaderboard(make_board(*ODD), ["$note$ {x} " * 30]))
    assert [len(shorten_name(name)) for name in ("Ada", "x" * 500)] == [3, NAME_COLUMNS]
    assert shorten_name(ODD[3]).endswith("…")
