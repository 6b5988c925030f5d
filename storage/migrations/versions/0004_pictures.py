"""Tables of pictures, each kept once in pieces, and of the runs that show them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "picture_uses",
        sa.Column("run", sa.String, primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("server", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("picture_uses_digest", "picture_uses", ["digest"])
