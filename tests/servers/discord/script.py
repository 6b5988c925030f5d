"""All acts and look-ups of a test, the same in this process and over HTTP."""

from __future__ import annotations

from tests.servers.discord.people import People
from tests.servers.discord.scene import Scene
from tests.servers.discord.trouble import Trouble


class Script(Scene, People, Trouble):
    pass
