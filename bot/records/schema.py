"""The JSON Schema of an exported run, made from the classes of facts: `python -m bot.records.schema` prints it."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.domain.codec import FACTS
from bot.records.record import KIND, MAX_FACTS, MAX_SNAPSHOTS, RUN_PATTERN, VERSION

Schema = dict[str, Any]
TURN: Schema = {
    "type": "string",
    "pattern": "^[^/]+/-?[0-9]+/[^/]*(/[0-9]+)?$",
    "description": "stage/round/seat, and /ask from the second ask on",
}
TIME: Schema = {"type": "number", "minimum": 0, "description": "wall time in seconds since 1970, UTC"}


class _FactSchemas(GenerateJsonSchema):
    """Schemas of classes that have no fields but those that there are."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return {**super().dataclass_schema(schema), "additionalProperties": False}


def make_schema() -> Schema:
    """Return the schema of what `bot.records.record.write_record` writes."""
    named, shared = TypeAdapter.json_schemas(
        [(kind, "validation", TypeAdapter(fact)) for kind, fact in FACTS.items()], schema_generator=_FactSchemas
    )
    shared["$defs"]["TurnId"] = TURN  # which `bot.domain.codec` writes as text
    fact = {"anyOf": [_fact_row(kind, named[kind, "validation"]) for kind in FACTS]}
    shot = _closed_object(
        turn=TURN,
        at=TIME,
        kept={"type": "integer", "minimum": 0, "description": "so many code points of the snapshot before stay"},
        text={"type": "string", "description": "what follows them"},
    )
    facts = {"type": "array", "items": fact, "maxItems": MAX_FACTS, "description": "what has happened, in order"}
    shots = {"type": "array", "items": shot, "maxItems": MAX_SNAPSHOTS, "description": "what turns showed when"}
    run = {"type": "string", "pattern": RUN_PATTERN}
    top = _closed_object(document={"const": KIND}, version={"const": VERSION}, run=run, facts=facts, snapshots=shots)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A run of Moot", **top, **shared}


def _fact_row(kind: str, data: JsonSchemaValue) -> Schema:
    return _closed_object(seq={"type": "integer", "minimum": 1}, at=TIME, kind={"const": kind}, data=data)


def _closed_object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n")
