"""Personas that fit a topic: the judge's task before the opening, and reading its reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.asks import JsonSchema
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.domain.visibility import alias
from bot.formats.debate.speaking_order import debate_rules
from bot.formats.json_replies import is_same_name, json_objects

CAST = TurnId("cast", 1, "judge")
PERSONA_CHARS = 400


def aliases_to_cast(t: Transcript) -> list[str]:
    """Return the aliases of the seats that are given a persona that fits the topic; later seats are not."""
    seats = [s for s in t.started.panel.seats if s.key not in t.steering.added]
    return [alias(t, s.key) for s in seats if not s.persona] if debate_rules(t).cast else []


def personas_by_seat(t: Transcript) -> Mapping[str, str]:
    """Return the personas given before the opening, by seat."""
    known = t.turns.get(CAST)
    written = read_casting(known.text, aliases_to_cast(t)) if known else {}
    return {s.key: written[name] for s in t.started.panel.seats if (name := alias(t, s.key)) in written}


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
