"""The same answers on the simulated platform of `benchmarks.live`, in virtual time: the scheduler's best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from benchmarks.discord.scenes import Scene, draw_lines
from benchmarks.live import scenes as live
from benchmarks.live.figures import Figures
from benchmarks.live.ours import open_ours
from benchmarks.live.replay import replay_scene


def simulate_scene(scene: Scene, spoken: Sequence[live.Answer], round_trip_s: float) -> Figures:
    """Replay what was said on the wire (`spoken`) at the same times."""
    lines = draw_lines(scene)
    begin = -min(a.start - lines[a.seat].lead_s for a in spoken)
    moved = [a._replace(start=a.start + begin, end=a.end + begin) for a in spoken]
    by_run = groupby(sorted(moved), key=lambda a: a.thread)
    runs = [
        live.Run(run, min(a.start - lines[a.seat].lead_s for a in said), said, run)
        for run, said in ((r, tuple(s)) for r, s in by_run)
    ]
    played = replace(
        live.DISCORD,
        name=scene.name,
        lanes=len(spoken),
        threads=scene.runs,
        shared=scene.shared,
        round_trip_s=round_trip_s,
    )
    return replay_scene(played, runs, open_ours)
