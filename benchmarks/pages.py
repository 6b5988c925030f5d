"""The cost of rendering and paging a delta, at the start and at the end of a long answer.

`python -m benchmarks.pages --json`. The bars compare the end of a text with its start in the same run, so that
they hold on any machine: the cost of a delta must not grow with the text before it.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from functools import partial

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from adapters.terminal.dialect import TerminalDialect
from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from bot.live.dialect import Dialect
from bot.live.pages import Pages

LENGTH = 60_000  # code points
DELTA = 16  # code points: about four tokens, as providers send them together
MEASURED = 0.1  # of a text, at its start and at its end; what is between comes in larger deltas
ROUNDS = 2
RATIO = 1.25

PARAGRAPH = (
    "The **first answer** relies on `a cache` and on [a paper](https://example.com/a_b), which is *not* about this. "
    "It would cost $5 a day, says the second; the third holds that nobody has measured it.\n\n"
)
LIST = "".join(
    f"{n}. **Point {n}**: a reason, then another with `code`\n   - and a remark below it\n" for n in range(1, 7)
)
FENCE = "```python\n" + "".join(f"def f{n}(x: int) -> int:\n    return x + {n}\n" for n in range(9)) + "```\n\n"
TABLE = "| Seat | 結果 | Points |\n|:--|:-:|--:|\n" + "".join(f"| seat {n} | 良い | {n} |\n" for n in range(8)) + "\n"
SECTION = f"## A heading\n\n{PARAGRAPH}{LIST}\n{PARAGRAPH}{FENCE}{TABLE}> {PARAGRAPH}"


def make_texts(length: int) -> dict[str, str]:
    """Return texts of so many code points, by their kind."""
    words = "".join(random.Random(7).choice(("word ", "longer ", "**bold** ", "`code` ")) for _ in range(length // 4))
    code = "```python\n" + "value = other + 1  # a remark\n" * (length // 29)
    return {
        "answer": (SECTION * (length // len(SECTION) + 1))[:length],
        "paragraph": words[:length],
        "fence": code[:length],
    }


def time_deltas(pages: Pages, text: str, start: int, end: int) -> list[float]:
    """Return the CPU microseconds of each delta between two places of the text."""
    costs = []
    for at in range(start + DELTA, end + 1, DELTA):
        before = time.process_time_ns()
        pages.update(text[:at], footer="▌")
        costs.append((time.process_time_ns() - before) / 1e3)
    return costs


def time_ends(text: str, dialect: Dialect, limit: int) -> tuple[list[float], list[float]]:
    """Return the CPU microseconds of each delta at the start of a text, and at its end."""
    pages, window = Pages(dialect, limit, reserve=60), int(MEASURED * len(text))
    start = time_deltas(pages, text, 0, window)
    for at in range(window, len(text) - window, 500):
        pages.update(text[:at])
    return start, time_deltas(pages, text, len(text) - window, len(text))


def measure_scene(name: str, text: str, dialect: Dialect, limit: int) -> tuple[Scene, Bar]:
    rounds = [time_ends(text, dialect, limit) for _ in range(ROUNDS)]
    # the least of the rounds counts: whatever else runs on the machine only adds to it
    start, end = ([min(costs) for costs in zip(*(r[part] for r in rounds), strict=True)] for part in (0, 1))
    start_us, end_us = statistics.fmean(start), statistics.fmean(end)
    p99_us = statistics.quantiles(end, n=100)[98]
    row: Scene = {
        "scene": name,
        "deltas": len(start) + len(end),
        "start_us": start_us,
        "end_us": end_us,
        "p99_us": p99_us,
    }
    return row, Bar(f"a delta at the end over one at the start, {name}", end_us / start_us, RATIO, "ratio")


def measure(length: int) -> Report:
    surfaces: list[tuple[str, Dialect, int]] = [
        ("discord", DiscordDialect(), 4000),
        ("slack", SlackMarkdown(), 12_000),
        ("terminal", TerminalDialect(), 1_000_000),
    ]
    found = [
        measure_scene(f"{kind} on {surface}", text, dialect, limit)
        for kind, text in make_texts(length).items()
        for surface, dialect, limit in surfaces
    ]
    return Report([row for row, _ in found], [bar for _, bar in found])


if __name__ == "__main__":
    parser = report.make_parser(__doc__)
    parser.add_argument("--length", type=int, default=LENGTH, help="code points of each text")
    options = parser.parse_args()
    sys.exit(report.run_benchmark("pages", partial(measure, options.length), as_json=options.json))
