"""The bot on Discord, on the wire: real discord.py against a test server in another process that keeps its limits.

`python -m benchmarks.discord --json`. Each scene is played in a process of its own. Its runs compare four seats, which
replay recorded answers (where these are not on this machine: drawn ones) at an even pace, longer ones than 20 s faster,
or answers as long as today's panels write, some after thinking. Board: from the command to the message. First: from a
seat's first delta to its first visible character, a line of them or what there is after a while; with room: the median
of seats for whom the platform would have taken a request at the moment of that delta. Wait: of a character, from
leaving the model's client to the platform's success; simulated: what `benchmarks.live` gives for the same answers at
the same times, with the same limits, and the round trip of the first scene.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from math import ceil

from benchmarks import report
from benchmarks.discord.play import Played, play_alone
from benchmarks.discord.scenes import SCENES, Scene, name_source
from benchmarks.discord.simulated import simulate_scene
from benchmarks.report import Bar, Report

BOARD_MEDIAN_S, BOARD_P99_S = 0.3, 2.0
AGAINST_LIVE = 1.2


def measure(scenes: Sequence[Scene]) -> Report:
    table: list[report.Scene] = []
    bars: list[Bar] = []
    round_trip_s: float | None = None
    for scene in scenes:
        played = play_alone(scene)
        round_trip_s = round_trip_s or played.round_trip_s
        least_s = simulate_scene(scene, played.spoken, round_trip_s).mean_wait_s
        table.append(_make_row(scene, played, least_s))
        bars += _make_bars(scene, played, least_s)
    return Report(table, bars)


def _make_row(scene: Scene, played: Played, least_s: float) -> report.Scene:
    return {
        "scene": scene.name if scene.long else f"{scene.name}, {name_source()}",
        "board_median_s": statistics.median(played.boards_s),
        "board_p99_s": p99(played.boards_s),
        "first_median_s": statistics.median(played.firsts_s),
        "first_max_s": max(played.firsts_s),
        "first_with_room_s": statistics.median(played.firsts_with_room_s or [0.0]),
        "wait_s": played.mean_wait_s,
        "simulated_wait_s": least_s,
        "round_trip_s": played.round_trip_s,
        "requests": played.requests,
        "cpu_ms_a_run": played.cpu_ms,
        "rss_mb_a_run": played.rss_mb,
    }


def _make_bars(scene: Scene, played: Played, least_s: float) -> list[Bar]:
    return [
        Bar(f"{scene.name}: 429s", played.refused, 0, "responses"),
        Bar(f"{scene.name}: command to board, median", statistics.median(played.boards_s), BOARD_MEDIAN_S, "s"),
        Bar(f"{scene.name}: command to board, p99", p99(played.boards_s), BOARD_P99_S, "s"),
        Bar(f"{scene.name}: wait over the simulated", played.mean_wait_s / least_s, AGAINST_LIVE, "ratio"),
        Bar(f"{scene.name}: calls of one bucket at once", played.most_at_once, 1, "calls"),
    ]


def p99(values: Sequence[float]) -> float:
    """Return the least value that 99 in a hundred do not exceed."""
    return sorted(values)[ceil(0.99 * len(values)) - 1]


def main() -> int:
    return report.run_benchmark(
        "discord", lambda: measure(SCENES), as_json=report.make_parser(__doc__).parse_args().json
    )


if __name__ == "__main__":
    sys.exit(main())
