"""The runs that a process cannot read, as a newer version has stored them, so that others are handed these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("leases", sa.Column("unread", sa.JSON))


def downgrade() -> None:
    op.drop_column("leases", "unread")
