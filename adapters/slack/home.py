"""The home tab: recent runs and panels. Pure.

https://docs.slack.dev/surfaces/app-home
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adapters.slack.dialect import SlackMrkdwn
from adapters.slack.layout import Json, section_block
from bot.ports import RunRow
from bot.settings.settings import PanelSettings

RUNS = 10
LINE_CHARS = 120
SECTION_CHARS = 2_900


def build_home(rows: Sequence[RunRow], panels: Mapping[str, PanelSettings], usual: str) -> Json:
    """Return the home tab. `rows`: newest first; `usual`: the panel where none is named."""
    running = [_run_line(row) for row in rows if not row.outcome]
    over = [_run_line(row) for row in rows if row.outcome]
    seats = [
        f"• *{_escape(name)}*{' (usual here)' if name == usual else ''}: "
        f"{_escape(', '.join(seat.name or seat.model for seat in panel.seats))}"
        for name, panel in panels.items()
    ]
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Several models at one table"}},
            section_block(
                "Ask with `/council`, `/debate` or `/compare` in a channel, or write to me under _Messages_."
            ),
            *_build_part("Running", running, "Nothing is running."),
            *_build_part("Recent", over, "Nothing has been asked yet."),
            *_build_part("Panels", seats, "There are no panels yet: `/moot panel create` makes one."),
        ],
    }


def _build_part(title: str, lines: Iterable[str], empty: str) -> list[Json]:
    text = ""
    for line in lines:
        if len(text) + len(line) > SECTION_CHARS:
            break
        text += f"{line}\n"
    return [{"type": "divider"}, section_block(f"*{title}*\n{text or empty}")]


def _run_line(row: RunRow) -> str:
    question = " ".join(row.question.split())
    short = question if len(question) <= LINE_CHARS else f"{question[: LINE_CHARS - 1]}…"
    return f"• `{row.run}` {row.format}{f', {row.outcome}' if row.outcome else ''}: {_escape(short)}"


def _escape(text: str) -> str:
    return SlackMrkdwn().text(text)
