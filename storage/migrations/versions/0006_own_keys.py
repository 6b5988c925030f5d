"""Whether a call was paid with a key of the server's own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("calls", sa.Column("own_key", sa.Boolean, nullable=False, server_default=sa.false()))
