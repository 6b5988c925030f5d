"""Indexes by which all that belongs to a run is found when it goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index("runs_deleted_at", "runs", ["deleted_at"], sqlite_where=deleted, postgresql_where=deleted)
    op.create_index("events_run", "events", ["run"])
    op.create_index("events_at", "events", ["at"])
    op.create_index("calls_run", "calls", ["run"])
