"""The home tab: buttons to ask with, recent runs with links to them, and panels. Pure.

https://docs.slack.dev/surfaces/app-home
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adapters.slack.dialect import SlackMrkdwn
from adapters.slack.layout import Json, build_button, section_block
from bot.ports.store import RunRow
from bot.settings.settings import PanelSettings
from commands.help import ASK
from commands.runs import shorten_line

RUNS = 10
LINE_CHARS = 120
SECTION_CHARS = 2_900


def build_home(
    rows: Sequence[RunRow], links: Mapping[str, str], panels: Mapping[str, PanelSettings], usual: str, channel: str
) -> Json:
    """Return the home tab. `rows`: newest first; `links`: to boards, by runs; `usual`: the panel where none is named.

    `channel`: the direct message with the person who looks, where what the buttons start is shown.
    """
    running = [_run_line(row, links) for row in rows if not row.outcome]
    over = [_run_line(row, links) for row in rows if row.outcome]
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
                "Ask with `/council`, `/debate` or `/compare` in a channel, or here: it is shown under _Messages_."
            ),
            {"type": "actions", "elements": [{**build_button(control, ""), "value": channel} for control in ASK]},
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


def _run_line(row: RunRow, links: Mapping[str, str]) -> str:
    """Return a run in a line, its question as a link to its board."""
    question = _escape(shorten_line(row.title, LINE_CHARS)).replace("|", " ")
    shown = f"<{links[row.run]}|{question}>" if row.run in links else question
    return f"• `{row.run}` {row.format}{f', {row.outcome}' if row.outcome else ''}: {shown}"


def _escape(text: str) -> str:
    return SlackMrkdwn().text(text)
