"""A picture of what a Moot takes against its size, both in powers of ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 460, 60, 210, 30, 50
LEAST, MOST = 0.01, 1_000.0
COLOURS = ("#2563eb", "#7c3aed", "#b45309", "#0d9488")


def draw_picture(servers: Sequence[int], lines: Mapping[str, Sequence[float]]) -> str:
    """Return an SVG with a line for each kind of thing: how many of it are needed, by the number of servers."""
    parts = [_draw_mark(10.0**power) for power in range(round(log10(LEAST)), round(log10(MOST)) + 1)]
    across = [_x(number, servers[0], servers[-1]) for number in servers]
    for x, number in zip(across, servers, strict=True):
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 28}" text-anchor="middle">{number:,}</text>')
    for colour, (name, values) in zip(COLOURS, lines.items(), strict=True):
        path = " ".join(f"{x:.1f},{_y(value):.1f}" for x, value in zip(across, values, strict=True))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        label = f"{escape(name)}: {values[-1]:.{0 if values[-1] >= 10 else 1}f}"
        parts.append(f'<text x="{across[-1] + 8:.0f}" y="{_y(values[-1]) + 4:.0f}" fill="{colour}">{label}</text>')
    middle = (WIDTH + LEFT - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">servers of ten runs a day</text>')
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    title = "<title>What is needed at the busiest time of a day, by servers</title>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>", ""])


def _draw_mark(number: float) -> str:
    y = _y(number)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#e5e7eb"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{number:g}</text>'
    )


def _x(servers: int, first: int, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * log10(servers / first) / log10(last / first)


def _y(number: float) -> float:
    share = (log10(max(number, LEAST)) - log10(LEAST)) / (log10(MOST) - log10(LEAST))
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
