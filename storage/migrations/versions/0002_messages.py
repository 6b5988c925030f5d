"""Tables of pages and of what servers have set up; columns of runs that lists need."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("server", sa.String))
    op.add_column("runs", sa.Column("format", sa.String))
    op.add_column("runs", sa.Column("question", sa.JSON))
    op.add_column("runs", sa.Column("outcome", sa.String))
    op.add_column("runs", sa.Column("finished_at", sa.Float))
    op.add_column("runs", sa.Column("deleted_at", sa.Float))
    _fill()
    op.create_index("runs_server", "runs", ["server", "started_at"])
    op.create_index("runs_finished_at", "runs", ["finished_at"])
    op.create_table(
        "messages",
        sa.Column("run", sa.String, primary_key=True),
        sa.Column("address", sa.String, primary_key=True),
        sa.Column("lane", sa.String, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ref", sa.String, nullable=False),
    )
    op.create_index("messages_ref", "messages", ["ref"], unique=True)
    op.create_table(
        "shelf",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def _fill() -> None:
    """Fill the rows of runs. The first start and the first end count; earlier runs have no server, none is deleted."""
    starts = _first("RunStarted")
    _update([{"run_": run, "server": "", "format": d["format"], "question": d["question"]} for run, _, d in starts])
    _update([{"run_": run, "outcome": d["outcome"], "finished_at": at} for run, at, d in _first("RunFinished")])


def _first(kind: str) -> sa.CursorResult[str, float, dict[str, Any]]:
    """Select the first fact of a kind of each run: the run, the time, the data."""
    facts = _table("facts", "run", "seq", "at", "kind", json="data")
    of_kind = sa.select(facts.c.run, sa.func.min(facts.c.seq).label("seq")).where(facts.c.kind == kind)
    first = of_kind.group_by(facts.c.run).subquery()
    here = sa.and_(facts.c.run == first.c.run, facts.c.seq == first.c.seq)
    return op.get_bind().execute(sa.select(facts.c.run, facts.c.at, facts.c.data).join(first, here))


def _update(rows: list[dict[str, Any]]) -> None:
    runs = _table("runs", "run", "server", "format", "outcome", "finished_at", json="question")
    if rows:
        op.get_bind().execute(sa.update(runs).where(runs.c.run == sa.bindparam("run_")), rows)


def _table(name: str, *columns: str, json: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns), sa.column(json, sa.JSON))
