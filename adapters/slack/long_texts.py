"""Long texts in parts: folded away in containers, tables as such. Pure.

https://docs.slack.dev/reference/block-kit/blocks/container-block
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.dialect import SlackMrkdwn
from adapters.slack.layout import Json, markdown_block, section_block, table_block
from bot.formats.plan import Section
from bot.live.pages import Pages
from commands.command import DataTable

TITLE_CHARS = 150
CHILD_CHARS = 2_900  # a section takes 3,000, after escaping
MESSAGE_CHARS = 11_000  # of all blocks together
TABLE_COLUMNS = 20


def section_messages(sections: Sequence[Section]) -> list[list[Json]]:
    """Return the blocks of each message that a long text takes."""
    messages: list[list[Json]] = []
    room = 0
    for section in sections:
        for block, chars in _draw_section(section):
            if chars > room:
                messages.append([])
                room = MESSAGE_CHARS
            messages[-1].append(block)
            room -= chars
    return messages


def _draw_section(section: Section) -> list[tuple[Json, int]]:
    """Return the blocks of a part, and how many characters each has."""
    if section.rows and len(section.rows[0]) <= TABLE_COLUMNS:
        chars = sum(len(cell) for row in section.rows for cell in row)
        return [(table_block(DataTable(section.title, section.rows)), chars)]
    if not section.title or section.rows:
        return [(markdown_block(section.text), len(section.text))]
    texts = [page.text for page in Pages(SlackMrkdwn(), CHILD_CHARS).update(section.text, final=True)]
    each = MESSAGE_CHARS // CHILD_CHARS  # below the ten that a container takes
    parts = [texts[i : i + each] for i in range(0, len(texts), each)]
    return [(_container(section, part, n), sum(map(len, part))) for n, part in enumerate(parts)]


def _container(section: Section, texts: Sequence[str], number: int) -> Json:
    """Return a container that a press opens. `number`: of those with the same title, from 0."""
    more = " (more)" if number else ""
    return {
        "type": "container",
        "title": {"type": "plain_text", "text": f"{section.title[: TITLE_CHARS - len(more)]}{more}"},
        **({"subtitle": {"type": "plain_text", "text": section.note[:TITLE_CHARS]}} if section.note else {}),
        "child_blocks": [section_block(text) for text in texts],
        "is_collapsible": True,
        "default_collapsed": True,
    }
