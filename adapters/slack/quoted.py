"""Messages of others that forms are open about, kept in the store, as another process may be sent the form."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.controls import Target
from bot.errors import Refused
from bot.ports.process import Clock
from bot.ports.store import DocumentStore

PREFIX = "slack/quoted/"  # of documents, each by its person
KEPT_S = 3_600.0  # nobody leaves a form open for longer
GONE = "What this form is about is not known here any more: use the shortcut once more."

Json = Mapping[str, Any]


class QuotedMessages:
    """The message that the latest form of each person is about, with its files, until the form is sent."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def keep(self, person: str, target: Target, files: Sequence[Json]) -> str:
        """Keep a message for a person's form, in place of an earlier one, and return its name."""
        await self.forget_old()
        name = secrets.token_hex(8)
        message = [target.text, target.author, target.carried]
        kept: Any = {"by": person, "at": self._clock(), "name": name, "message": message, "files": list(files)}
        await self._documents.put(PREFIX + person, kept)
        return name

    async def take(self, person: str, name: str) -> tuple[Target, Sequence[Json]]:
        """Take the message of a person's form away and return it. Raises Refused where it is not there any more."""
        kept: Any = (await self._documents.documents(PREFIX + person)).get(PREFIX + person)
        if kept is None or kept["name"] != name or self._is_old(kept):
            raise Refused(GONE)
        await self._documents.put(PREFIX + person, None)
        return Target("", None, *kept["message"]), kept["files"]

    async def forget_old(self) -> None:
        """Forget messages whose forms were not sent."""
        for key, kept in (await self._documents.documents(PREFIX)).items():
            if self._is_old(kept):
                await self._documents.put(key, None)

    def _is_old(self, kept: Any) -> bool:
        return not 0 <= self._clock() - kept["at"] < KEPT_S
