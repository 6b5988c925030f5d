"""Personas that fit a topic: the judge's task before the opening, and reading its reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.asks import JsonSchema
from bot.formats.json_replies import is_same_name, json_objects

PERSONA_CHARS = 400


def casting_schema(debaters: Sequence[str]) -> JsonSchema:
    part = {
        "type": "object",
        "properties": {
            "debater": {"type": "string", "enum": list(debaters)},
            "persona": {"type": "string", "description": "one or two sentences that begin with “You are”"},
        },
        "required": ["debater", "persona"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"personas": {"type": "array", "items": part, "description": "every debater once"}},
        "required": ["personas"],
        "additionalProperties": False,
    }


def read_casting(text: str, debaters: Sequence[str]) -> Mapping[str, str]:
    """Read the personas in a reply, by debater; never raises.

    A debater that was left out speaks as itself. A persona is one line of at most PERSONA_CHARS characters, so that it
    cannot pass for another part of a prompt.
    """
    lists = [r["personas"] for r in json_objects(text) if isinstance(r.get("personas"), list)]
    given: list[object] = lists[-1] if lists else []
    written = [(row.get("debater"), row.get("persona")) for row in given if isinstance(row, dict)]
    return {
        debater: " ".join(persona.split())[:PERSONA_CHARS]
        for debater in debaters
        for name, persona in written
        if is_same_name(name, debater) and isinstance(persona, str) and persona.strip()
    }
