"""Live text: the wait of a character from being written to being seen, ours against what others do, and what is best.

It replays answers (of today's lengths, or recorded ones where they are on this machine, else drawn from the same
distribution) through our scheduler, a fair rival and three habits, on one simulated platform, with the same budgets.
Emission is uniform. Ours and the rival play every seed, the others one. The lower bound knows the future, and so do
the feasible schedules of `clairvoyant.json`. Everything but the CPU figure is in virtual time, and so the same on
every machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import report
from benchmarks.live import cpu
from benchmarks.live.bound import find_lower_bound
from benchmarks.live.clairvoyant import digest, read_feasible_waits
from benchmarks.live.draw import draw_picture
from benchmarks.live.figures import Figures, average, find_standard_error
from benchmarks.live.ours import open_ours
from benchmarks.live.policies import HABITS, open_fair
from benchmarks.live.replay import make_limits, replay_scene
from benchmarks.live.scenes import SCENES, Scene, draw_runs, load_scene
from benchmarks.report import Bar, Report

OURS, RIVAL, BOUND, FEASIBLE = "ours", "(a) fair rival", "(e) lower bound", "feasible, knowing all"
SEEDS = 10
AGAINST_RIVAL = {"four": 0.85, "long": 0.90, "twelve": 0.50}  # of its mean wait
AGAINST_FEASIBLE = {"quick": 1.25, "minute": 1.45}


class Felt(NamedTuple):
    """A promise of what people feel, for scenes with that bar."""

    bar: str
    what: str
    figure: str
    limit: float
    unit: str = "s"
    side: Literal["at most", "at least"] = "at most"


FELT = (
    Felt("discord", "characters visible within 2 s", "soon_share", 0.85, "share", "at least"),
    Felt("slack", "characters visible within 2 s", "soon_share", 0.75, "share", "at least"),
    Felt("discord", "silence of a speaking lane, p95", "silence_p95_s", 3.0),
    Felt("slack", "silence of a speaking lane, p95", "silence_p95_s", 5.0),
    Felt("discord", "first line, median", "first_median_s", 1.0),
    Felt("discord", "first line, p99", "first_p99_s", 5.0),
    Felt("slack", "first line, longest", "first_max_s", 5.0),
    Felt("discord", "a word standing alone, longest", "word_max_s", 1.5),
    Felt("discord", "ends, p95", "end_p95_s", 1.5),
    Felt("slack", "ends, p95", "end_p95_s", 1.5),
)
GRACE_S = 0.01  # of a round trip


def measure(scenes: Sequence[Scene], seeds: int = SEEDS) -> Report:
    table: list[report.Scene] = []
    bars: list[Bar] = []
    feasible = read_feasible_waits()
    for scene in scenes:
        drawn = [replace(scene, seed=scene.seed + n) for n in range(seeds)]
        known = [feasible.get(digest(draw_runs(one)), 0.0) for one in drawn]
        waits = {OURS: [replay_scene(one, draw_runs(one), open_ours) for one in drawn]}
        waits[RIVAL] = [replay_scene(one, draw_runs(one), open_fair) for one in drawn]
        waits |= {name: [replay_scene(scene, draw_runs(scene), make)] for name, make in HABITS.items()}
        table += [_make_row(scene, name, figures) for name, figures in waits.items()]
        if all(known):
            table.append({"scene": scene.name, "policy": FEASIBLE, "mean_wait_s": sum(known) / seeds})
        if "bound" in scene.bars:
            least_s = find_lower_bound(scene, draw_runs(scene))
            table.append({"scene": scene.name, "policy": BOUND, "mean_wait_s": least_s})
        bars += _make_bars(scene, average(waits[OURS]), average(waits[RIVAL]), sum(known) / seeds if all(known) else 0)
    parsed, shown = cpu.measure()
    table.append({"scene": "200 lanes, 50 deltas/s", "policy": OURS, "us_a_delta": shown})
    table.append({"scene": "200 lanes, 50 deltas/s", "policy": "aiohttp parsing raw SSE", "us_a_delta": parsed})
    bars.append(Bar("CPU a delta over aiohttp's for parsing it", shown / parsed, 2.5, "ratio"))
    return Report(table, bars)


def _make_row(scene: Scene, policy: str, figures: list[Figures]) -> report.Scene:
    error_s = find_standard_error([f.mean_wait_s for f in figures])
    return {"scene": scene.name, "policy": policy, "standard_error_s": error_s, **average(figures)._asdict()}


def _make_bars(scene: Scene, us: Figures, rival: Figures, feasible_s: float) -> list[Bar]:
    halved = replay_scene(replace(scene, halve_at_s=scene.seconds / 2), draw_runs(scene), open_ours)
    limits = len(make_limits(scene))
    bars = [
        Bar(f"{scene.name}: 429s", us.refused, 0, "responses"),
        Bar(f"{scene.name}: 429s a budget after its limit is halved", halved.refused / limits, 1, "responses"),
    ]
    for kind in set(scene.bars) & set(AGAINST_RIVAL):
        ratio = us.mean_wait_s / rival.mean_wait_s
        bars.append(Bar(f"{scene.name}: wait over the fair rival's", ratio, AGAINST_RIVAL[kind], "ratio"))
    for kind in set(scene.bars) & set(AGAINST_FEASIBLE) if feasible_s else ():
        ratio = us.mean_wait_s / feasible_s
        bars.append(Bar(f"{scene.name}: wait over the feasible", ratio, AGAINST_FEASIBLE[kind], "ratio"))
    for felt in (felt for felt in FELT if felt.bar in scene.bars):
        value = getattr(us, felt.figure)
        bars.append(Bar(f"{scene.name}: {felt.what}", value, felt.limit, felt.unit, felt.side))
    if {"discord", "slack"} & set(scene.bars):
        bars.append(Bar(f"{scene.name}: ends, median", us.end_median_s, scene.round_trip_s + GRACE_S, "s"))
    return bars


def main() -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--scene", metavar="FILE", help="one scene from a JSON file instead of the usual ones")
    parser.add_argument("--seeds", metavar="N", type=int, default=SEEDS, help="how many seeds of each scene")
    parser.add_argument(
        "--svg", metavar="FILE", help="draw the waits from a file that holds the JSON line, and do no more"
    )
    parser.add_argument("--out", metavar="FILE", help="where the picture goes", default="docs/live.svg")
    options = parser.parse_args()
    if options.svg:
        line = Path(options.svg).read_text("utf-8").strip().splitlines()[-1]
        Path(options.out).write_text(draw_picture(json.loads(line)["scenes"]), "utf-8")
        return 0
    scenes = (load_scene(options.scene),) if options.scene else SCENES
    return report.run_benchmark("live", lambda: measure(scenes, options.seeds), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
