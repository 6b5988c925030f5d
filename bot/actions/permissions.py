"""Permissions: pure decisions from a person, a server's settings and what has happened in a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.settings import ServerSettings
from bot.text import join_names

MIN_PRESENT = 3  # fewer people cannot decide anything together


@dataclass(frozen=True, slots=True)
class Person:
    """A person on a platform, with their roles in the place where they act.

    `key` is unique over all platforms. `roles` holds each role by its id and by its name.
    """

    key: str
    name: str
    server: str = ""
    moderator: bool = False
    roles: frozenset[str] = frozenset()


def require_may_start(person: Person, channels: Collection[str], server: ServerSettings) -> None:
    """Raise Refused unless the person may start a run in one of these channels."""
    if server.channels and not set(server.channels) & set(channels):
        raise Refused(f"Runs are started in {join_names(server.channels, 'or')} here; try it there.")
    if server.start_roles and not (person.moderator or person.roles & set(server.start_roles)):
        raise Refused(f"Starting a run needs the role {join_names(server.start_roles, 'or')} here.")


def require_may_edit_panels(person: Person, server: ServerSettings, what: str) -> None:
    """Raise Refused unless the person may edit panels, which put words into models' mouths."""
    if not (person.moderator or person.roles & set(server.panel_roles)):
        who = f"the role {join_names(server.panel_roles, 'or')}" if server.panel_roles else "a moderator"
        raise Refused(f"{what} needs {who} here.")


def may_steer(person: Person, t: Transcript) -> bool:
    """Return whether the person steers the run alone, as its starter and moderators do."""
    return person.moderator or person.key == t.started.by


def require_may_steer(person: Person, t: Transcript, what: str) -> None:
    """Raise Refused unless the person steers the run alone; `what` begins the refusal."""
    if not may_steer(person, t):
        raise Refused(f"{what} is for {t.started.name or 'the person who started this run'} and moderators.")


def require_moderator(person: Person, what: str) -> None:
    """Raise Refused unless the person is a moderator; `what` begins the refusal."""
    if not person.moderator:
        raise Refused(f"{what} is for moderators.")


def count_missing_voices(t: Transcript, turn: TurnId) -> int:
    """Return how many more people must wish a skip: more than half of those present, of whom there must be three."""
    wishing = {wish.by for wish in t.skip_wishes if wish.turn == turn}
    present = len(t.present)
    return max(present // 2 + 1 - len(wishing), MIN_PRESENT - present)
