"""`moot top` as it looks: what a running bot does now, on a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.operations import metrics as names
from bot.operations.reading import Reading

WIDE_COLUMNS = 70  # from here on all columns fit
_FIXED_ROWS = 16  # of everything but the models


def render_overview(now: Reading, before: Reading | None, *, columns: int, rows: int) -> RenderableType:
    """Render what a bot does now; rates are those since the reading `before`, or since its start."""
    wide = columns >= WIDE_COLUMNS
    return Group(
        _render_state(now),
        _render_runs(now),
        _render_models(now, wide=wide, most=max(3, rows - _FIXED_ROWS)),
        _render_platforms(now, before, wide=wide),
        _render_limits(now),
    )


def _render_state(now: Reading) -> Text:
    """Tell in one line what is up, with memory, database and the lag of the event loop."""
    parts = [Text(f"{name} {'up' if up else 'away'}", "" if up else "bold red") for name, up in _list_links(now)]
    slow = 1 - _share_below(now, "0.1")
    parts.append(Text(f"memory {_megabytes(now.sum(names.MEMORY))}"))
    parts.append(Text(f"database {_megabytes(now.sum(names.DATABASE))}"))
    parts.append(Text(f"loop late {slow:.1%}", "yellow" if slow > 0.01 else ""))
    return Text(" · ").join(parts)


def _list_links(now: Reading) -> Iterator[tuple[str, float]]:
    yield from now.sum_by("platform", names.CONNECTED).items()
    yield "store", now.sum(names.DATABASE_WRITABLE)


def _share_below(now: Reading, bound: str) -> float:
    """Return the share of the times that the event loop came round within `bound` seconds."""
    total = now.sum(f"{names.LOOP_LAG}_count")
    return now.sum(f"{names.LOOP_LAG}_bucket", le=bound) / total if total else 1.0


def _render_runs(now: Reading) -> Text:
    states = {state: count for state, count in now.sum_by("state", names.RUNS).items() if count}
    told = ", ".join(f"{count:.0f} {state}" for state, count in states.items()) or "none now"
    waiting = ", ".join(f"{count:.0f} {queue}" for queue, count in now.sum_by("queue", names.QUEUES).items() if count)
    cost, unpriced = now.sum(names.COST), now.sum(names.UNPRICED)
    spent = f"${cost:,.2f}" + (f" and {unpriced:.0f} turns of unknown price" if unpriced else "")
    lines = [
        f"Runs: {told}; since the start {now.sum(names.RUNS_STARTED):.0f} began, {now.sum(names.RUNS_ENDED):.0f} ended",
        f"Waiting: {waiting or 'nothing'}",
        f"Spent since the start: {spent}",
    ]
    return Text("\n".join(lines))


def _render_models(now: Reading, *, wide: bool, most: int) -> RenderableType:
    """Render a row a model, those first whose seats speak now."""
    speaking, turns = now.sum_by("model", names.SPEAKING), now.sum_by("model", names.TURNS)
    models = sorted({**speaking, **turns}, key=lambda m: (-speaking.get(m, 0), -turns.get(m, 0), m))
    table = _make_table("model", "now", "turns", "fail", "first", *(["tokens", "cost"] if wide else []), wide=wide)
    for model in models[:most]:
        first = _mean(now, names.FIRST_TOKEN, model=model)
        row = [
            model,
            f"{speaking.get(model, 0):.0f}",
            f"{turns.get(model, 0):.0f}",
            f"{now.sum(names.TURNS, model=model, finish='failed'):.0f}",
            _seconds(first),
        ]
        more = [
            f"{now.sum(names.TOKENS, model=model, kind='output'):,.0f}",
            f"${now.sum(names.COST, model=model):,.2f}",
        ]
        table.add_row(*row, *(more if wide else []))
    left = len(models) - most
    return Group(table, *([Text(f"and {left} more")] if left > 0 else [])) if models else Text("No turn has ended yet.")


def _render_platforms(now: Reading, before: Reading | None, *, wide: bool) -> RenderableType:
    """Render a row a platform: requests a minute, refusals (429), budgets that are spent, how long characters wait."""
    platforms = now.sum_by("platform", names.REQUESTS)
    if not platforms:
        return Text("")
    table = _make_table("platform", "/min", "429", "spent", "wait", *(["first line"] if wide else []), wide=wide)
    for platform in platforms:
        budgets = now.sum(names.BUDGETS, platform=platform)
        spent = now.sum(names.BUDGETS, platform=platform, room="spent")
        row = [
            platform,
            _per_minute(now, before, platform),
            f"{now.sum(names.REQUESTS, platform=platform, status='429'):.0f}",
            f"{spent:.0f}/{budgets:.0f}",
            _seconds(_mean_wait(now, before, platform)),
        ]
        table.add_row(*row, *([_seconds(_mean(now, names.FIRST_LINE, platform=platform))] if wide else []))
    return table


def _render_limits(now: Reading) -> Text:
    used, left = now.sum_by("cap", names.CAP_USED), now.sum_by("cap", names.CAP_ROOM)
    told = [
        Text(f"{cap} {share:.0%} used, ${left.get(cap, 0):,.2f} left", "yellow" if share > 0.9 else "")
        for cap, share in used.items()
    ]
    return Text("Limits: ") + Text(" · ").join(told) if told else Text("Limits: none")


def _make_table(first: str, *others: str, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, expand=False)
    table.add_column(first, overflow="ellipsis", no_wrap=True, max_width=24 if wide else 12)
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table


def _per_minute(now: Reading, before: Reading | None, platform: str) -> str:
    """Return the requests a minute since the reading before; "–" without one."""
    if before is None or now.at <= before.at:
        return "–"
    sent = now.sum(names.REQUESTS, platform=platform) - before.sum(names.REQUESTS, platform=platform)
    return f"{max(0.0, sent) * 60 / (now.at - before.at):.0f}"


def _mean_wait(now: Reading, before: Reading | None, platform: str) -> float | None:
    """Return the mean wait of the characters shown since the reading before; of all where none was shown since."""
    for earlier in (before, None):
        shown, waited = (
            now.sum(name, platform=platform) - (earlier.sum(name, platform=platform) if earlier else 0.0)
            for name in (names.SHOWN, names.WAITED)
        )
        if shown > 0:
            return waited / shown
    return None


def _mean(now: Reading, name: str, **labels: str) -> float | None:
    count = now.sum(f"{name}_count", **labels)
    return now.sum(f"{name}_sum", **labels) / count if count else None


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
