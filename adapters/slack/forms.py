"""Forms as Slack's modals, and the values that were filled in, read back.

https://docs.slack.dev/surfaces/modals
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from commands.command import Form, Options, plain_type, read_bounds

Json = dict[str, Any]

CALLBACK = "moot"
TITLE_CHARS = 24
LABEL_CHARS = 75
OPTIONS = 100
TYPED_CHARS = 3_000  # as much as Slack lets people type into one field
LONG = ("question", "text", "note")
_YES_OR_NO = {True: "yes", False: "no"}


def build_view(form: Form, sealed: str, suggested: Mapping[str, Sequence[str]]) -> Json:
    """Return the form as a modal. `sealed` comes back with its values; `suggested`: field → its choices."""
    fields = form.options.model_fields
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain_text(form.title, TITLE_CHARS),
        "submit": _plain_text("Send", TITLE_CHARS),
        "close": _plain_text("Cancel", TITLE_CHARS),
        "private_metadata": sealed,
        "blocks": [_build_input(n, fields[n], form.values.get(n), suggested.get(n, ())) for n in form.fields],
    }


def read_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were filled in."""
    values = {name: _read_value(s) for block in view["state"]["values"].values() for name, s in block.items()}
    return {name: value for name, value in values.items() if value not in (None, "")}


def find_mistakes(options: type[Options], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each field, as Slack shows it under the field; empty when all is well."""
    try:
        options.model_validate(values)
    except ValidationError as error:
        return {str(e["loc"][-1]): e["msg"] for e in error.errors() if e["loc"]}
    return {}


def _read_value(state: Mapping[str, Any]) -> Any:
    if "selected_options" in state:
        return ", ".join(option["value"] for option in state["selected_options"] or ())
    if "selected_option" in state:
        return (state["selected_option"] or {}).get("value")
    return state.get("value")


def _build_input(name: str, field: FieldInfo, value: Any, suggested: Sequence[str]) -> Json:
    return {
        "type": "input",
        "block_id": name,
        "optional": not field.is_required(),
        "label": _plain_text(name.capitalize(), LABEL_CHARS),
        "hint": _plain_text(field.description or name, 150),
        "element": {"action_id": name} | _build_element(name, field, value, suggested),
    }


def _build_element(name: str, field: FieldInfo, value: Any, suggested: Sequence[str]) -> Json:
    inner = plain_type(field)
    if get_origin(inner) is Literal:
        return _build_select(get_args(inner), value or field.get_default())
    if inner is bool:
        return _build_select(("yes", "no"), _YES_OR_NO.get(field.get_default() if value is None else value, value))
    if inner is int:
        start = {} if value is None else {"initial_value": str(value)}
        limits = {name: str(bound) for name, bound in read_bounds(field).items()}
        return {"type": "number_input", "is_decimal_allowed": False} | limits | start
    if suggested and name == "models":
        return {"type": "multi_static_select", "options": [_build_option(choice) for choice in suggested[:OPTIONS]]}
    if suggested and name != "personas":
        return _build_select(suggested, value)
    start = {"initial_value": str(value)[:TYPED_CHARS]} if value else {}
    return {"type": "plain_text_input", "multiline": name in LONG, "max_length": TYPED_CHARS} | start


def _build_select(choices: Sequence[Any], value: Any) -> Json:
    offered = [str(choice) for choice in choices[:OPTIONS]]
    start = {"initial_option": _build_option(str(value))} if str(value) in offered else {}
    return {"type": "static_select", "options": [_build_option(choice) for choice in offered]} | start


def _build_option(text: str) -> Json:
    return {"text": _plain_text(text, LABEL_CHARS), "value": text}


def _plain_text(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": text if len(text) <= most else f"{text[: most - 1]}…"}
