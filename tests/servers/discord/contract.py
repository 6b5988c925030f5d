"""A check of requests against Discord's own OpenAPI document, where that is present."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URN = "urn:discord"

# The document allows less than Discord does, in two points that discord.py uses.
# discord.py sends ids in bodies as numbers (allowed_mentions, message_reference). Discord takes numbers and strings:
# https://docs.discord.com/developers/reference (ID Serialization)
SNOWFLAKE_AS_NUMBER = {"type": "integer", "minimum": 0}
# For a forum post this query asks for the `message` object of today's documentation instead of flat fields.
TOLERATED_QUERIES = frozenset({("POST", "/channels/{channel_id}/threads", "use_nested_fields")})


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that differs from the document.

    `where` names a field of the body, a query parameter or a path parameter.
    """

    method: str
    route: str
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.method} {self.route}: {self.where}: {self.reason}"


class Contract:
    """Discord's OpenAPI document; the validator of a route is compiled at its first use, and kept."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths: Mapping[str, Any] = document["paths"]
        schemas = document["components"]["schemas"]
        lenient = {**schemas, "SnowflakeType": {"anyOf": [schemas["SnowflakeType"], SNOWFLAKE_AS_NUMBER]}}
        document = {**document, "components": {**document["components"], "schemas": lenient}}
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(URN, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self._find_error_cached = lru_cache(maxsize=64)(self._find_error)  # many tests register the same commands

    @classmethod
    @cache
    def load(cls, path: Path) -> Contract | None:
        """Load the document, or return None where the file is absent."""
        return cls(json.loads(path.read_text("utf-8"))) if path.exists() else None

    def check(
        self, method: str, route: str, path: Mapping[str, str], query: Mapping[str, str], body: object
    ) -> list[Violation]:
        """Return all violations of one request.

        `body` is the JSON body (of a multipart request its payload_json); None: there is none.
        """
        operation = self._paths.get(route, {}).get(method.lower())
        if operation is None:
            return [Violation(method, route, "path", "no such operation")]
        found = self._check_parameters(method, route, path, query)
        content = operation.get("requestBody", {}).get("content", {})
        if body is not None and "application/json" in content:
            pointer = f"/paths/{_escape_route(route)}/{method.lower()}/requestBody/content/application~1json/schema"
            wrong = self._find_error_cached(pointer, json.dumps(body))
            if wrong is not None:
                found.append(Violation(method, route, f"body {wrong.json_path}", wrong.message[:500]))
        elif body is not None and not content:
            found.append(Violation(method, route, "body", "this operation takes none"))
        elif body is None and operation.get("requestBody", {}).get("required"):
            found.append(Violation(method, route, "body", "this operation needs one"))
        return found

    def _check_parameters(
        self, method: str, route: str, path: Mapping[str, str], query: Mapping[str, str]
    ) -> list[Violation]:
        given = {"path": path, "query": query}
        known: set[tuple[str, str]] = set()
        found = []
        pointer = f"/paths/{_escape_route(route)}"
        shared = self._paths[route].get("parameters") or []
        own = self._paths[route][method.lower()].get("parameters") or []
        places = [(f"{pointer}/parameters", shared), (f"{pointer}/{method.lower()}/parameters", own)]
        for i, (at, parameter) in ((i, (at, p)) for at, ps in places for i, p in enumerate(ps)):
            name, place = parameter["name"], parameter["in"]
            known.add((place, name))
            value = given.get(place, {}).get(name)
            if value is None:
                if parameter.get("required"):
                    found.append(Violation(method, route, f"{place} {name}", "missing"))
                continue
            wrong = best_match(
                self._validator(f"{at}/{i}/schema").iter_errors(_parse_parameter(value, parameter["schema"]))
            )
            if wrong is not None:
                found.append(Violation(method, route, f"{place} {name}", wrong.message[:500]))
        unknown = [n for n in query if ("query", n) not in known and (method, route, n) not in TOLERATED_QUERIES]
        return found + [Violation(method, route, f"query {name}", "unknown") for name in unknown]

    def _find_error(self, pointer: str, body: str) -> ValidationError | None:
        return best_match(self._validator(pointer).iter_errors(json.loads(body)))

    def _validator(self, pointer: str) -> Draft202012Validator:
        if pointer not in self._validators:
            schema = {"$ref": f"{URN}#{pointer}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[pointer]


def _escape_route(route: str) -> str:
    """Escape a route as one step of a JSON pointer in a URI fragment."""
    return route.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _parse_parameter(value: str, schema: Mapping[str, Any]) -> object:
    """Convert a parameter from its text on the wire; booleans may be written as 0 and 1 as well."""
    match schema.get("type"):
        case "integer":
            return int(value) if value.lstrip("-").isdigit() else value
        case "boolean":
            return {"0": False, "1": True, "false": False, "true": True, "False": False, "True": True}.get(value, value)
        case _:
            return value
