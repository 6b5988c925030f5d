"""The command /moot cost."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bot.actions.actions import Actions
from bot.errors import Refused
from bot.ports import CostKey, CostRow
from bot.text import as_text
from commands.command import Answer, Command, Here, Options, Told

KEYS: tuple[tuple[CostKey, str], ...] = (("model", "By model"), ("format", "By format"), ("day", "By day"))
MAX_ROWS = 7  # of each table; more is scrolled past on a phone


class CostOptions(Options):
    days: int = Field(30, ge=1, le=365, description="how many of the latest days")


async def _cost(actions: Actions, options: CostOptions, here: Here) -> Answer:
    if actions.allowance is None:
        raise Refused("Nothing is counted here.")
    room = await actions.allowance.list_room(here.by)
    tables = [
        _render_table(title, await actions.allowance.list_costs(key, options.days, here.by.server))
        for key, title in KEYS
    ]
    spent = "\n\n".join(filter(None, tables)) or f"Nothing has cost anything here for {options.days} days."
    return Told("\n".join(f"- {line}" for line in room) + f"\n\n{spent}" if room else spent)


def _render_table(title: str, rows: Sequence[CostRow]) -> str:
    """Write a table as a list, which a phone shows as well; "" where nothing is in it."""
    lines = [f"- {as_text(row.name)}: ${row.usd:,.2f} · {_count_calls(row)}" for row in rows[:MAX_ROWS]]
    if left := rows[MAX_ROWS:]:
        lines.append(f"- {len(left)} more: ${sum(row.usd for row in left):,.2f}")
    return "\n".join([f"**{title}**", *lines]) if lines else ""


def _count_calls(row: CostRow) -> str:
    took = "" if row.seconds is None else f" · {row.seconds:.1f} s each"
    return f"{row.calls:,} {'call' if row.calls == 1 else 'calls'}{took}"


COMMAND = Command(("moot", "cost"), "What was spent here, and what the limits leave.", CostOptions, _cost)
