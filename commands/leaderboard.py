"""The command /moot leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bot.actions.actions import Actions
from bot.text import as_text
from commands.command import Answer, BarChart, Command, DataTable, Here, Options, Told, option

if TYPE_CHECKING:  # they import the libraries of an extra
    from bot.ratings.leaderboard import Leaderboard
    from bot.ratings.ratings import Rating

MAX_LINES = 10  # of a list; more is scrolled past on a phone
MAX_LINES_DRAWN = 50  # of a table that a platform draws, page by page
TABLE_HEADER = ("place", "model", "rating", "95 % interval", "votes", "win rate", "mean rank")

RatedFormat = Literal["council", "debate", "compare"]


class LeaderboardOptions(Options):
    panel: str = option("", "of runs with models of this panel alone", suggest="panels")
    format: RatedFormat | None = option(None, "of one format")
    days: int | None = option(None, "of so many of the latest days; all that is kept where left out", ge=1, le=365)


async def _rank(actions: Actions, options: LeaderboardOptions, here: Here) -> Answer:
    board = await actions.leaderboards.read(
        here.by, here.may_see, panel=options.panel, form=options.format or "", days=options.days
    )
    notes = " ".join([board.tally.describe(), *board.list_caveats()])
    picture = await actions.leaderboards.draw(board)
    return Told(
        f"{_render_lines(board)}\n\n{notes}",
        ("moot-leaderboard.png", picture) if picture else None,
        lead=notes,
        charts=[_make_chart(board)],
        tables=[_make_table(board)],
    )


def _render_lines(board: Leaderboard) -> str:
    """Write the ratings as a list, which a phone shows as well."""
    lines = [_render_line(place, board, rating) for place, rating in enumerate(board.ratings[:MAX_LINES], 1)]
    if left := board.ratings[MAX_LINES:]:
        lines.append(f"- {len(left)} more")
    return "\n".join(["**Models by people's votes**", *lines])


def _render_line(place: int, board: Leaderboard, rating: Rating) -> str:
    _, points, interval, votes, win_rate, _ = _list_cells(board, rating)
    return f"{place}. {as_text(board.name(rating.model))}: {points} ({interval}) · {votes} votes · {win_rate} won"


def _make_table(board: Leaderboard) -> DataTable:
    rows = [(str(place), *_list_cells(board, rating)) for place, rating in enumerate(board.ratings, 1)]
    return DataTable("Models by people's votes", [TABLE_HEADER, *rows[:MAX_LINES_DRAWN]])


def _make_chart(board: Leaderboard) -> BarChart:
    shown = board.ratings[:MAX_LINES]
    ends = {"low end": [r.low for r in shown], "rating": [r.points for r in shown], "high end": [r.high for r in shown]}
    series = {kind: [round(value) for value in values] for kind, values in ends.items()}
    return BarChart("Ratings, with 95 % intervals", "rating", [board.name(r.model) for r in shown], series)


def _list_cells(board: Leaderboard, r: Rating) -> tuple[str, ...]:
    interval = f"{r.low:,.0f} to {r.high:,.0f}"
    return board.name(r.model), f"{r.points:,.0f}", interval, f"{r.votes:,}", f"{r.win_rate:.0%}", f"{r.mean_rank:.2f}"


COMMAND = Command(("moot", "leaderboard"), "Models by people's votes here.", LeaderboardOptions, _rank)
