"""What `moot doctor` prints: a table, or on a narrow terminal a paragraph a finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.doctor import Finding, State

_LEAST_TABLE_COLUMNS = 80
_STYLES: Mapping[State, str] = {"ok": "green", "warning": "yellow", "broken": "bold red"}


def render_findings(found: Sequence[Finding], columns: int) -> RenderableType:
    """`columns`: the terminal's width in characters."""
    return _render_table(found) if columns >= _LEAST_TABLE_COLUMNS else Group(*_render_paragraphs(found))


def _render_table(found: Iterable[Finding]) -> Table:
    table = Table("what", "state", "what it means", "what to do")
    for f in found:
        table.add_row(Text(f.what), Text(f.state, _STYLES[f.state]), Text(f.meaning), Text(f.remedy))
    return table


def _render_paragraphs(found: Iterable[Finding]) -> Iterable[Text]:
    for f in found:
        yield Text.assemble(
            (f.state, _STYLES[f.state]), f"  {f.what}: {f.meaning}", f"\n  → {f.remedy}" if f.remedy else ""
        )
