"""The panel, name and archive of a run, when its starter is to be asked; in which runs a person has done something."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ADDED = {"panel": sa.String, "name": sa.JSON, "archived_at": sa.Float, "ask_at": sa.Float}
FACTS = sa.table(
    "facts",
    sa.column("run", sa.String),
    sa.column("seq", sa.Integer),
    sa.column("kind", sa.String),
    sa.column("data", sa.JSON),
)
OF_NOBODY = ("TurnStarted", "TurnEnded")  # the longest and most
SHARE = 500  # facts in memory at once; a start may hold megabytes


def upgrade() -> None:
    for name, kind in ADDED.items():
        op.add_column("runs", sa.Column(name, kind))
    to_ask = sa.text("ask_at IS NOT NULL")
    op.create_index("runs_ask_at", "runs", ["ask_at"], sqlite_where=to_ask, postgresql_where=to_ask)
    op.create_table(
        "acts", sa.Column("person", sa.String, primary_key=True), sa.Column("run", sa.String, primary_key=True)
    )
    op.create_index("acts_run", "acts", ["run"])
    _fill()


def _fill() -> None:
    runs = sa.table("runs", *map(sa.column, ("run", "panel", "server")))
    acts = sa.table("acts", *map(sa.column, ("person", "run")))
    known, bind = set[tuple[str, str]](), op.get_bind()
    named = set[str]()
    for run, kind, data in _read_facts():
        if kind == "RunStarted" and run not in named:
            named.add(run)
            bind.execute(sa.update(runs).where(runs.c.run == run).values(panel=data.get("panel_name", "")))
        by = data.get("by")
        if by and (by, run) not in known:
            known.add((by, run))
            digest = blake2b(by.encode("utf-8", "replace"), digest_size=12).hexdigest()
            bind.execute(sa.insert(acts).values(person=digest, run=run))


def _read_facts() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the facts that may be of people, in their order, a share of them at a time."""
    place, bind = sa.tuple_(FACTS.c.run, FACTS.c.seq), op.get_bind()
    listed = sa.select(FACTS).where(FACTS.c.kind.not_in(OF_NOBODY)).order_by(FACTS.c.run, FACTS.c.seq).limit(SHARE)
    found = bind.execute(listed).all()
    while found:
        yield from ((run, kind, data) for run, _, kind, data in found)
        found = bind.execute(listed.where(place > sa.tuple_(*found[-1][:2]))).all()


def downgrade() -> None:
    op.drop_table("acts")
    op.drop_index("runs_ask_at", "runs")
    for name in ADDED:
        op.drop_column("runs", name)
