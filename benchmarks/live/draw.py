"""A picture of the waits that a run of this benchmark has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, LABEL, ROW, GAP = 900, 330, 17, 34
FULL_S = 8.0  # what the width shows; longer bars are cut and say so
COLOURS = {"ours": "#2563eb", "feasible, knowing all": "#0d9488", "(e) lower bound": "#16a34a"}


def draw_picture(table: Sequence[Mapping[str, object]]) -> str:
    """Return an SVG with a bar for each policy of each scene, as long as the mean wait of a character."""
    rows = [row for row in table if "mean_wait_s" in row]
    parts: list[str] = []
    y, scene = 28, ""
    for row in rows:
        if row["scene"] != scene:
            y, scene = y + (GAP if scene else 0), str(row["scene"])
            parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(scene)}</text>')
            y += ROW
        parts += _draw_bar(str(row["policy"]), float(str(row["mean_wait_s"])), y)
        y += ROW
    box = f'viewBox="0 0 {WIDTH} {y + 10}" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    title = "<title>Mean wait of a character from being written to being seen, in seconds</title>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{y + 10}" fill="white"/>', *parts, "</svg>", ""])


def _draw_bar(policy: str, wait_s: float, y: int) -> list[str]:
    room = WIDTH - LABEL - 90
    length = room * min(1.0, wait_s / FULL_S)
    label = f"{wait_s:.2f} s" if wait_s <= FULL_S else f"{wait_s:.0f} s, cut"
    return [
        f'<text x="{LABEL - 8}" y="{y + 2}" text-anchor="end">{escape(policy)}</text>',
        f'<rect x="{LABEL}" y="{y - 9}" width="{length:.1f}" height="12" fill="{COLOURS.get(policy, "#9ca3af")}"/>',
        f'<text x="{LABEL + length + 6:.1f}" y="{y + 2}">{label}</text>',
    ]
