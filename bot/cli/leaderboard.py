"""`moot leaderboard`: models by people's votes in stored runs."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.console import CleanConsole, print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.files import write_out
from bot.cli.tables import Rows
from bot.cli.votes import read_imported_votes
from bot.domain.transcript import Transcript, fold_all
from bot.errors import Misconfigured, Refused
from bot.ratings.comparisons import FORMATS_RATED
from bot.ratings.tally import NOT_INSTALLED, Tally
from storage import open_store

if TYPE_CHECKING:  # it imports the libraries of an extra
    from bot.ratings.leaderboard import Leaderboard

MAX_RUNS = 5_000  # the newest; each is read whole


async def show_leaderboard(server: str | None, form: str | None, as_json: bool, picture: Path | None = None) -> int:
    """Print models by people's votes, best first, or draw them into the file `picture`.

    Raises Refused for a format that has no such votes, and Misconfigured where the libraries are not installed.
    """
    if form is not None and form not in FORMATS_RATED:
        raise Refused(f"--format {form}: people vote between answers in {', '.join(sorted(FORMATS_RATED))}.")
    try:
        from bot.ratings.leaderboard import make_leaderboard  # brings pandas: a second, and it may not be there
    except ImportError as error:
        raise Misconfigured(NOT_INSTALLED) from error
    board = make_leaderboard(await _read_stored_votes(server, form))
    if picture is not None and board.ratings:
        write_out(_draw(board), picture, "The leaderboard")
    elif as_json:
        print_plain(json.dumps(_to_json(board)))
    elif board.ratings:
        CleanConsole().print(_render_ratings(board), board.tally.describe(), *board.list_caveats(), sep="\n")
    else:
        print_plain(board.tally.describe_few())
    return OK


async def _read_stored_votes(server: str | None, form: str | None) -> Tally:
    """Return what the newest runs have. What was imported is of no server and no format."""
    tally = Tally()
    async with open_store(load_configuration().storage.location, clock=time.time, read_only=True) as store:
        for row in await store.runs(MAX_RUNS, server):  # newest first
            if form in (None, row.format) and row.format in FORMATS_RATED:
                tally.add_run(fold_all(Transcript(), await store.read(row.run)))
        if server is None and form is None:
            tally.votes += await read_imported_votes(store)
    return tally


def _draw(board: Leaderboard) -> bytes:
    """Return the leaderboard as PNG. Raises Misconfigured where what draws it is not installed."""
    try:
        from bot.ratings.picture import draw_leaderboard  # brings matplotlib, which may not be there
    except ImportError as error:
        raise Misconfigured(
            "The picture needs a library that is not installed: pip install 'moot[leaderboard,charts]'."
        ) from error
    return draw_leaderboard(board, [board.tally.describe()])


def _to_json(board: Leaderboard) -> dict[str, object]:
    free = board.length_free.points if board.length_free else {}
    return {
        "votes": len(board.tally.votes),
        "ratings": [
            {"name": board.name(rating.model), **asdict(rating), "points_without_length": free.get(rating.model)}
            for rating in board.ratings
        ],
        "votes_to_flip": board.flip,
        "longer_wins": asdict(board.lengths) if board.lengths else None,
        "points_per_doubling": board.length_free.per_doubling if board.length_free else None,
        "reviewers": asdict(board.reviewers) if board.reviewers else None,
        "outcomes": {model: asdict(count) for model, count in board.tally.outcomes.items()},
        "trust": [asdict(one) for one in board.trust],
    }


def _render_ratings(board: Leaderboard) -> Rows:
    cells = []
    for place, r in enumerate(board.ratings, 1):
        interval = f"{r.low:,.0f} to {r.high:,.0f}"
        figures = (f"{r.points:,.0f}", interval, f"{r.votes:,}", f"{r.win_rate:.0%}", f"{r.mean_rank:.2f}")
        cells.append([Text(str(place)), Text(board.name(r.model)), *map(Text, figures)])
    return Rows(("", "model", "rating", "95 % interval", "votes", "win rate", "mean rank"), cells)
