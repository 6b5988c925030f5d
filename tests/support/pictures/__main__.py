"""Draw every scene on both platforms for a phone and a desktop: `python -m tests.support.pictures [FOLDER]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.paths import ROOT
from tests.support.pictures.browser import open_browser
from tests.support.pictures.discord_look import draw_discord
from tests.support.pictures.scenes import COMMANDS, open_stage
from tests.support.pictures.slack_look import draw_slack

WIDTHS = (390, 1280)  # a phone's and a desktop's, in pixels


async def draw_all(folder: Path) -> None:
    """Write a picture per scene, platform and width into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data:
        async with open_browser() as browser, open_stage(Path(data)) as stage:
            on_discord = {str(u.id): u.name for u in stage.moot.server.hub.world.users.values()}
            on_slack = {u.id: u.name for u in stage.slack.world.users.values()}
            for scene in COMMANDS:
                discord, slack = await stage.play_on_discord(scene), await stage.play_on_slack(scene)
                for width in WIDTHS:
                    for platform, html in (
                        ("discord", draw_discord(*discord, on_discord, width=width)),
                        ("slack", draw_slack(*slack, on_slack, width=width)),
                    ):
                        picture = await browser.take_picture(html, width=width)
                        (folder / f"{scene}-{platform}-{width}.png").write_bytes(picture)


asyncio.run(draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"))
