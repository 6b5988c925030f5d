"""Tables and panels that the console prints: the catalogue of models, the list of runs, a thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.engine.thread import Post
from bot.models.listing import ModelRow
from bot.ports.spending import CostKey, CostRow
from bot.ports.store import RunRow

LEAST_TABLE_COLUMNS = 80  # of a terminal; in a narrower one a column has room for four letters


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows whose first cell names them: a table, or a paragraph each in a narrow terminal."""

    headers: Sequence[str]
    cells: Sequence[Sequence[Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        if options.max_width < LEAST_TABLE_COLUMNS:
            yield from self._list_lines()
            return
        table = Table()
        for header in self.headers:
            table.add_column(header, overflow="fold")  # the name of a variable or an id that is cut helps nobody
        for row in self.cells:
            table.add_row(*row)
        yield table

    def _list_lines(self) -> Iterable[Text]:
        if not self.cells:
            yield Text(f"{self.headers[0]}: none")
        for first, *others in self.cells:
            yield Text(first.plain, style="bold")
            for header, cell in zip(self.headers[1:], others, strict=True):
                if cell:
                    yield Text(f"  {header}: ", no_wrap=cell.no_wrap, overflow=cell.overflow).append_text(cell)


def render_catalogue(rows: Iterable[ModelRow]) -> RenderableType:
    rows, cells = list(rows), []
    headers = ["model", "litellm", "key", "$ per million tokens in / out", "window"]
    if any(row.sent for row in rows):
        headers.append("sent")
    for row in rows:
        price = row.price
        cost = (
            "unknown"
            if price is None
            else "free (local)"
            if price.source == "local"
            else (f"{price.input_usd_per_mtok:g} / {price.output_usd_per_mtok:g} ({price.source})")
        )
        window = f"{row.window:,} ({row.window_source})" if row.window else "unknown"
        said = (f"{row.key}: {row.name}", row.litellm, row.key_state, cost, window, row.sent)
        cells.append([Text(text) for text in said[: len(headers)]])
    return Rows(headers, cells)


def render_costs(key: CostKey, rows: Sequence[CostRow]) -> RenderableType:
    cells = []
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        own = f"${row.own_usd:,.3f}" if row.own_usd else ""
        name = f"{row.label} ({row.name})" if row.label else row.name or "terminal"
        cells.append([Text(text) for text in (name, f"${row.usd:,.3f}", f"{row.calls:,}", seconds, own)])
    return Rows((key, "cost", "calls", "seconds each", "of it by servers' own keys"), cells)


def render_runs(rows: Sequence[RunRow]) -> RenderableType:
    cells = []
    for row in rows:
        started = datetime.fromtimestamp(row.started_at).strftime("%Y-%m-%d %H:%M")
        title = Text(" ".join(row.title.split()), no_wrap=True, overflow="ellipsis")
        cells.append([Text(row.run), Text(started), Text(row.format), title, Text(row.outcome or "open")])
    return Rows(("run", "started", "format", "name or question", "outcome"), cells)


def render_thread(question: str, posts: Iterable[Post]) -> RenderableType:
    return Group(Panel(Text(question), title="Question", title_align="left"), *map(_render_post, posts))


def _render_post(post: Post) -> RenderableType:
    body: list[RenderableType] = [Markdown(post.text or post.placeholder or "(never finished)")]
    if post.footer:
        body.append(Text(post.footer, style="dim"))
    return Panel(Group(*body), title=Text(post.title) if post.title else None, title_align="left")
