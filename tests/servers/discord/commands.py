"""A person's Discord client: it turns input into an interaction's data, and refuses what Discord would refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.servers.discord import payloads
from tests.servers.discord.hub import Hub
from tests.servers.discord.permissions import P, channel_permissions
from tests.servers.discord.world import Channel, HasId, Upload, id_of

Json = dict[str, Any]
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(1, 12)


class CannotAct(Exception):
    """An act that Discord's client does not let this person do."""


def find_command(hub: Hub, channel: Channel, user_id: int, name: str, kind: int) -> Json:
    """Return a command that this person sees here; a server's own command comes before a global one.

    Raises CannotAct where there is none, or where they may not use it.
    """
    held = channel_permissions(hub.world, channel, user_id)
    if channel.guild_id is not None and P.USE_APPLICATION_COMMANDS not in held:
        raise CannotAct("they may not use commands here")
    places = [channel.guild_id, None] if channel.guild_id is not None else [None]
    for command in (c for place in places for c in hub.commands.get(place, [])):
        if command["name"] == name and command["type"] == kind:
            _require_available(command, channel, held)
            return command
    raise CannotAct(f"there is no command {name!r} here")


def _require_available(command: Json, channel: Channel, held: P) -> None:
    contexts = command.get("contexts")
    if channel.guild_id is None and (not command["dm_permission"] if contexts is None else 1 not in contexts):
        raise CannotAct(f"{command['name']!r} is not for direct messages")
    if channel.guild_id is not None and contexts is not None and 0 not in contexts:
        raise CannotAct(f"{command['name']!r} is not for servers")
    needed = command["default_member_permissions"]
    if needed is not None and channel.guild_id is not None:
        missing = P(int(needed)) & ~held if int(needed) else P.ADMINISTRATOR & ~held
        if missing:
            raise CannotAct(f"{command['name']!r} needs {missing.name}")


def build_slash_data(
    hub: Hub, channel: Channel, command: Json, path: Sequence[str], values: Mapping[str, object], focused: str | None
) -> Json:
    """Build the `data` of a slash command.

    `path` names the subcommands below it. `focused` is the option that is being typed; None: the command is sent.
    """
    known = command.get("options") or []
    resolved: Json = {}
    for word in path:
        known = _find_subcommand(known, word).get("options") or []
    definitions = {d["name"]: d for d in known}
    unknown = values.keys() - definitions.keys()
    if unknown:
        raise CannotAct(f"no options {sorted(unknown)}; there are {sorted(definitions)}")
    missing = [n for n, d in definitions.items() if d.get("required") and n not in values]
    if focused is None and missing:
        raise CannotAct(f"options {missing} are required")
    options = []
    for name, value in values.items():
        typing = name == focused
        wire = value if typing else _encode_value(hub, channel, definitions[name], value, resolved)
        options.append({"name": name, "type": definitions[name]["type"], "value": wire})
        if typing:
            options[-1]["focused"] = True
    tree = _nest_options(command.get("options") or [], path, options)
    data: Json = {"id": command["id"], "name": command["name"], "type": 1, "options": tree}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return {**data, "resolved": resolved} if resolved else data


def _find_subcommand(options: list[Json], name: str) -> Json:
    for option in options:
        if option["name"] == name and option["type"] in (SUBCOMMAND, GROUP):
            return option
    raise CannotAct(f"there is no subcommand {name!r}")


def _nest_options(known: list[Json], path: Sequence[str], leaf: list[Json]) -> list[Json]:
    if not path:
        return leaf
    child = _find_subcommand(known, path[0])
    inner = _nest_options(child.get("options") or [], path[1:], leaf)
    return [{"name": child["name"], "type": child["type"], "options": inner}]


def _encode_value(hub: Hub, channel: Channel, definition: Json, value: Any, resolved: Json) -> object:
    name = definition["name"]
    choices = [c["value"] for c in definition.get("choices") or []]
    if choices and value not in choices:
        raise CannotAct(f"{name} is one of {choices}")
    match definition["type"]:
        case 3 if isinstance(value, str):
            require_within(name, len(value), definition.get("min_length"), definition.get("max_length"))
            return value
        case 4 | 10 if isinstance(value, int | float) and not isinstance(value, bool):
            require_within(name, value, definition.get("min_value"), definition.get("max_value"))
            return value
        case 5 if isinstance(value, bool):
            return value
        case 11 if isinstance(value, Upload):
            (kept,) = hub.store_uploads(channel, [value])
            resolved.setdefault("attachments", {})[str(kept.id)] = payloads.upload(kept)
            return str(kept.id)
        case 6 | 7 | 8 | 9 if isinstance(value, int) or hasattr(value, "id"):
            return resolve(hub, channel, value, resolved)
    raise CannotAct(f"{name} does not take {value!r}")


def require_within(name: str, size: float, low: float | None, high: float | None) -> None:
    if (low is not None and size < low) or (high is not None and size > high):
        raise CannotAct(f"{name} lies within {low} and {high}")


def resolve(hub: Hub, channel: Channel, thing: int | HasId, resolved: Json) -> str:
    """Add a person, role or channel to `resolved`, and return its id as it is sent."""
    number = id_of(thing)
    key, world, guild = str(number), hub.world, hub.world.guilds.get(channel.guild_id or 0)
    if number in world.users:
        resolved.setdefault("users", {})[key] = payloads.user(world.users[number])
        if guild is not None and number in guild.members:
            there = payloads.member(guild.members[number], None)
            held = int(channel_permissions(world, channel, number))
            resolved.setdefault("members", {})[key] = {**there, "permissions": str(held)}
    elif number in world.channels:
        shape = payloads.channel(world, world.channels[number])
        resolved.setdefault("channels", {})[key] = {**shape, "permissions": str(int(P.VIEW_CHANNEL))}
    elif guild is not None and number in guild.roles:
        resolved.setdefault("roles", {})[key] = payloads.role(guild.roles[number])
    else:
        raise CannotAct(f"nothing here has the id {number}")
    return key
