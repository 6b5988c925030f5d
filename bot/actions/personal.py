"""What is kept of one person: told to them, written as a file of theirs, and let go.

A person is an account of one platform; on Slack, of one workspace. Nobody knows which of them are the same human being.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.actions.deletions import Deletions, DeletionStore
from bot.domain.facts import Deleted, Fact, Guessed, Interjected, Objected, RunStarted, Stopped, VoteCast
from bot.domain.personal import describe_act
from bot.domain.transcript import Entry
from bot.ports.process import Clock
from bot.ports.spending import CostStore
from bot.ports.store import Json
from bot.text import join_names

COUNTED = {"remark": (Interjected, Objected), "vote": (VoteCast,), "guess": (Guessed,)}
Record = Callable[[str, Fact], Awaitable[None]]
SECRET = "sealed"  # the field of a key that is given to nobody, not even to whoever gave it


class PersonStore(DeletionStore, CostStore, Protocol):
    """A store that finds what it keeps of a person."""

    async def acts(self, person: str) -> Mapping[str, Sequence[Entry]]:
        """Return the facts that are a person's, by run; never of deleted runs."""
        ...

    async def forget_acts(self, person: str, runs: Sequence[str]) -> None:
        """Take a person out of runs that others have started, for good."""
        ...

    async def has_offer(self, person: str) -> bool:
        """Return whether something is kept of a run that waits, or has waited lately, for a person to agree."""
        ...

    async def forget_offer(self, person: str) -> None:
        """Let that go, for good."""
        ...


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The facts of a person by run, the documents that are theirs, and whether something waits for them to agree."""

    acts: Mapping[str, Sequence[Entry]]
    documents: Mapping[str, Json]
    has_offer: bool

    @property
    def started(self) -> list[str]:
        """Return the runs that they have started."""
        return [run for run, acts in self.acts.items() if any(isinstance(e.fact, RunStarted) for e in acts)]

    @property
    def joined(self) -> list[str]:
        """Return the runs of others in which they have done something."""
        started = set(self.started)
        return [run for run in self.acts if run not in started]

    def describe(self, whose: str = "yours") -> str:
        """Say in words what there is, in counts; "" where there is nothing. `whose`: "theirs" to anybody else."""
        elsewhere = [entry.fact for run in self.joined for entry in self.acts[run]]
        counts = [(sum(isinstance(f, kinds) for f in elsewhere), word) for word, kinds in COUNTED.items()]
        said = [_count(n, word) for n, word in counts if n]
        parts = [f"{_count(len(self.started), 'run')} of {whose}, with all texts"] if self.started else []
        if said:
            parts.append(f"{join_names(said)} in runs of others")
        elif self.joined:
            parts.append(f"{whose.removesuffix('s')} name in {_count(len(self.joined), 'run')} of others")
        if self.has_offer:
            parts.append("the last run that was offered")
        if self.documents:
            parts.append(f"{_count(len(self.documents), 'key or setting', 'keys and settings')} of {whose}")
        return "; ".join(parts)


class PersonalActions:
    """What people may do with all that is kept of them. No right is needed: it is theirs, wherever it stands."""

    def __init__(
        self,
        store: PersonStore,
        record: Record,
        find_running: Callable[[str], object],
        resume_unfinished: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """Take what it needs.

        `record` stores a fact of a run; `find_running` returns what runs of it, or None; `resume_unfinished` has runs
        shown that read otherwise now.
        """
        self.deletions = Deletions(store, clock)
        self._store = store
        self._record = record
        self._find_running = find_running
        self._resume_unfinished = resume_unfinished
        self._clock = clock

    async def collect(self, person: str) -> PersonalData:
        """Return what is kept of a person, by their key."""
        acts, documents = await self._store.acts(person), await self._list_documents(person)
        return PersonalData(acts, documents, await self._store.has_offer(person))

    async def write_file(self, person: str) -> str:
        """Return all that is kept of a person as JSON."""
        data = await self.collect(person)
        spent = [row for row in await self._store.costs("person", 0.0) if row.name == person]
        document = {
            "document": "moot person",
            "version": 1,
            "person": person,
            "at": self._clock(),
            "runs": {run: [_describe_entry(entry) for entry in acts] for run, acts in data.acts.items()},
            "documents": {key: _hide_secret(value) for key, value in data.documents.items()},
            "costs": [{"calls": row.calls, "usd": row.usd} for row in spent],
        }
        return json.dumps(document, indent=1) + "\n"

    async def forget(self, person: str) -> tuple[str, Sequence[str]]:
        """Let go what is kept of a person; return a sentence, and their runs, whose texts and messages are to go.

        Runs of others that go on are left as they are, since they still work with what was said.
        """
        data = await self.collect(person)
        if data.has_offer:
            await self._store.forget_offer(person)
        for key in data.documents:
            await self._store.put(key, None)
        for run in data.started:
            if self._find_running(run) is not None:
                await self._record(run, Stopped(person))
            await self._record(run, Deleted(person))
        await self.deletions.begin(data.started)
        going = [run for run in data.joined if self._find_running(run) is not None]
        over = [run for run in data.joined if run not in going]
        await self._store.forget_acts(person, over)
        await self._resume_unfinished()
        return _tell_rest(len(going)), data.started

    async def _list_documents(self, person: str) -> dict[str, Json]:
        """Return the documents that a person has given, and those of their direct messages, where nobody else is."""
        platform, _, number = person.partition(":")
        return {
            key: value
            for key, value in (await self._store.documents("")).items()
            if (f"/{platform}:" in key and f":@{number}/" in key)
            or (isinstance(value, Mapping) and value.get("by") == person)
        }


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _tell_rest(going: int) -> str:
    if not going:
        return "Forgotten. The messages of your runs and of your remarks go now, which may take a while."
    count = _count(going, "run of others goes", "runs of others go")
    return f"Forgotten, but for what you said where {count} on: use `/moot forget-me` again once that is over."


def _describe_entry(entry: Entry) -> Mapping[str, Any]:
    return {"at": entry.at, **describe_act(entry.fact)}


def _hide_secret(value: Json) -> Json:
    return {k: v for k, v in value.items() if k != SECRET} if isinstance(value, Mapping) else value
