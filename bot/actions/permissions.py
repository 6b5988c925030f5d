"""Who may do what: pure decisions on a person, a server's settings and what has happened in a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.settings import ServerSettings
from bot.text import join_names

LEAST_PRESENT = 3  # fewer cannot decide anything together


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a platform, as they stand where they act. `key` is theirs alone over all platforms; roles and
    channels are known by id and by name."""

    key: str
    name: str
    server: str = ""
    moderator: bool = False
    roles: frozenset[str] = frozenset()


def require_may_start(person: Person, channels: Collection[str], server: ServerSettings) -> None:
    """Raises Refused where this person may not start a run."""
    if server.channels and not set(server.channels) & set(channels):
        raise Refused(f"Runs are started in {join_names(server.channels, 'or')} here; try it there.")
    if server.start_roles and not (person.moderator or person.roles & set(server.start_roles)):
        raise Refused(f"Starting a run needs the role {join_names(server.start_roles, 'or')} here.")


def require_may_edit_panels(person: Person, server: ServerSettings, what: str) -> None:
    """Panels and free-text personas put words into models' mouths, so they are a role's. Raises Refused."""
    if not (person.moderator or person.roles & set(server.panel_roles)):
        who = f"the role {join_names(server.panel_roles, 'or')}" if server.panel_roles else "a moderator"
        raise Refused(f"{what} needs {who} here.")


def may_steer(person: Person, t: Transcript) -> bool:
    """Whether they decide alone in this run: its starter and moderators."""
    return person.moderator or person.key == t.started.by


def require_may_steer(person: Person, t: Transcript, what: str) -> None:
    if not may_steer(person, t):
        raise Refused(f"{what} is for {t.started.name or 'the person who started this run'} and moderators.")


def require_moderator(person: Person, what: str) -> None:
    if not person.moderator:
        raise Refused(f"{what} is for moderators.")


def count_missing_voices(t: Transcript, turn: TurnId) -> int:
    """How many more must wish a skip: more than half of those present, who are three at least."""
    wishing = {wish.by for wish in t.skip_wishes if wish.turn == turn}
    present = len(t.present)
    return max(present // 2 + 1 - len(wishing), LEAST_PRESENT - present)
