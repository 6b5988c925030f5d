"""What people do with a run that stays or goes: name, archive, deletion. Its starter and moderators may."""

from __future__ import annotations

from bot.actions.access import RunAccess
from bot.actions.deletions import Deletions
from bot.actions.permissions import Person
from bot.actions.services import Services
from bot.domain.facts import Archived, Deleted, Named, Restored, Stopped
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.ports.store import Store
from bot.text import quote_typed

NAME_CHARS = 80


class KeepingActions:
    """Actions on runs as wholes: each returns a sentence for its person, or raises Refused with one."""

    def __init__(self, services: Services, access: RunAccess, store: Store, deletions: Deletions | None) -> None:
        self._services = services
        self._access = access
        self._store = store
        self._deletions = deletions

    async def name_run(self, run: str, text: str, by: Person) -> str:
        """Let lists have a run by a name; by its question again where that is empty."""
        await self._get_own(run, by, "Naming it")
        text = read_name(text)
        self._services.check_text(text, by, "The name")
        await self._access.record(run, Named(by.key, text, by.name))
        return f"Lists have it by {quote_typed(text, NAME_CHARS) if text else 'its question'} now."

    async def archive_run(self, run: str, by: Person) -> str:
        """Leave a run out of lists that do not ask for archived ones."""
        if (await self._get_own(run, by, "Archive")).archived:
            raise Refused("It is archived already.")
        await self._access.record(run, Archived(by.key, by.name))
        return f"Archived: lists leave run `{run}` out, and `/moot runs state:archived` finds it."

    async def restore_run(self, run: str, by: Person) -> str:
        """Have a run in lists again."""
        if not (await self._get_own(run, by, "Unarchive")).archived:
            raise Refused("It is not archived.")
        await self._access.record(run, Restored(by.key, by.name))
        return "Lists have it again."

    async def count_messages(self, run: str, by: Person) -> int:
        """Return how many messages go with a run that the person may delete. Raises Refused."""
        await self._get_own(run, by, "Delete")
        return sum(bool(page.ref) for page in await self._store.posted_pages(run))

    async def delete_run(self, run: str, by: Person) -> str:
        """Delete a run for all people. Its messages are left to the platform to delete."""
        if not (await self._get_own(run, by, "Delete")).is_over:
            await self._access.record(run, Stopped(by.key))
        await self._access.record(run, Deleted(by.key))
        if self._deletions:
            await self._deletions.begin([run])
        return "Deleted."

    async def _get_own(self, run: str, by: Person, what: str) -> Transcript:
        """Return a run that the person steers alone; `what` begins the refusal. Raises Refused."""
        t = await self._access.get_writable_run(run, by)
        await self._access.require_may_steer(by, t, what)
        return t


def read_name(typed: str) -> str:
    """Return the name that somebody typed for a run, in one line. Raises Refused where it is too long."""
    text = " ".join(typed.split())
    if len(text) > NAME_CHARS:
        raise Refused(f"A name may have {NAME_CHARS} characters; this has {len(text)}.")
    return text
