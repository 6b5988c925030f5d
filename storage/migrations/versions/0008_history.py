"""Who asked a run and where, for lists of runs; the index of their words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("runs", sa.Column("by", sa.String))
    op.add_column("runs", sa.Column("channel", sa.String))
    _fill()
    op.create_table(
        "searched",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("run", sa.String, nullable=False, unique=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE run_words USING fts5 (words, content='', detail=none, columnsize=0, tokenize='ascii')"
        )
    else:
        op.create_table(
            "run_words",
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("words", TSVECTOR, nullable=False),
        )
        op.create_index("run_words_words", "run_words", ["words"], postgresql_using="gin")


def _fill() -> None:
    """Fill the rows of runs from their first starts."""
    facts = sa.table("facts", *map(sa.column, ("run", "seq", "kind")), sa.column("data", sa.JSON))
    runs = sa.table("runs", *map(sa.column, ("run", "by", "channel")))
    first = sa.select(facts.c.run, sa.func.min(facts.c.seq).label("seq")).where(facts.c.kind == "RunStarted")
    start = first.group_by(facts.c.run).subquery()
    here = sa.and_(facts.c.run == start.c.run, facts.c.seq == start.c.seq)
    bind = op.get_bind()
    for run, data in bind.execute(sa.select(facts.c.run, facts.c.data).join(start, here)).all():
        who = {"by": data["by"], "channel": data.get("channel", "")}
        bind.execute(sa.update(runs).where(runs.c.run == run).values(**who))
