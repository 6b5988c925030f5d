"""Messages of any shape: hypothesis strategies from an OpenAPI schema, and from a sample of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Json = Mapping[str, Any]

MAX_DEPTH = 5
WORD = "wörd"  # stands in every text, so that one can see whether texts were read
MARKS = (
    "<@1576>",
    "<@!2>",
    "<@&3>",
    "<#157>",
    "<:pepe:123>",
    "<a:dance:4>",
    "<t:1700000000:R>",
    "<t:99999999999999:F>",
    "</ask:5>",
    "<id:guide>",
    "<@U9>",
    "<@U9|ann>",
    "<#C1|>",
    "<!here>",
    "<!date^170^{date}|then>",
    "<https://wiki.example|our policy>",
    "&lt;b&gt;",
    "`<@1576>`",
    "```",
    "\ud800",
    "\udc00",
    "\0",
    "\x1b[31m",
    "😀",
    "<",
    ">",
    "|",
    "\n",
)


def texts() -> st.SearchStrategy[str]:
    """Return texts full of marks, each with `WORD` in it."""
    parts = st.lists(st.sampled_from(MARKS) | st.text(max_size=5), max_size=6)
    return st.tuples(parts, parts).map(lambda pair: f"{''.join(pair[0])} {WORD} {''.join(pair[1])}")


def from_schema(schemas: Json, schema: Json, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return values of an OpenAPI schema; optional parts may be left out, deep ones are."""
    if "$ref" in schema:
        return st.deferred(lambda: from_schema(schemas, schemas[schema["$ref"].rpartition("/")[2]], depth))
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return st.one_of([from_schema(schemas, choice, depth) for choice in choices])
    kinds = schema.get("type", "object")
    return st.one_of(
        [_of_kind(schemas, schema, kind, depth) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    )


def _of_kind(schemas: Json, schema: Json, kind: str, depth: int) -> st.SearchStrategy[Any]:
    match kind:
        case "string" if schema.get("format") == "date-time":
            return st.sampled_from(["2026-11-28T21:00:00+00:00", "2026-11-28T21:00:00.123456Z", "0001-01-01T00:00:00"])
        case "string" if "pattern" in schema:
            return st.integers(0, 2**63).map(str)
        case "string":
            return texts()
        case "integer":
            return st.integers(-(2**31), 2**31)
        case "number":
            return st.floats(allow_nan=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            items = from_schema(schemas, schema.get("items", {}), depth + 1)
            return st.lists(items, max_size=0 if depth > MAX_DEPTH else 2)
        case _:
            required = schema.get("required") or ()
            fields = {
                name: from_schema(schemas, part, depth + 1) for name, part in schema.get("properties", {}).items()
            }
            optional = {n: s for n, s in fields.items() if n not in required} if depth <= MAX_DEPTH else {}
            return st.fixed_dictionaries({n: s for n, s in fields.items() if n in required}, optional=optional)


def from_sample(sample: Any, key: str = "") -> st.SearchStrategy[Any]:
    """Return values in the shape of a sample of JSON, with parts left out and texts of any kind. Types stay."""
    match sample:
        case dict():
            fixed = {n: from_sample(value, n) for n, value in sample.items() if n in ("type", "id")}
            return st.fixed_dictionaries(
                fixed, optional={n: from_sample(value, n) for n, value in sample.items() if n not in fixed}
            )
        case list() if sample:
            return st.lists(st.one_of([*(from_sample(item) for item in sample), st.none()]), max_size=3)
        case str() if key in ("type", "id", "ts", "style"):
            return st.just(sample)
        case str():
            return texts()
        case bool():
            return st.booleans()
        case int() | float():
            return st.integers(0, 2**33)
        case _:
            return st.just(sample)
