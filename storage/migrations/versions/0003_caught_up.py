"""Columns: which runs have caught up, what pages read, and which of them were about to be posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("caught_up_at", sa.Float))
    op.execute("UPDATE runs SET caught_up_at = finished_at")  # what had ended was not looked at again for long
    op.drop_index("runs_finished_at", "runs")
    op.create_index("runs_caught_up_at", "runs", ["caught_up_at"])
    with op.batch_alter_table("messages") as messages:
        messages.add_column(sa.Column("reads", sa.String, nullable=False, server_default=""))
        messages.alter_column("ref", existing_type=sa.String, nullable=True)
