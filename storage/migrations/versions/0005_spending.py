"""Tables of what calls of models cost, and of what is spent and held of each limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("call", sa.String, primary_key=True),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("server", sa.String, nullable=False),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger),
        sa.Column("seconds", sa.Float),
    )
    op.create_index("calls_server_at", "calls", ["server", "at"])
