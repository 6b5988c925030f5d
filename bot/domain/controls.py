"""What people may press: a button under a message, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Control:
    """A button under a message: `action` as `commands.controls` declares it, `about` its turn or seat."""

    action: str
    label: str
    about: str = ""
