"""Which process holds a run, and until when, where several share a database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.String))
    held = sa.text("owner IS NOT NULL")
    op.create_index("runs_owner", "runs", ["owner"], sqlite_where=held, postgresql_where=held)
    op.create_table(
        "leases",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("leases")
    op.drop_index("runs_owner", "runs")
    op.drop_column("runs", "owner")
