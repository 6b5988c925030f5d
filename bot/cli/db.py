"""`moot db`: check the database, copy it, and give back what is free in it."""

from __future__ import annotations

from pathlib import Path

from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import FAILED, OK
from storage.backup import Examination, back_up, examine_database
from storage.vacuum import give_back_room


async def check_database() -> int:
    """Print what is wrong with the database; FAILED where something is."""
    path = load_configuration().storage.path
    found = await examine_database(path)
    if not found.wrong:
        print_plain(f"{path} is whole: {_render_counts(found)}.")
        return OK
    for sentence in found.wrong:
        print_plain(f"✗ {sentence}")
    print_plain(f"{path} is damaged. Stop the bot, put it aside, and go back to the last backup.")
    return FAILED


async def back_up_database(to: Path) -> int:
    """Copy the database to a new file and check the copy."""
    path = load_configuration().storage.path
    found = await back_up(path, to)
    print_plain(f"{path} → {to}, checked: {_render_counts(found)}.")
    return OK


async def vacuum_database() -> int:
    """Give the room of deleted runs back to the disk."""
    path = load_configuration().storage.path
    found = await give_back_room(path)
    print_plain(f"{path}: {found.before / 1e6:,.1f} MB → {found.after / 1e6:,.1f} MB.")
    return OK


def _render_counts(found: Examination) -> str:
    return f"runs {found.runs}, facts {found.facts}"
