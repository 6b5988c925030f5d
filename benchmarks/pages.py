"""What rendering and paging cost a delta, at the start and at the end of a long answer.

`python -m benchmarks.pages --json`. The bars compare the end of a text with its start in the same run, so that
they hold on any machine: the cost of a delta must not grow with the text before it.
"""

from __future__ import annotations

import random
import statistics
import sys
import time

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from adapters.terminal.dialect import TerminalDialect
from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from bot.live.dialect import Dialect
from bot.live.pages import Pages

LENGTH = 60_000  # code points
DELTA = 16  # code points: about four tokens, as providers send them together
WINDOW = 6_000  # code points that are measured at the start and at the end; those between come in larger deltas
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


def texts() -> dict[str, str]:
    words = "".join(random.Random(7).choice(("word ", "longer ", "**bold** ", "`code` ")) for _ in range(LENGTH // 4))
    code = "```python\n" + "value = other + 1  # a remark\n" * (LENGTH // 29)
    return {
        "answer": (SECTION * (LENGTH // len(SECTION) + 1))[:LENGTH],
        "paragraph": words[:LENGTH],
        "fence": code[:LENGTH],
    }


def costs_us(pages: Pages, text: str, start: int, end: int) -> list[float]:
    """CPU microseconds of each delta between two places of the text."""
    costs = []
    for at in range(start + DELTA, end + 1, DELTA):
        before = time.process_time_ns()
        pages.update(text[:at], footer="▌")
        costs.append((time.process_time_ns() - before) / 1e3)
    return costs


def measured(text: str, dialect: Dialect, limit: int) -> tuple[list[float], list[float]]:
    pages = Pages(dialect, limit, reserve=60)
    start = costs_us(pages, text, 0, WINDOW)
    for at in range(WINDOW, len(text) - WINDOW, 500):
        pages.update(text[:at])
    return start, costs_us(pages, text, len(text) - WINDOW, len(text))


def scene(name: str, text: str, dialect: Dialect, limit: int) -> tuple[Scene, Bar]:
    rounds = [measured(text, dialect, limit) for _ in range(ROUNDS)]
    # the least of the rounds: what else ran on the machine is not ours
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


def measure() -> Report:
    surfaces: list[tuple[str, Dialect, int]] = [
        ("discord", DiscordDialect(), 4000),
        ("slack", SlackMarkdown(), 12_000),
        ("terminal", TerminalDialect(), 1_000_000),
    ]
    found = [
        scene(f"{kind} on {surface}", text, dialect, limit)
        for kind, text in texts().items()
        for surface, dialect, limit in surfaces
    ]
    return Report([row for row, _ in found], [bar for _, bar in found])


if __name__ == "__main__":
    sys.exit(report.run("pages", measure, as_json=report.arguments(__doc__).parse_args().json))
