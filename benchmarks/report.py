"""How every benchmark reports: a table for people, with `--json` one object as the last line, and an exit status.

A benchmark is a function that measures and returns a `Report`; its last lines are
`sys.exit(report.run("start", measure, as_json=report.arguments(__doc__).parse_args().json))`.
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
Scene = Mapping[str, Value]  # what was measured, a figure a key; its unit is in the key's name


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that is promised: `value` at most (or at least) `limit`."""

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


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The command line that all benchmarks share; one may add its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def run(name: str, measure: Callable[[], Report], *, as_json: bool) -> int:
    """Measures and prints. The exit status: 0 all bars hold, 1 one does not, 2 it could not measure."""
    try:
        report = measure()
    except Exception:  # whatever it is: a figure that could not be had is not one that does not hold
        traceback.print_exc()
        return 2
    print(_table(report.scenes))
    print(_table(_told(bar) for bar in report.bars))
    if as_json:
        print(json.dumps({"benchmark": name, "machine": machine(), **_plain(report)}))
    return 0 if all(bar.holds for bar in report.bars) else 1


def machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _plain(report: Report) -> dict[str, object]:
    bars = [
        {"name": bar.name, "value": bar.value, "limit": bar.limit, "unit": bar.unit, "holds": bar.holds}
        for bar in report.bars
    ]
    return {"scenes": [dict(scene) for scene in report.scenes], "bars": bars}


def _told(bar: Bar) -> Scene:
    limit = f"{bar.side} {bar.limit:g} {bar.unit}"
    return {"bar": bar.name, "value": bar.value, "limit": limit, "": "holds" if bar.holds else "DOES NOT HOLD"}


def _table(rows: Iterable[Scene]) -> str:
    """Rows below a line of names; a row without a name's figure leaves it blank."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
