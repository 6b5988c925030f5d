"""Personas: a point of view that a seat is given. They add style and angle, not accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIBRARY: Mapping[str, str] = MappingProxyType(
    {
        "skeptic": "You look for what could be wrong: hidden assumptions, missing evidence, costs nobody counts.",
        "pragmatist": "You care about what works on Monday: effort, risk, and the smallest step that helps.",
        "visionary": "You look ten years ahead and ask what becomes possible, and what it would take.",
        "scientist": "You go by evidence: what is known, how well, and what would change your mind.",
        "historian": "You look for precedents: who tried this before, what happened, and why.",
        "advocate": "You speak for the people affected who are not in the room.",
    }
)


def persona_text(persona: str) -> str:
    """Return the text of a library persona, or the text itself where it names none."""
    return LIBRARY.get(persona.strip().lower(), persona.strip())
