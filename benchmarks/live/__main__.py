"""Live text: the wait of a character from being written to being seen, ours against what bots do today.

It replays answers (recorded ones where they are on this machine, else drawn from the same distribution) through our
scheduler and through four habits, on one simulated platform, with the same budgets. Emission is uniform. The lower
bound knows the future. Everything but the CPU figure is in virtual time, and so the same on every machine.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.live import cpu
from benchmarks.live.bound import find_lower_bound
from benchmarks.live.draw import draw_picture
from benchmarks.live.ours import open_ours
from benchmarks.live.policies import HABITS
from benchmarks.live.replay import Figures, replay_scene
from benchmarks.live.scenes import SCENES, Run, Scene, draw_runs, load_scene
from benchmarks.report import Bar, Report

OURS, BOUND = "ours", "(e) lower bound"
GATE, *OTHERS = HABITS
AGAINST_GATE = {"four": 0.85, "twelve": 0.5}  # of (a)'s mean wait
AGAINST_OTHERS = 0.5  # of the best of the other habits
AGAINST_BOUND = 1.5
FIRST_MOST_S = 5.0
GRACE_S = 0.05


def measure(scenes: tuple[Scene, ...]) -> Report:
    table: list[report.Scene] = []
    bars: list[Bar] = []
    for scene in scenes:
        played = draw_runs(scene)
        figures = {name: replay_scene(scene, played, make) for name, make in {OURS: open_ours, **HABITS}.items()}
        bound = find_lower_bound(scene, played) if {"four", "twelve"} & set(scene.bars) else None
        table += [{"scene": scene.name, "policy": name, **f._asdict()} for name, f in figures.items()]
        if bound is not None:
            table.append({"scene": scene.name, "policy": BOUND, "mean_wait_s": bound})
        bars += _make_bars(scene, played, figures, bound)
    parsed, shown = cpu.measure()
    table.append({"scene": "200 lanes, 50 deltas/s", "policy": OURS, "us_a_delta": shown})
    table.append({"scene": "200 lanes, 50 deltas/s", "policy": "aiohttp parsing raw SSE", "us_a_delta": parsed})
    bars.append(Bar("CPU a delta over aiohttp's for parsing it", shown / parsed, 2.5, "ratio"))
    return Report(table, bars)


def _make_bars(scene: Scene, played: list[Run], figures: dict[str, Figures], bound: float | None) -> list[Bar]:
    us, gate = figures[OURS], figures[GATE]
    others = min(figures[name].mean_wait_s for name in OTHERS)
    halved = replay_scene(replace(scene, halve_at_s=scene.seconds / 2), played, open_ours)
    limits = scene.budgets + (scene.ceiling_per_s is not None)
    bars = [
        Bar(f"{scene.name}: 429s", us.refused, 0, "responses"),
        Bar(f"{scene.name}: 429s a budget after its limit is halved", halved.refused / limits, 1, "responses"),
    ]
    for kind in set(scene.bars) & set(AGAINST_GATE):
        bars.append(
            Bar(f"{scene.name}: wait over (a)'s", us.mean_wait_s / gate.mean_wait_s, AGAINST_GATE[kind], "ratio")
        )
        bars.append(
            Bar(f"{scene.name}: wait over the best of (b) to (d)", us.mean_wait_s / others, AGAINST_OTHERS, "ratio")
        )
    if bound is not None:
        bars.append(Bar(f"{scene.name}: wait over the bound (e)", us.mean_wait_s / bound, AGAINST_BOUND, "ratio"))
    if "alone" in scene.bars:
        bars.append(Bar(f"{scene.name}: first visible", us.first_median_s, scene.round_trip_s + GRACE_S, "s"))
    else:
        bars.append(Bar(f"{scene.name}: first visible, median", us.first_median_s, gate.first_median_s, "s"))
        bars.append(Bar(f"{scene.name}: first visible, longest", us.first_max_s, FIRST_MOST_S, "s"))
    return bars


def main() -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--scene", metavar="FILE", help="one scene from a JSON file instead of the usual ones")
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
    return report.run_benchmark("live", lambda: measure(scenes), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
