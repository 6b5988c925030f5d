"""The picture of a council in the terminal, drawn anew: `python -m tests.support.terminal_picture [FILE]`.

It is what `moot demo` shows while the seats speak.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path

from rich.console import Console

from adapters.terminal.player import show_frame
from adapters.terminal.screen import Screen
from adapters.terminal.surface import make_screen_surface
from bot.cli.replay import DEMO, DEMO_NOTE
from bot.domain.transcript import Transcript, fold_all
from bot.formats import FORMATS
from bot.records.record import read_record
from bot.records.replay import Frame, list_frames
from tests.support.paths import ROOT

WIDTH, HEIGHT = 100, 20
SPOKEN = 0.8  # of what the seats say stands there
FONT_FACE = re.compile(r"@font-face \{[^}]*\}\s*")


def read_frames() -> list[Frame]:
    """Return the frames of the demo until most of the answers is said."""
    record = read_record(DEMO.read_text("utf-8"))
    t = fold_all(Transcript(), record.entries)
    frames = list_frames(t.entries, record.snapshots, FORMATS[t.started.format], t.at)
    ends = max(frame.at for frame in frames if frame.post.lane.stage == "answer")
    begins = frames[0].at
    return [frame for frame in frames if frame.at <= begins + SPOKEN * (ends - begins)]


async def draw_terminal() -> str:
    """Return the picture as SVG."""
    screen = Screen(Console(file=io.StringIO(), width=WIDTH, height=HEIGHT))
    surface = make_screen_surface(screen)
    for frame in read_frames():
        await surface.post(show_frame(surface, frame, final=False))
    screen.set_status(DEMO_NOTE)
    console = Console(file=io.StringIO(), record=True, width=WIDTH, height=HEIGHT, force_terminal=True)
    console.print(screen.render_frame())
    svg = console.export_svg(title="moot demo", unique_id="council")
    return FONT_FACE.sub("", svg).replace("Fira Code", "DejaVu Sans Mono")  # readers' browsers ask no other host for it


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "council.svg"
    path.write_text(asyncio.run(draw_terminal()), "utf-8")
