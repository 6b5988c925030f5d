"""The check whether a debate goes on: the judge's task after a round, and reading its reply.

Only an explicit word ends a debate. A reply that cannot be read lets it go on: a round too many costs money, a debate
cut off by a slip of the pen loses its purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bot.domain.asks import JsonSchema
from bot.formats.json_replies import is_same_name, json_objects

State = Literal["agreement", "nothing new", "going on"]


@dataclass(frozen=True, slots=True)
class ContinuationCheck:
    state: State
    because: str = ""


def check_schema() -> JsonSchema:
    return {
        "type": "object",
        "properties": {
            "because": {"type": "string", "description": "one sentence"},
            "state": {"type": "string", "enum": list(get_args(State))},
        },
        "required": ["because", "state"],
        "additionalProperties": False,
    }


def read_check(text: str) -> ContinuationCheck:
    """Read the last object that names one of the states; "going on" where none does. Never raises."""
    for reply in reversed(json_objects(text)):
        for state in get_args(State):
            if is_same_name(reply.get("state"), state):
                because = reply.get("because")
                return ContinuationCheck(state, " ".join(because.split()) if isinstance(because, str) else "")
    return ContinuationCheck("going on")
