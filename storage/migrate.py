"""The version of a database, and bringing it up to date."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from bot.errors import Misconfigured
from storage.schema import HEAD, READABLE_FROM


def require_version(conn: Connection) -> None:
    """Raise Misconfigured when a reader, which changes nothing, cannot read the database as it is."""
    version = _read_version(conn)
    _refuse_newer(version)
    if version < READABLE_FROM:
        raise Misconfigured(
            f"The database has version {version or 'none'}, this program reads {HEAD}: run the bot once."
        )


def upgrade_schema(conn: Connection) -> None:
    """Run the missing migrations, in the caller's transaction: all of them or none. Raises Misconfigured."""
    version = _read_version(conn)
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


def _read_version(conn: Connection) -> str:
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
