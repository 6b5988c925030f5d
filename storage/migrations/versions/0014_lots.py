"""What each process has of the limits that several share, where several share a database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "lots",
        sa.Column("budget", sa.String, primary_key=True),
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("ends", sa.JSON, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("lots")
