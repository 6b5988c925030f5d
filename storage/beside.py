"""Facts that another process stores beside the one that holds the database."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.codec import encode
from bot.domain.facts import Fact
from bot.errors import Misconfigured
from bot.ports.process import Clock
from storage import migrate
from storage.batch import Append
from storage.errors import translating_errors
from storage.locations import Location, describe_location, open_beside
from storage.schema import HEAD
from storage.writer import Writer


async def append_beside(location: Location, run: str, facts: Sequence[Fact], clock: Clock) -> None:
    """Store facts of a run also while the bot runs, which sees them once it reads that run.

    Raises Misconfigured where the database is not of this version: a bot of another one would not know these facts.
    """
    name = describe_location(location)
    with translating_errors(name):
        async with open_beside(location) as database:
            if await database.transact(migrate.read_version) != HEAD:
                raise Misconfigured(f"{name} is of another version: start the bot of this version once.")
            async with Writer(database, name) as writer:
                await writer.write(Append(run, clock(), tuple(map(encode, facts)), None, None))
