"""Modals: what Discord accepts of an app, and what a person's client sends back.

https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.servers.discord import payloads
from tests.servers.discord.checks import count_problem, duplicate_problems, length_problems
from tests.servers.discord.commands import CannotAct, require_within
from tests.servers.discord.errors import Problem, invalid_form
from tests.servers.discord.hub import Hub
from tests.servers.discord.world import Channel, Upload, walk

Json = dict[str, Any]
ROW, TEXT_INPUT, TEXT_DISPLAY, LABEL = 1, 4, 10, 18
FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 19, 21, 22, 23
SELECTS = (3, 5, 6, 7, 8)
IN_LABELS = (*SELECTS, TEXT_INPUT, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX)
ONE_VALUE = (TEXT_INPUT, RADIO_GROUP, CHECKBOX)  # the others have a list of values
OPTIONS = {3: (1, 25), RADIO_GROUP: (2, 10), CHECKBOX_GROUP: (1, 10)}  # the fewest and the most
MOST_VALUES = {**dict.fromkeys(SELECTS, 25), FILE_UPLOAD: 10, CHECKBOX_GROUP: 10}


def check_modal(data: Json) -> None:
    """Raise 50035 with every problem of a modal: its title, its one to five components, and what they hold."""
    components = data.get("components") or []
    problems = length_problems("title", data.get("title") or "", 45)
    if not 1 <= len(components) <= 5:
        problems.append(count_problem("components", 5))
    problems += duplicate_problems(list(walk(components)))
    for i, component in enumerate(components):
        problems += _top_problems(f"components.{i}", component)
    if problems:
        raise invalid_form(problems)


def _top_problems(path: str, component: Json) -> Iterator[Problem]:
    match component["type"]:
        case 18:
            yield from length_problems(f"{path}.label", component.get("label") or "", 45)
            yield from length_problems(f"{path}.description", component.get("description") or "", 100)
            if component["component"]["type"] not in IN_LABELS:
                yield Problem(f"{path}.component", "UNION_TYPE_CHOICES", f"Value of field must be one of {IN_LABELS}.")
            else:
                yield from _input_problems(f"{path}.component", component["component"])
        case 1:
            if [inner["type"] for inner in component["components"]] != [TEXT_INPUT]:
                yield Problem(f"{path}.components", "UNION_TYPE_CHOICES", "A row in a modal holds one text input.")
        case 10:
            pass
        case _:
            yield Problem(f"{path}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1, 10, 18).")


def _input_problems(path: str, component: Json) -> Iterator[Problem]:
    kind = component["type"]
    if kind == TEXT_INPUT:
        yield from length_problems(f"{path}.value", component.get("value") or "", 4000)
    if kind in OPTIONS:
        yield from _option_problems(path, component)
    if kind in MOST_VALUES:
        most = MOST_VALUES[kind]
        low, high = component.get("min_values"), _most_chosen(component)
        if component.get("required", True) and low == 0:
            yield Problem(f"{path}.min_values", "BASE_TYPE_MIN_VALUE", "What is required has at least one value.")
        if not (low or 0) <= high <= min(most, len(component.get("options") or range(most))):
            yield Problem(f"{path}.max_values", "BASE_TYPE_MAX_VALUE", "More than there are, or fewer than the least.")


def _option_problems(path: str, component: Json) -> Iterator[Problem]:
    options, (fewest, most) = component.get("options") or [], OPTIONS[component["type"]]
    if not fewest <= len(options) <= most:
        said = f"Must be between {fewest} and {most} in length."
        yield Problem(f"{path}.options", "BASE_TYPE_BAD_LENGTH", said)
    for i, option in enumerate(options):
        for name in ("label", "value", "description"):
            yield from length_problems(f"{path}.options.{i}.{name}", option.get(name) or "", 100)
    if len({option["value"] for option in options}) < len(options):
        yield Problem(f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The values must be unique.")
    if component["type"] == RADIO_GROUP and len(_defaults(component)) > 1:
        yield Problem(f"{path}.options", "BASE_TYPE_BAD_LENGTH", "One option of a radio group can be the default.")


def fill_modal(hub: Hub, place: Channel, components: list[Json], values: Mapping[str, Any]) -> tuple[list[Json], Json]:
    """Return a modal's components as they are sent back with these values, and what they refer to (`resolved`).

    What is not named stays as the app has filled it in. Raises CannotAct for an unknown, missing, short or long value.
    """
    inner = [c.get("component") or c for row in components for c in (row.get("components") or [row])]
    if unknown := values.keys() - {c.get("custom_id") for c in inner}:
        raise CannotAct(f"the modal has no {sorted(unknown)}")
    resolved: Json = {}
    return [_fill_component(hub, place, c, values, resolved) for c in components], resolved


def _fill_component(hub: Hub, place: Channel, component: Json, values: Mapping[str, Any], resolved: Json) -> Json:
    kind, bare = component["type"], {"type": component["type"], "id": component.get("id", 0)}
    if kind == ROW:
        filled = [_fill_component(hub, place, c, values, resolved) for c in component["components"]]
        return {**bare, "components": filled}
    if kind == LABEL:
        return {**bare, "component": _fill_component(hub, place, component["component"], values, resolved)}
    if kind == TEXT_DISPLAY:
        return bare
    name = component["custom_id"]
    value = values[name] if name in values else _untouched(component)
    if component.get("required", True) and kind != CHECKBOX and value in (None, "", []):
        raise CannotAct(f"{name} is required")
    if kind not in ONE_VALUE:
        return {**bare, "custom_id": name, "values": _choose_values(hub, place, component, value, resolved)}
    if kind == RADIO_GROUP and value is not None:
        _require_known(component, [value])
    if kind == TEXT_INPUT and value:
        require_within(name, len(value), component.get("min_length"), component.get("max_length"))
    return {**bare, "custom_id": name, "value": value}


def _untouched(component: Json) -> Any:
    """Return the value of an input that nobody has touched."""
    match component["type"]:
        case 4:
            return component.get("value") or ""
        case 21:
            return next(iter(_defaults(component)), None)
        case 23:
            return component.get("default") or False
        case _:
            return _defaults(component)


def _most_chosen(component: Json) -> int:
    usual = len(component["options"]) if component["type"] == CHECKBOX_GROUP else 1
    return int(component.get("max_values") or usual)


def _defaults(component: Json) -> list[str]:
    return [option["value"] for option in component.get("options") or () if option.get("default")]


def _choose_values(hub: Hub, place: Channel, component: Json, chosen: Sequence[Any], resolved: Json) -> Sequence[str]:
    name = component["custom_id"]
    if chosen:
        require_within(name, len(chosen), component.get("min_values"), _most_chosen(component))
    if component["type"] == FILE_UPLOAD:
        if not all(isinstance(file, Upload) for file in chosen):
            raise CannotAct(f"{name} takes files")
        kept = hub.store_uploads(place, list(chosen))
        known = {str(file.id): payloads.upload(file) for file in kept}
        resolved.setdefault("attachments", {}).update(known)
        return list(known)
    if "options" in component:
        _require_known(component, chosen)
    return list(chosen)


def _require_known(component: Json, chosen: Sequence[str]) -> None:
    known = [option["value"] for option in component["options"]]
    if not set(chosen) <= set(known):
        raise CannotAct(f"{component['custom_id']} is one of {known}")
