"""`moot forget` and `moot export --person`: what is kept of a person, for an operator whom they have asked."""

from __future__ import annotations

import time
from pathlib import Path

from bot.actions.personal import PersonalActions
from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.files import write_out
from bot.domain.facts import Fact
from bot.errors import Refused
from storage import SqlStore, open_store


async def export_person(person: str, out: Path | None) -> int:
    """Write all that is kept of a person as JSON, also beside a running bot. Raises Refused."""
    async with open_store(load_configuration().storage.location, clock=time.time, read_only=True) as store:
        personal = _open_personal(store)
        await _require_known(personal, person)
        text = await personal.write_file(person)
    write_out(text, out, f"What is kept of {person}")
    return OK


async def forget_somebody(person: str, *, yes: bool) -> int:
    """Say what is kept of a person, and with `yes` let it go. Raises Refused; Misconfigured while the bot runs."""
    async with open_store(load_configuration().storage.location, clock=time.time) as store:
        personal = _open_personal(store)
        found = await _require_known(personal, person)
        if not yes:
            print_plain(f"Of {person} goes: {found}. Nothing has gone yet: the same with --yes lets it go, for good.")
            return OK
        _, runs = await personal.forget(person)
        await store.erase_runs(runs)
    print_plain(f"Forgotten: {found}. Messages of their runs and remarks go once the bot starts.")
    return OK


def _open_personal(store: SqlStore) -> PersonalActions:
    """Return what an operator may do with people's data: no run goes on here, and the next start shows what is left."""

    async def record(run: str, fact: Fact) -> None:
        await store.append(run, [fact])

    async def resume_unfinished() -> None:
        """Leave that to the next start."""

    return PersonalActions(store, record, lambda run: None, resume_unfinished, time.time)


async def _require_known(personal: PersonalActions, person: str) -> str:
    """Return in words what is kept of a person. Raises Refused where that is nothing."""
    found = (await personal.collect(person)).describe("theirs")
    if not found:
        raise Refused(
            f"Nothing is kept of “{person}”. People are named as in the files of `moot export --format json`: "
            "discord:123, or slack:T123:U123."
        )
    return found
