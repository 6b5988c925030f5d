"""The command /moot cost."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bot.actions.actions import Actions
from bot.domain.costs import CostLine, divide_costs, total_cost
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name, names_hidden
from bot.errors import Refused
from bot.ports.spending import CostKey, CostRow
from bot.text import as_text
from commands.command import Answer, Command, DataTable, Here, Options, Told, option

KEYS: tuple[tuple[CostKey, str], ...] = (("model", "By model"), ("format", "By format"), ("day", "By day"))
PEOPLE: tuple[CostKey, str] = ("person", "By person")  # for who sets up the server alone
MAX_ROWS = 7  # of each list; more is scrolled past on a phone
MAX_TABLE_ROWS = 50  # of each table that a platform draws, page by page


class CostOptions(Options):
    days: int = Field(30, ge=1, le=365, description="how many of the latest days")
    run: str = option("", "one run: what each seat and stage has cost", suggest="runs")


async def _cost(actions: Actions, options: CostOptions, here: Here) -> Answer:
    if options.run:
        return Told(render_run_costs(await actions.read_run(options.run, here.by)))
    if actions.allowance is None:
        raise Refused("Nothing is counted here.")
    room = "\n".join(f"- {line}" for line in await actions.allowance.list_room(here.by))
    going = _render_running(await actions.list_running(here.by, here.may_see))
    keys = (*KEYS, PEOPLE) if here.by.may_set_up else KEYS
    costs = {title: await actions.allowance.list_costs(key, options.days, here.by.server) for key, title in keys}
    lists = [_render_list(title, rows) for title, rows in costs.items() if rows]
    spent = "\n\n".join(lists) or f"Nothing has cost anything here for {options.days} days."
    tables = [_make_table(title, rows) for title, rows in costs.items() if rows]
    lead = "\n\n".join(filter(None, (room, going)))
    return Told("\n\n".join(filter(None, (lead, spent))), lead=lead, tables=tables)


def _make_table(title: str, rows: Sequence[CostRow]) -> DataTable:
    table = [
        [title.removeprefix("By "), "cost", "calls", "seconds each"],
        *(
            [row.label or row.name, _tell_usd(row.usd), f"{row.calls:,}", _tell_seconds(row)]
            for row in rows[:MAX_TABLE_ROWS]
        ),
    ]
    if any(row.own_usd for row in rows):
        own = ["by this server's own key", *(_tell_usd(row.own_usd) for row in rows)]
        table = [[*cells, cell] for cells, cell in zip(table, own, strict=False)]
    return DataTable(title, table)


def _tell_usd(usd: float) -> str:
    return f"${usd:,.2f}"


def _tell_seconds(row: CostRow) -> str:
    return "" if row.seconds is None else f"{row.seconds:.1f}"


def render_run_costs(t: Transcript) -> str:
    """Write what each seat and each stage of a run has cost. Raises Refused while that would tell who is who."""
    if names_hidden(t):
        raise Refused("Who is who is not told yet, and what each has cost would tell. Ask again after that.")
    who = as_text(t.started.name or t.started.by)
    tables = (
        ("By seat", divide_costs(t, lambda turn: display_name(t, turn.seat))),
        ("By stage", divide_costs(t, lambda turn: turn.stage)),
    )
    parts = [f"{total_cost(t)} · {t.started.format} · started by {who}"]
    parts += ["\n".join([f"**{title}**", *map(_render_line, lines)]) for title, lines in tables if lines]
    return "\n\n".join(parts)


def _render_line(line: CostLine) -> str:
    turns = f"{line.turns} {'turn' if line.turns == 1 else 'turns'}"
    return f"- {as_text(line.name)}: {line.cost} · {turns} · {line.tokens:,} tokens"


def _render_running(running: Sequence[tuple[str, Transcript]]) -> str:
    """Write what goes on now as a list; "" for nothing."""
    lines = [
        f"- `{run}` {t.started.format}: {'not told yet' if names_hidden(t) else f'{total_cost(t)} so far'}"
        for run, t in running[:MAX_ROWS]
    ]
    if left := running[MAX_ROWS:]:
        lines.append(f"- {len(left)} more")
    return "\n".join(["**Going on now**", *lines]) if lines else ""


def _render_list(title: str, rows: Sequence[CostRow]) -> str:
    """Write a table as a list, which a phone shows as well."""
    lines = [f"- {as_text(row.label or row.name)}: ${row.usd:,.2f} · {_count_calls(row)}" for row in rows[:MAX_ROWS]]
    if left := rows[MAX_ROWS:]:
        lines.append(f"- {len(left)} more: ${sum(row.usd for row in left):,.2f}")
    return "\n".join([f"**{title}**", *lines])


def _count_calls(row: CostRow) -> str:
    took = "" if row.seconds is None else f" · {_tell_seconds(row)} s each"
    own = f" · ${row.own_usd:,.2f} of it by this server's own key" if row.own_usd else ""
    return f"{row.calls:,} {'call' if row.calls == 1 else 'calls'}{took}{own}"


COMMAND = Command(("moot", "cost"), "What was spent here, and what the limits leave.", CostOptions, _cost)
