"""A run as one picture to share, in a phone's proportions: question, outcome, who differed, what people said. SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

import wcwidth

from bot.domain.run import format_noun
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name
from bot.engine.thread import current_plan
from bot.errors import Refused
from bot.formats import FORMATS
from bot.formats.common import last_votes, prose_of
from bot.formats.council.cards import agreement_line
from bot.formats.council.ranking import Standings
from bot.formats.council.reviews import count_standings, current_reviews
from bot.formats.vote_options import vote_names
from bot.live.markdown import clean

WIDTH, HEIGHT, MARGIN = 1_080, 1_350, 84  # pixels
FONTS = "Inter, 'Noto Sans', 'DejaVu Sans', 'Liberation Sans', 'Noto Sans CJK SC', 'Noto Color Emoji', sans-serif"
PAPER, INK, SOFT, ACCENT = "#faf8f3", "#1c1c1e", "#5b5b66", "#2456c7"
LEADING = 1.32  # of a line, in its size
COLUMN = 0.62  # of a letter's width, in its size; a sign of two columns is as wide as it is high at most


class CardText(NamedTuple):
    """A text of the card, in lines of one look. `size`: pixels; `most`: lines that are shown; `gap`: pixels above."""

    text: str
    size: int
    most: int
    gap: int
    colour: str = INK
    bold: bool = False


def draw_card(t: Transcript, run: str, now: float) -> str:
    """Draw the card of a run that is over. Raises Refused before, and while something is hidden."""
    plan = current_plan(t, FORMATS[t.started.format], now)
    if t.finished is None or plan.hidden_lanes or plan.voting:
        raise Refused("The card is drawn once the run and its vote are over, and nothing of it is hidden.")
    seats = ", ".join(display_name(t, seat.key) for seat in t.started.panel.seats)
    standings = count_standings(t, current_reviews(t, again=False, may_begin=False))
    when = datetime.fromtimestamp(t.entries[0].at, UTC)
    blocks = (
        CardText(f"{format_noun(t.started.format).capitalize()} of {seats}", 34, 2, 0, SOFT),
        CardText(t.started.question, 58, 6, 30, bold=True),
        CardText(plan.verdict, 40, 8, 56),
        CardText(agreement_line(t, standings), 34, 3, 36, SOFT),
        CardText(_compare_choices(t, standings), 42, 3, 48, ACCENT, bold=True),
    )
    lines = "".join(_place_blocks([block for block in blocks if block.text]))
    foot = _write_line(f"Moot · {when:%d %B %Y} · run {run}", 30, HEIGHT - MARGIN, SOFT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="{FONTS}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/><rect width="{WIDTH}" height="18" fill="{ACCENT}"/>'
        f"{lines}{foot}</svg>"
    )


def _compare_choices(t: Transcript, standings: Standings) -> str:
    """Say whom the models put first and whom people; "" where people have not voted."""
    counts = Counter(last_votes(t).values())
    most = max(counts.values(), default=0)
    first = [seat for seat, count in counts.items() if count == most]
    if not first:
        return ""
    yours = vote_names(t)[first[0]] if len(first) == 1 else "several alike"
    if standings.top is None:
        return f"You said {yours}."
    models = display_name(t, standings.top)
    agree = [standings.top] == first
    return f"The models and you said {models}." if agree else f"The models said {models}, you said {yours}."


def _place_blocks(blocks: Sequence[CardText]) -> Iterator[str]:
    """Yield the lines of blocks from the top, as far as there is room above the foot."""
    y = float(MARGIN)
    for block in blocks:
        y += block.gap
        for line in wrap_lines(_to_plain(block.text), (WIDTH - 2 * MARGIN) / (block.size * COLUMN), block.most):
            y += block.size * LEADING
            if y < HEIGHT - 2 * MARGIN:
                yield _write_line(line, block.size, y, block.colour, bold=block.bold)


def _write_line(text: str, size: int, y: float, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{MARGIN}" y="{y:.0f}" font-size="{size}" fill="{colour}"{weight}>{escape(text)}</text>'


def wrap_lines(text: str, columns: float, most: int) -> list[str]:
    """Return a text in lines of at most so many columns, at most so many of them; what is left out is marked."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if _measure(joined) <= columns:
            lines[-1] = joined
            continue
        for letter in f"{word} " if _measure(word) > columns else (word,):
            if _measure(lines[-1] + letter) > columns or len(letter) > 1:
                lines.append("")
            lines[-1] = (lines[-1] + letter).lstrip()
        if len(lines) > most:
            break
    lines = [line.rstrip() for line in lines if line.strip()]
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][: int(columns) - 1].rstrip()}…"]


def _measure(text: str) -> int:
    return max(0, wcwidth.wcswidth(text))


def _to_plain(text: str) -> str:
    """Return Markdown as words in one line."""
    return clean(prose_of(text) or text).replace("**", "").replace("`", "").replace("\N{MIDDLE DOT} ", "")
