"""A column for what people and models wrote, laid out so that SQLite leaves no copy of it behind.

SQLite moves rows between pages as others come and go, and what it has moved stays readable in the unused part of the
page, whatever `PRAGMA secure_delete` says; a row that is deleted later leaves that copy. It never moves overflow pages,
which hold what of a row finds no room in its page, and zeroes them when the row goes. So a text is written with spaces
around it, which JSON does not count: those before it fill the part that stands in the page itself, and those behind it
make up the length at which that part is shortest (https://sqlite.org/fileformat2.html#cellformat). A short text takes
one page of 4 KiB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import JSON, ColumnElement, Dialect, TypeDecorator
from sqlalchemy.engine import Compiled
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

PAGE_BYTES = 4_096
IN_PAGE = (PAGE_BYTES - 12) * 32 // 255 - 23  # bytes of a row that stand in its page, where that part is shortest
OVERFLOW = PAGE_BYTES - 4  # bytes that an overflow page holds
ROOM = 3_700  # of the first one, for the text; the rest allows for the row's other columns, which come before it
TEXTS = ("question", "text", "name", "seat")  # fields of facts in which somebody's words or name stand


class TextJson(TypeDecorator[Any]):
    """JSON in ASCII, which keeps NUL and lone surrogates; a text in it stands in overflow pages alone."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        serialize = super().bind_processor(dialect)
        if serialize is None or dialect.name != "sqlite":
            return serialize

        def process(value: Any) -> Any:
            stored = serialize(value)
            return pad_text(stored) if isinstance(stored, str) and holds_text(value) else stored

        return process

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return Unpadded(column, self)


class Unpadded(FunctionElement[Any]):
    """A text without the spaces around it: without them it is read in half the time."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], kind: TextJson) -> None:
        super().__init__(column)
        self.type = kind


@compiles(Unpadded)
def _write_as_it_is(element: Unpadded, compiler: Compiled, **how: Any) -> str:
    return compiler.process(element.clauses, **how)


@compiles(Unpadded, "sqlite")
def _write_trimmed(element: Unpadded, compiler: Compiled, **how: Any) -> str:
    return f"trim({compiler.process(element.clauses, **how)})"


def holds_text(value: Any) -> bool:
    """Return whether a value that is stored holds somebody's words: it is a text, or the fields of a fact with one."""
    if isinstance(value, Mapping):
        return any(value.get(field) for field in TEXTS)
    return isinstance(value, str) and value != ""


def pad_text(text: str) -> str:
    """Return a text in ASCII with spaces around it, of a length that puts all of it into overflow pages."""
    more = -(-max(0, len(text) - ROOM) // OVERFLOW)  # pages besides the first
    return " " * IN_PAGE + text.ljust(ROOM + more * OVERFLOW)
