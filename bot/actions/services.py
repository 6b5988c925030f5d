"""Settings, models, and the panels, pipelines and word lists of servers: all that runs are made from."""

from __future__ import annotations

from collections.abc import Mapping

from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.domain.word_filter import WordFilters
from bot.models.catalogue import Model
from bot.settings import Settings


class Services:
    """The services that actions and commands read from, by name."""

    def __init__(
        self, settings: Settings, panels: PanelBook, pipelines: PipelineBook, models: Mapping[str, Model]
    ) -> None:
        self.settings = settings
        self.panels = panels
        self.pipelines = pipelines
        self.models = models
        self.words = WordFilters(lambda server: settings.server_settings(server).words)
