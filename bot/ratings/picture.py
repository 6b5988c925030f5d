"""A leaderboard as a picture for a phone: ratings with their intervals, best first. By matplotlib, an extra."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import wcwidth
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from bot.ratings.leaderboard import Leaderboard
from bot.ratings.ratings import Rating

WIDTH_IN, DPI = 7.2, 150  # 1,080 pixels, on which a letter of 14 points is as high as a phone's own
ROW_IN, HEAD_IN, LINE_IN = 0.46, 1.0, 0.27
NAME_COLUMNS, NOTE_CHARS = 26, 72
MOST = 20  # models; a higher picture is scrolled, and its letters are small where it is shown whole
INK, SOFT, ACCENT = "#1c1c1e", "#5b5b66", "#2456c7"
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Arabic")  # as far as they are installed


def draw_leaderboard(board: Leaderboard, notes: Sequence[str]) -> bytes:
    """Return a PNG of the best models of a leaderboard, with `notes` below. Takes a second."""
    shown = board.ratings[:MOST]
    lines = [line for note in notes for line in textwrap.wrap(_as_line(note), NOTE_CHARS)]
    height = HEAD_IN + ROW_IN * len(shown) + 0.7 + LINE_IN * len(lines)
    figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, facecolor="white")
    low = (0.7 + LINE_IN * len(lines)) / height
    axes = figure.add_axes((0.46, low, 0.50, ROW_IN * len(shown) / height))
    for place, rating in enumerate(shown):
        _draw_row(axes, board, place, rating)
    _style(axes, len(shown))
    style: dict[str, Any] = {"family": _list_fonts(), "parse_math": False}
    figure.text(0.04, 1 - 0.45 / height, "Models by people's votes", size=19, weight="bold", color=INK, **style)
    more = f"{len(shown)} of {len(board.ratings)} models · " if len(shown) < len(board.ratings) else ""
    head = f"{more}rating, and the interval that holds it in 95 % of resamples"
    figure.text(0.04, 1 - 0.78 / height, head, size=12, color=SOFT, **style)
    for n, line in enumerate(reversed(lines)):
        figure.text(0.04, (0.15 + LINE_IN * n) / height, line, size=12, color=SOFT, **style)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return drawn.getvalue()


def _draw_row(axes: Any, board: Leaderboard, place: int, rating: Rating) -> None:
    axes.plot((rating.low, rating.high), (place, place), color=ACCENT, linewidth=3.5, solid_capstyle="butt", alpha=0.45)
    axes.plot((rating.points,), (place,), "o", color=ACCENT, markersize=9)
    axes.annotate(
        f"{place + 1}. {shorten_name(board.name(rating.model))}",
        (-0.03, place),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        size=12.5,
        color=INK,
        family=_list_fonts(),
        parse_math=False,
    )
    axes.annotate(
        f"{rating.points:,.0f}",
        (rating.points, place),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        size=11,
        color=INK,
    )


def _style(axes: Any, rows: int) -> None:
    axes.set_ylim(rows - 0.4, -0.7)
    axes.set_yticks([])
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(axis="x", labelsize=11, colors=SOFT)
    axes.grid(axis="x", color="#e4e4ea")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c9c9d2")


def _list_fonts() -> list[str]:
    installed = set(fontManager.get_font_names())
    return [name for name in FONTS if name in installed]


def shorten_name(name: str) -> str:
    """Return a name in as many columns as stand beside its row; a sign of East Asia takes two."""
    line = _as_line(name)[:100]
    while wcwidth.wcswidth(line) > NAME_COLUMNS:
        line = f"{line[:-2]}…"
    return line


def _as_line(text: str) -> str:
    return " ".join(text.split())
