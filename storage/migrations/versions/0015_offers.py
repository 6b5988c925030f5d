"""Requests that wait until their person agrees to a price, so that every process knows them, also after a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("taken", sa.String, nullable=False),
        sa.Column("chars", sa.Integer, nullable=False),
        sa.Column("high_usd", sa.JSON, nullable=False),
        sa.Column("request", sa.JSON),
    )


def downgrade() -> None:
    op.drop_table("offers")
