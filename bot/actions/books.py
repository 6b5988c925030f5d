"""What people may do with a server's panels and pipelines."""

from __future__ import annotations

from bot.actions.panels import seat_panel
from bot.actions.permissions import Person, require_may_edit_panels, require_may_write_prompts
from bot.actions.pipeline_files import read_pipeline, seat_pipeline
from bot.actions.services import Services
from bot.settings.settings import PanelSettings


class BookActions:
    """Changes of the panels and pipelines that a server has kept. Each returns a sentence, or raises Refused."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def save_panel(self, name: str, panel: PanelSettings, by: Person) -> str:
        """Keep a panel for the person's server."""
        self._services.require(require_may_edit_panels, by, "Editing panels")
        seat_panel(panel, self._services.models)
        self._services.check_text(" ".join(seat.persona for seat in panel.seats), by, "A persona")
        await self._services.panels.save_panel(name, panel, by.server)
        return f"Panel “{name}”: {', '.join(seat.name or seat.model for seat in panel.seats)}."

    async def set_usual_panel(self, name: str, by: Person, channel: str = "") -> str:
        """Use a panel wherever none is named, in a channel or in the person's whole server."""
        require = require_may_write_prompts if channel else require_may_edit_panels
        self._services.require(require, by, "Choosing the usual panel")
        await self._services.panels.choose_panel(name, by.server)
        await self._services.panels.set_usual(name, by.server, channel)
        return f"“{name}” is now the usual panel {'of this channel' if channel else 'here'}."

    async def save_pipeline(self, name: str, text: str, by: Person) -> str:
        """Keep a pipeline, written as TOML, for the person's server."""
        self._services.require(require_may_edit_panels, by, "Editing pipelines")
        pipeline = read_pipeline(text)
        seat_pipeline(pipeline, await self._services.panels.choose_panel("", by.server), self._services.models)
        self._services.check_text(" ".join(step.prompt for step in pipeline.steps.values()), by, "A step's prompt")
        await self._services.pipelines.save_pipeline(name, text, by.server)
        return f"Pipeline “{name}”: {', '.join(pipeline.steps)}."
