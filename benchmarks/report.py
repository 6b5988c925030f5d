"""The reports of all benchmarks: a table for people, with `--json` one object as the last line, and an exit status.

A benchmark is a function that measures and returns a `Report`; its last lines are
`sys.exit(report.run_benchmark("start", measure, as_json=report.make_parser(__doc__).parse_args().json))`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Value = str | int | float
Scene = Mapping[str, Value]  # figures by name; the name says the unit


@dataclass(frozen=True, slots=True)
class Bar:
    """A promised figure: `value` is at most (or at least) `limit`."""

    name: str
    value: float
    limit: float
    unit: str
    side: Literal["at most", "at least"] = "at most"

    @property
    def holds(self) -> bool:
        return self.value <= self.limit if self.side == "at most" else self.value >= self.limit


@dataclass(frozen=True, slots=True)
class Report:
    scenes: Sequence[Scene]
    bars: Sequence[Bar]


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the options that all benchmarks share; each may add its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def run_benchmark(name: str, measure: Callable[[], Report], *, as_json: bool) -> int:
    """Measure, print the report and return the exit status.

    The status is 0 where all bars hold, 1 where one does not, 2 where it could not measure.
    """
    try:
        report = measure()
    except Exception:  # of whatever kind: without figures no bar has failed
        traceback.print_exc()
        return 2
    print(_format_table(report.scenes))
    print(_format_table(_make_row(bar) for bar in report.bars))
    if as_json:
        print(json.dumps({"benchmark": name, "machine": describe_machine(), **_to_plain(report)}))
    return 0 if all(bar.holds for bar in report.bars) else 1


def describe_machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _to_plain(report: Report) -> dict[str, object]:
    bars = [
        {"name": bar.name, "value": bar.value, "limit": bar.limit, "unit": bar.unit, "holds": bar.holds}
        for bar in report.bars
    ]
    return {"scenes": [dict(scene) for scene in report.scenes], "bars": bars}


def _make_row(bar: Bar) -> Scene:
    limit = f"{bar.side} {bar.limit:g} {bar.unit}"
    return {"bar": bar.name, "value": bar.value, "limit": limit, "": "holds" if bar.holds else "DOES NOT HOLD"}


def _format_table(rows: Iterable[Scene]) -> str:
    """Return rows below a line of their names; a cell is blank where its row has no such name."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([_format_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _format_cell(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
