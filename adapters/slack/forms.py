"""Forms as Slack's modals, and what was filled in read back.

https://docs.slack.dev/surfaces/modals
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from commands.command import Form, Options, asked_type, bounds

Json = dict[str, Any]

CALLBACK = "moot"
TITLE_CHARS = 24
LABEL_CHARS = 75
OPTIONS = 100
TYPED_CHARS = 3_000  # what Slack lets people type into one field
LONG = ("question", "text", "note")
_YES_OR_NO = {True: "yes", False: "no"}


def modal(form: Form, kept: Mapping[str, str], suggested: Mapping[str, Sequence[str]]) -> Json:
    """`kept` comes back with the values; `suggested`: what a field may be chosen from."""
    fields = form.options.model_fields
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(form.title, TITLE_CHARS),
        "submit": _plain("Send", TITLE_CHARS),
        "close": _plain("Cancel", TITLE_CHARS),
        "private_metadata": json.dumps(kept),
        "blocks": [_input(n, fields[n], form.values.get(n), suggested.get(n, ())) for n in form.fields],
    }


def kept(view: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = json.loads(view.get("private_metadata") or "{}")
    return found


def values(view: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were filled in."""
    given = {name: _value(s) for block in view["state"]["values"].values() for name, s in block.items()}
    return {name: value for name, value in given.items() if value not in (None, "")}


def wrong(options: type[Options], given: Mapping[str, Any]) -> dict[str, str]:
    """Field → what is wrong with it, as Slack shows it under the field; empty when all is well."""
    try:
        options.model_validate(given)
    except ValidationError as error:
        return {str(e["loc"][-1]): e["msg"] for e in error.errors() if e["loc"]}
    return {}


def _value(state: Mapping[str, Any]) -> Any:
    if "selected_options" in state:
        return ", ".join(option["value"] for option in state["selected_options"] or ())
    if "selected_option" in state:
        return (state["selected_option"] or {}).get("value")
    return state.get("value")


def _input(name: str, field: FieldInfo, value: Any, suggested: Sequence[str]) -> Json:
    return {
        "type": "input",
        "block_id": name,
        "optional": not field.is_required(),
        "label": _plain(name.capitalize(), LABEL_CHARS),
        "hint": _plain(field.description or name, 150),
        "element": {"action_id": name} | _element(name, field, value, suggested),
    }


def _element(name: str, field: FieldInfo, value: Any, suggested: Sequence[str]) -> Json:
    inner = asked_type(field)
    if get_origin(inner) is Literal:
        return _select(get_args(inner), value or field.get_default())
    if inner is bool:
        return _select(("yes", "no"), _YES_OR_NO.get(field.get_default() if value is None else value, value))
    if inner is int:
        start = {} if value is None else {"initial_value": str(value)}
        given = {name: str(bound) for name, bound in bounds(field).items()}
        return {"type": "number_input", "is_decimal_allowed": False} | given | start
    if suggested and name == "models":
        return {"type": "multi_static_select", "options": [_option(choice) for choice in suggested[:OPTIONS]]}
    if suggested and name != "personas":
        return _select(suggested, value)
    start = {"initial_value": str(value)[:TYPED_CHARS]} if value else {}
    return {"type": "plain_text_input", "multiline": name in LONG, "max_length": TYPED_CHARS} | start


def _select(choices: Sequence[Any], value: Any) -> Json:
    offered = [str(choice) for choice in choices[:OPTIONS]]
    start = {"initial_option": _option(str(value))} if str(value) in offered else {}
    return {"type": "static_select", "options": [_option(choice) for choice in offered]} | start


def _option(text: str) -> Json:
    return {"text": _plain(text, LABEL_CHARS), "value": text}


def _plain(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": text if len(text) <= most else f"{text[: most - 1]}…"}
