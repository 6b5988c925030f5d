"""Discord's limits on messages, names and choices.

https://docs.discord.com/developers/resources/message
https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.servers.discord.errors import DiscordError, Problem, invalid_form
from tests.servers.discord.world import V2, Message, walk

CONTENT, EMBED_DESCRIPTION, EMBEDS_TOGETHER, V2_TEXT, V2_COMPONENTS = 2000, 4096, 6000, 4000, 40
BUTTON, TEXT_DISPLAY, ROW = 2, 10, 1
SELECTS = (3, 5, 6, 7, 8)


def check_message(m: Message) -> None:
    """Raise 50035 with every problem of a message, or 50006 when it is empty."""
    problems = [
        *length_problems("content", m.content, CONTENT),
        *_embed_problems(m.embeds),
        *_control_problems(m.components),
    ]
    problems += _v2_problems(m) if m.flags & V2 else _legacy_problems(m.components)
    if problems:
        raise invalid_form(problems)
    if not (m.content.strip() or m.embeds or m.components or m.attachments):
        raise DiscordError(400, 50006, "Cannot send an empty message")


def check_name(name: str, path: str = "username") -> None:
    """Raise 50035 unless a webhook's name has 1 to 80 characters and no forbidden word."""
    problems = [] if name.strip() else [Problem(path, "BASE_TYPE_REQUIRED", "This field is required")]
    problems += length_problems(path, name, 80)
    for word in ("clyde", "discord"):
        if word in name.lower():
            text = f'{path.capitalize()} cannot contain "{word}"'
            problems.append(Problem(path, "USERNAME_INVALID_CONTAINS", text))
    if problems:
        raise invalid_form(problems)


def check_thread_name(name: str) -> None:
    """Raise 50035 unless a thread's name has 1 to 100 characters."""
    if not 1 <= len(name) <= 100:
        raise invalid_form([Problem("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")])


def check_choices(choices: list[dict[str, Any]]) -> None:
    """Raise 50035 for more than 25 choices, or for a name or value of more than 100 characters."""
    problems = [] if len(choices) <= 25 else [count_problem("choices", 25)]
    for i, choice in enumerate(choices):
        problems += length_problems(f"choices.{i}.name", choice["name"], 100)
        problems += length_problems(f"choices.{i}.value", str(choice["value"]), 100)
    if problems:
        raise invalid_form(problems)


def length_problems(path: str, text: str, limit: int) -> list[Problem]:
    said = f"Must be {limit} or fewer in length."
    return [Problem(path, "BASE_TYPE_MAX_LENGTH", said)] if len(text) > limit else []


def count_problem(path: str, limit: int) -> Problem:
    return Problem(path, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {limit} in length.")


def _embed_problems(embeds: list[dict[str, Any]]) -> Iterator[Problem]:
    if len(embeds) > 10:
        yield count_problem("embeds", 10)
    together = 0
    for i, embed in enumerate(embeds):
        fields = embed.get("fields") or []
        texts = {
            "title": (embed.get("title") or "", 256),
            "description": (embed.get("description") or "", EMBED_DESCRIPTION),
            "footer.text": ((embed.get("footer") or {}).get("text") or "", 2048),
            "author.name": ((embed.get("author") or {}).get("name") or "", 256),
            **{f"fields.{n}.name": (f.get("name") or "", 256) for n, f in enumerate(fields)},
            **{f"fields.{n}.value": (f.get("value") or "", 1024) for n, f in enumerate(fields)},
        }
        together += sum(len(text) for text, _ in texts.values())
        for path, (text, limit) in texts.items():
            yield from length_problems(f"embeds.{i}.{path}", text, limit)
    if together > EMBEDS_TOGETHER:
        yield Problem("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")


def _v2_problems(m: Message) -> Iterator[Problem]:
    for path, there in (("content", m.content), ("embeds", m.embeds)):
        if there:
            said = "The 'content' and 'embeds' fields cannot be used with IS_COMPONENTS_V2"
            yield Problem(path, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", said)
    everything = list(walk(m.components))
    if len(everything) > V2_COMPONENTS:
        yield Problem("components", "COMPONENT_MAX_TOTAL_COMPONENTS", "The maximum number of components is 40")
    if sum(len(c["content"]) for c in everything if c["type"] == TEXT_DISPLAY) > V2_TEXT:
        said = "The maximum displayable text length is 4000"
        yield Problem("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", said)


def _legacy_problems(components: list[dict[str, Any]]) -> Iterator[Problem]:
    if len(components) > 5:
        yield count_problem("components", 5)
    for i, component in enumerate(components):
        if component["type"] != ROW:
            yield Problem(f"components.{i}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1,).")


def _control_problems(components: list[dict[str, Any]]) -> Iterator[Problem]:
    everything = list(walk(components))
    yield from duplicate_problems(everything)
    for i, component in enumerate(everything):
        path = f"components.{i}"
        yield from length_problems(f"{path}.custom_id", component.get("custom_id") or "", 100)
        match component["type"]:
            case 1:
                inner = component["components"]
                if not 1 <= len(inner) <= 5 or (len(inner) > 1 and any(c["type"] in SELECTS for c in inner)):
                    yield Problem(path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the width")
            case 2:
                yield from length_problems(f"{path}.label", component.get("label") or "", 80)
                if not (component.get("label") or component.get("emoji")):
                    yield Problem(path, "BUTTON_COMPONENT_REQUIRES_LABEL_OR_EMOJI", "A label or an emoji is needed")
            case 3 if not 1 <= len(component.get("options") or []) <= 25:
                yield count_problem(f"{path}.options", 25)


def duplicate_problems(components: list[dict[str, Any]]) -> list[Problem]:
    ids = Counter(c["custom_id"] for c in components if c.get("custom_id"))
    said = "Component custom id cannot be duplicated"
    return [Problem("components", "COMPONENT_CUSTOM_ID_DUPLICATED", said) for n in ids.values() if n > 1]
