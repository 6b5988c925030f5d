"""`moot db`: check the database, copy it, and give back what is free in it."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import SecretStr, ValidationError

from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import FAILED, OK
from bot.errors import Refused
from bot.settings.key_sources import BY_FILE
from bot.settings.settings import StorageSettings
from storage.backup import Examination, back_up, examine_database
from storage.locations import describe_location
from storage.move import move_store
from storage.vacuum import give_back_room


async def check_database() -> int:
    """Print what is wrong with the database; FAILED where something is."""
    location = load_configuration().storage.location
    name = describe_location(location)
    found = await examine_database(location)
    if not found.wrong:
        print_plain(f"{name} is whole: {_render_counts(found)}.")
        return OK
    for sentence in found.wrong:
        print_plain(f"✗ {sentence}")
    print_plain(f"{name} is damaged. Stop the bot, put it aside, and go back to the last backup.")
    return FAILED


async def back_up_database(to: Path) -> int:
    """Copy the database to a new file and check the copy."""
    path = _require_file("pg_dump makes copies of a PostgreSQL database while the bot runs")
    found = await back_up(path, to)
    print_plain(f"{path} → {to}, checked: {_render_counts(found)}.")
    return OK


async def move_database(to: str) -> int:
    """Copy the store into an empty one, and say which setting names it from then on. Raises Refused."""
    source, target = load_configuration().storage.location, _read_location(to)
    moved = await move_store(source, target, time.time)
    print_plain(
        f"{describe_location(source)} → {describe_location(target)}: {moved.rows} rows of {moved.tables} tables, each "
        f"compared. Set storage.{'path' if isinstance(target, Path) else 'url'} to it; the other one is left as it is."
    )
    return OK


def _read_location(to: str) -> Path | str:
    """Return a file, or the URL of a PostgreSQL database, which may stand in a file of its own."""
    if to.startswith(BY_FILE) or "://" in to:
        try:
            return StorageSettings(url=SecretStr(to)).location
        except ValidationError as error:
            raise Refused(
                f"This is no place for a store: {error.errors()[0]['msg'].removeprefix('Value error, ')}."
            ) from None
    return Path(to)


async def vacuum_database() -> int:
    """Give the room of deleted runs back to the disk."""
    path = _require_file("a PostgreSQL server gives back room by itself (autovacuum)")
    found = await give_back_room(path)
    print_plain(f"{path}: {found.before / 1e6:,.1f} MB → {found.after / 1e6:,.1f} MB.")
    return OK


def _require_file(instead: str) -> Path:
    """Return the path of the SQLite file. Raises Refused where the store is on PostgreSQL."""
    location = load_configuration().storage.location
    if isinstance(location, Path):
        return location
    raise Refused(f"This is for a SQLite file, and storage.url names {describe_location(location)}: {instead}.")


def _render_counts(found: Examination) -> str:
    return f"runs {found.runs}, facts {found.facts}"
