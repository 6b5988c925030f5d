"""The card as a PNG, by resvg: an extra."""

from __future__ import annotations

from resvg_py import svg_to_bytes


def to_png(svg: str) -> bytes:
    """Draw an SVG of ours with the machine's fonts."""
    return bytes(svg_to_bytes(svg_string=svg))
