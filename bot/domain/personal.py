"""What facts keep of a person, and what is left of such a fact once its person wants to be forgotten. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from bot.domain.codec import FACTS, encode
from bot.domain.facts import Fact, Forgotten, Guessed, Interjected, Objected, RunStarted, VoteCast, VoteWithdrawn

PERSONAL_KINDS = tuple(name for name, kind in FACTS.items() if "by" in {field.name for field in fields(kind)})
SOMEBODY = "somebody"
TAKEN_BACK = "(taken back)"
MACHINERY = ("panel", "rules", "seed", "prompts", "steps", "absent", "expected", "images")  # of a start: not theirs


def erase_person(fact: Fact, alias: str) -> Fact:
    """Return what stays in the place of a fact of somebody's.

    What has changed the course of a run stays, as by `alias`, since the run is read again from its facts.
    """
    match fact:
        case VoteCast() | VoteWithdrawn() | Guessed() | Interjected():
            return Forgotten()
        case Objected():
            fact = replace(fact, text=TAKEN_BACK)
    known = {field.name for field in fields(fact)}
    changed: dict[str, Any] = {"by": alias} | ({"name": SOMEBODY} if "name" in known else {})
    return replace(fact, **changed)


def describe_act(fact: Fact) -> Mapping[str, Any]:
    """Return a fact of somebody's for them to read: of a run that they have started, what they have said."""
    kind, data = encode(fact)
    if isinstance(fact, RunStarted):
        data = {name: value for name, value in data.items() if name not in MACHINERY}
        data["pictures"] = [image.name for image in fact.images]
    return {"kind": kind, **data}
