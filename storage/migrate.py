"""The version of a database, and bringing it up to date."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, inspect, select, text

from bot.errors import Misconfigured
from storage.schema import HEAD, READABLE_FROM, metadata

POSTGRES = "postgresql"
LOCK = 0x6D6F6F75  # the key of the advisory lock of who migrates
_OF_A_LANGUAGE = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C' AND table_name IN :tables"
).bindparams(bindparam("tables", expanding=True))


def require_version(conn: Connection) -> None:
    """Raise Misconfigured when a reader, which changes nothing, cannot read the database as it is."""
    version = read_version(conn)
    _refuse_newer(version)
    if version < READABLE_FROM:
        raise Misconfigured(
            f"The database has version {version or 'none'}, this program reads {HEAD}: run the bot once."
        )


def upgrade_schema(conn: Connection) -> None:
    """Run the missing migrations, in the caller's transaction: all of them or none. Raises Misconfigured."""
    if conn.dialect.name == POSTGRES:  # one of several processes that start at once does it, and others wait for it
        conn.execute(text("SET LOCAL lock_timeout = 0"))
        conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
    version = read_version(conn)
    _refuse_newer(version)
    if version == HEAD:
        return
    # half a second to import, and hardly ever needed
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", "storage:migrations")  # by package, so that a wheel works too
    config.set_main_option("path_separator", "os")
    command.upgrade(config, HEAD)
    if conn.dialect.name == POSTGRES:
        _compare_by_bytes(conn)


def _compare_by_bytes(conn: Connection) -> None:
    """Let PostgreSQL compare and sort keys by their bytes, as SQLite does, whatever the database's language."""
    for name, column in conn.execute(_OF_A_LANGUAGE, {"tables": list(metadata.tables)}).all():
        conn.execute(text(f'ALTER TABLE "{name}" ALTER COLUMN "{column}" TYPE varchar COLLATE "C"'))


def read_version(conn: Connection) -> str:
    """Return the version that alembic noted; "" for a database without any."""
    if not inspect(conn).has_table("alembic_version"):
        return ""
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""


def _refuse_newer(version: str) -> None:
    if version > HEAD:  # numbered, so their order is the order of strings
        raise Misconfigured(
            f"The database has version {version}, written by a newer program; this one knows versions up to {HEAD}. "
            "Upgrade the program, or go back to the backup made before."
        )
