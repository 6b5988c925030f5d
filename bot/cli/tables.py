"""Tables and panels that the console prints: the catalogue of models, the list of runs, a thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.engine.thread import Post
from bot.models.listing import ModelRow
from bot.ports.spending import CostKey, CostRow
from bot.ports.store import RunRow


def render_catalogue(rows: Iterable[ModelRow]) -> RenderableType:
    rows = list(rows)
    table = Table("model", "litellm", "key", "$ per million tokens in / out", "window")
    if any(row.sent for row in rows):
        table.add_column("sent")
    for column in table.columns:
        column.overflow = "fold"  # the name of a variable that is cut helps nobody
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
        cells = (f"{row.key}: {row.name}", row.litellm, row.key_state, cost, window, row.sent)
        table.add_row(*map(Text, cells[: len(table.columns)]))
    return table


def render_costs(key: CostKey, rows: Sequence[CostRow]) -> RenderableType:
    table = Table(key, "cost", "calls", "seconds each", "of it by servers' own keys")
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        own = f"${row.own_usd:,.3f}" if row.own_usd else ""
        name = f"{row.label} ({row.name})" if row.label else row.name or "terminal"
        table.add_row(*map(Text, (name, f"${row.usd:,.3f}", f"{row.calls:,}", seconds, own)))
    return table


def render_runs(rows: Sequence[RunRow]) -> RenderableType:
    table = Table("run", "started", "format", "name or question", "outcome")
    for row in rows:
        started = datetime.fromtimestamp(row.started_at).strftime("%Y-%m-%d %H:%M")
        title = Text(" ".join(row.title.split()), no_wrap=True, overflow="ellipsis")
        table.add_row(row.run, started, row.format, title, row.outcome or "open")
    return table


def render_thread(question: str, posts: Iterable[Post]) -> RenderableType:
    return Group(Panel(Text(question), title="Question", title_align="left"), *map(_render_post, posts))


def _render_post(post: Post) -> RenderableType:
    body: list[RenderableType] = [Markdown(post.text or post.placeholder or "(never finished)")]
    if post.footer:
        body.append(Text(post.footer, style="dim"))
    return Panel(Group(*body), title=Text(post.title) if post.title else None, title_align="left")
