"""Parts of SQLite's index of words, merged a little with each change (`storage.search`), and never much by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

USUAL = 4  # of SQLite: https://www.sqlite.org/fts5.html#the_automerge_configuration_option


def upgrade() -> None:
    _set_automerge(0)


def downgrade() -> None:
    _set_automerge(USUAL)


def _set_automerge(parts: int) -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        bind.execute(sa.text("INSERT INTO run_words (run_words, rank) VALUES ('automerge', :parts)"), {"parts": parts})
