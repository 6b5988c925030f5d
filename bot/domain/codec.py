"""Facts as plain, JSON-able dicts and back: what the database and the events file hold.

The shape follows the dataclasses of `bot.domain.facts`, or others made of the same types, field by field; a turn is
written as `str(TurnId)`, readable and usable as a key ("answer/1/claude", re-asks "answer/1/claude/2"). What an older
version wrote is read as long as the fields added since have defaults; what a newer one wrote is refused, never half
understood.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bot.domain.facts import Fact
from bot.domain.run import TurnId

T = TypeVar("T")

FACTS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Fact)}


class Unreadable(ValueError):
    """Stored data is no fact that this version knows; the text says where and why."""


def encode(fact: Fact) -> tuple[str, dict[str, Any]]:
    """Return the kind of a fact, and its fields as dicts, lists, strings, numbers and None."""
    return type(fact).__name__, encode_fields(fact)


def decode(kind: str, data: object) -> Fact:
    """Return the fact that `encode` wrote. Raises Unreadable."""
    if kind not in FACTS:
        raise Unreadable(f"{kind}: a kind of fact unknown here, perhaps written by a newer version")
    fact: Fact = decode_fields(FACTS[kind], data)
    return fact


def encode_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as `encode` does those of a fact."""
    plain: dict[str, Any] = _plain(value)
    return plain


def decode_fields(kind: type[T], data: object) -> T:
    """Return the dataclass whose fields `encode_fields` wrote; one that has its type already is taken as it is.

    Raises Unreadable.
    """
    value: T = _read(kind, data, kind.__name__)
    return value


def turn_text(turn: TurnId) -> str:
    """Write a turn as text that `read_turn` reads back: names must not hold the slash that divides them."""
    if "/" in turn.stage or "/" in turn.seat:
        raise ValueError(f"a stage or seat must not contain a slash: {turn}")
    return str(turn)


def read_turn(text: str) -> TurnId:
    """Read the turn that `turn_text` wrote. Raises Unreadable."""
    match text.split("/"):
        case [stage, round_, seat]:
            ask = "1"
        case [stage, round_, seat, ask]:
            pass
        case _:
            raise Unreadable(f"{text!r} is no turn: stage/round/seat or stage/round/seat/ask is")
    try:
        return TurnId(stage, int(round_), seat, int(ask))
    except ValueError:
        raise Unreadable(f"{text!r} is no turn: its round and ask must be whole numbers") from None


def _plain(value: Any) -> Any:
    if isinstance(value, TurnId):
        return turn_text(value)
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _read(hint: Any, value: object, where: str) -> Any:
    """Read `value` as the type `hint`: one of the few shapes that facts are made of."""
    if hint is TurnId and isinstance(value, str):
        return read_turn(value)
    if is_dataclass(hint) and isinstance(value, dict):
        return _read_dataclass(hint, value, where)
    match get_origin(hint), get_args(hint):
        case origin, (inner, other) if origin in (Union, UnionType) and other is NoneType:
            return None if value is None else _read(inner, value, where)
        case origin, choices if origin is Literal and value in choices:
            return value
        case origin, (inner, _) if origin is tuple and isinstance(value, list):
            return tuple(_read(inner, item, f"{where}[{i}]") for i, item in enumerate(value))
        case origin, (_, inner) if origin is Mapping and isinstance(value, dict):
            return {key: _read(inner, item, f"{where}.{key}") for key, item in value.items()}
    if hint is float and type(value) is int:
        return float(value)  # JSON of other hands writes 3.0 as 3
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise Unreadable(f"{where}: {_name(hint)} expected, not {_shorten(repr(value))}")


def _read_dataclass(kind: Any, data: Mapping[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(data.keys() - known.keys()):
        raise Unreadable(f"{where}: unknown here, perhaps written by a newer version: {', '.join(unknown)}")
    if missing := [f.name for f in known.values() if f.name not in data and _is_required(f)]:
        raise Unreadable(f"{where}: missing: {', '.join(missing)}")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], value, f"{where}.{name}") for name, value in data.items()})


_hints = functools.cache(get_type_hints)  # it evaluates the annotations' source: once a class is enough


def _is_required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _name(hint: Any) -> str:
    return str(hint.__name__ if isinstance(hint, type) and not get_args(hint) else hint)


def _shorten(text: str, room: int = 80) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
