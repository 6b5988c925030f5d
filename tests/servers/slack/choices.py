"""Choices and input of a person, in the form that Slack sends (`state.values`, `actions`)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.servers.slack.blocks import find_element
from tests.servers.slack.world import Json

_ONE = {"users_select": "selected_user", "channels_select": "selected_channel", "datepicker": "selected_date",
        "conversations_select": "selected_conversation", "timepicker": "selected_time"}  # fmt: skip
_MANY = {"multi_users_select": "selected_users", "multi_channels_select": "selected_channels",
         "multi_conversations_select": "selected_conversations"}  # fmt: skip


def build_element_state(element: Json, value: object) -> Json:
    """Build the state of an element with this value in it; options are named by their `value`.

    Raises ValueError for an option that is not offered.
    """
    kind = str(element["type"])
    match kind:
        case "static_select" | "radio_buttons" | "overflow":
            return {"type": kind, "selected_option": None if value is None else _find_option(element, value)}
        case "multi_static_select" | "checkboxes":
            assert isinstance(value, (list, tuple))
            return {"type": kind, "selected_options": [_find_option(element, v) for v in value]}
        case _ if kind in _ONE:
            return {"type": kind, _ONE[kind]: value}
        case _ if kind in _MANY:
            return {"type": kind, _MANY[kind]: value}
        case _:
            return {"type": kind, "value": value}


def build_modal_state(blocks: list[Json], values: Mapping[str, object]) -> Json:
    """Build the state of a modal: `values` by action id, everything else as the app offered it.

    Raises ValueError for an unknown action id.
    """
    if unknown := [name for name in values if find_element(blocks, name) is None]:
        raise ValueError(f"nothing to fill in is called {unknown}")
    state: Json = {}
    for block in blocks:
        element = block.get("element") if block.get("type") == "input" else None
        if element is not None:
            said = values.get(element["action_id"], _initial_value(element))
            state.setdefault(block["block_id"], {})[element["action_id"]] = build_element_state(element, said)
    return state


def _initial_value(element: Json) -> object:
    many = element["type"] in ("multi_static_select", "checkboxes") or element["type"] in _MANY
    if options := element.get("initial_options"):
        return [o["value"] for o in options]
    if option := element.get("initial_option"):
        return option["value"]
    named = next((v for k, v in element.items() if k.startswith("initial_")), None)
    return [] if named is None and many else named


def _find_option(element: Json, value: object) -> Json:
    groups = [g["options"] for g in element.get("option_groups", [])]
    for option in [o for options in (element.get("options", []), *groups) for o in options]:
        if option["value"] == value:
            found: Json = option
            return found
    raise ValueError(f"{value!r} is not offered")
