"""Permissions: pure decisions from a person, a server's settings and what has happened in a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.settings.platforms import ServerSettings
from bot.text import as_text, clean_text, join_names

MIN_PRESENT = 3  # fewer people cannot decide anything together


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a person in one place. `moderate`: over what others do there."""

    see: bool = False
    write: bool = False
    moderate: bool = False


NO_RIGHTS = Rights()
RightsAt = Callable[[str], Awaitable[Rights | None]]  # by the address of a place; None: that place is gone


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's standing in a server that a direct message is outside of."""

    server: str
    roles: frozenset[str] = frozenset()
    manager: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A person on a platform, with their roles in the place where they act.

    `key` is unique over all platforms. `roles` holds each role by its id and by its name. `moderator` and `may_write`
    are rights in that place, `manager` is the right to set up its whole server; None: the place is the whole server, as
    in a terminal. `channel`: the id of where they act, or of the channel around that thread. `rights_at` looks up their
    rights in other places; None: there are no others. `shared`: in a direct message, the servers whose rules hold.
    """

    key: str
    name: str
    server: str = ""
    moderator: bool = False
    roles: frozenset[str] = frozenset()
    manager: bool | None = None
    channel: str = ""
    may_write: bool = True
    rights_at: RightsAt | None = field(default=None, compare=False, repr=False)
    shared: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clean_text(self.name))  # as platforms send it

    @property
    def id(self) -> str:
        """Return the platform's id of the person: "123" of "discord:123"."""
        return self.key.partition(":")[2]

    @property
    def is_direct(self) -> bool:
        """Return whether the person writes directly, where each is a server of their own ("slack:T1:@U1")."""
        return ":@" in self.server

    @property
    def may_set_up(self) -> bool:
        """Return whether the person may set up what their whole server uses."""
        return self.moderator if self.manager is None else self.manager

    @property
    def ruled_by(self) -> tuple[str, ...]:
        """Return the servers whose rules hold for what the person does here."""
        return tuple(member.server for member in self.shared) or (self.server,)

    def as_members(self) -> tuple[Person, ...]:
        """Return the person as each server knows them whose rules hold here."""
        members = (replace(self, server=m.server, roles=m.roles, manager=m.manager, shared=()) for m in self.shared)
        return tuple(members) or (self,)


def require_admitted(person: Person, server: ServerSettings) -> None:
    """Raise Refused for a person whom the operator has denied, by their id or by a role."""
    if set(server.deny) & {person.id, *person.roles}:
        raise Refused("You may not use me here: whoever runs me has decided so, and can change it.")


def require_may_start(person: Person, channels: Collection[str], server: ServerSettings) -> None:
    """Raise Refused unless the person may start a run in one of these channels."""
    if not person.may_write:
        raise Refused("You cannot write here, so no run starts here for you: ask where you can.")
    if server.channels and not set(server.channels) & set(channels):
        raise Refused(f"Runs are started in {join_names(server.channels, 'or')} here; try it there.")
    if server.start_roles and not (person.moderator or person.roles & set(server.start_roles)):
        raise Refused(f"Starting a run needs the role {join_names(server.start_roles, 'or')} here.")


def require_may_write_prompts(person: Person, server: ServerSettings, what: str) -> None:
    """Raise Refused unless the person may put words into models' instructions in this place."""
    if not (person.moderator or person.may_set_up or person.roles & set(server.panel_roles)):
        raise Refused(f"{what} needs {_name_roles(server, 'a moderator here')}.")


def require_may_edit_panels(person: Person, server: ServerSettings, what: str) -> None:
    """Raise Refused unless the person may edit panels and pipelines, which a whole server uses."""
    if not (person.may_set_up or person.roles & set(server.panel_roles)):
        raise Refused(f"{what} needs {_name_roles(server, 'somebody who manages this server')}.")


def require_may_give_keys(person: Person, server: ServerSettings, what: str) -> None:
    """Raise Refused unless the person may decide what a whole server pays for."""
    if not person.may_set_up:
        raise Refused(f"{what} is for somebody who manages this server.")


def _name_roles(server: ServerSettings, others: str) -> str:
    return f"the role {join_names(server.panel_roles, 'or')} here" if server.panel_roles else others


def may_steer(person: Person, t: Transcript) -> bool:
    """Return whether the person steers the run alone, as its starter and moderators do."""
    return person.moderator or person.key == t.started.by


def require_may_steer(person: Person, t: Transcript, what: str) -> None:
    """Raise Refused unless the person steers the run alone; `what` begins the refusal."""
    if not may_steer(person, t):
        raise Refused(f"{what} is for {as_text(t.started.name) or 'the person who started this run'} and moderators.")


def require_moderator(person: Person, what: str) -> None:
    """Raise Refused unless the person is a moderator; `what` begins the refusal."""
    if not person.moderator:
        raise Refused(f"{what} is for moderators.")


def count_missing_voices(t: Transcript, turn: TurnId) -> int:
    """Return how many more people must wish a skip: more than half of those present, of whom there must be three."""
    wishing = {wish.by for wish in t.skip_wishes if wish.turn == turn}
    present = len(t.present)
    return max(present // 2 + 1 - len(wishing), MIN_PRESENT - present)
