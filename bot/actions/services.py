"""Settings, models, and the panels, pipelines and word lists of servers: all that runs are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.actions.panels import PanelBook, find_ceilings
from bot.actions.permissions import Person
from bot.actions.pipeline_files import PipelineBook
from bot.domain.api_keys import find_key_issuer
from bot.domain.word_filter import WordFilters
from bot.errors import Refused
from bot.models.catalogue import Model
from bot.settings.platforms import ServerSettings
from bot.settings.settings import PanelSettings, Settings

Requirement = Callable[[Person, ServerSettings, str], None]


class Services:
    """The services that actions and commands read from, by name.

    Whoever needs a setting or a model reads it here when it is needed: others may come at any time.
    """

    def __init__(
        self, settings: Settings, panels: PanelBook, pipelines: PipelineBook, models: Mapping[str, Model]
    ) -> None:
        self.settings = settings
        self.panels = panels
        self.pipelines = pipelines
        self.models = models
        self.words = WordFilters(lambda server: self.server_settings(server).words)
        self.ceilings = find_ceilings(models, panels.configured)

    def replace_models(self, models: Mapping[str, Model], panels: Mapping[str, PanelSettings]) -> None:
        """Make runs from other models and panels from now on."""
        self.models = models
        self.panels.replace_configured(panels)
        self.ceilings = find_ceilings(models, self.panels.configured)

    def list_models(self) -> Mapping[str, Model]:
        """Return the models as they are now, by their keys."""
        return self.models

    def server_settings(self, server: str) -> ServerSettings:
        """Return the settings of a server, by its key, as they are now."""
        return self.settings.server_settings(server)

    def require(self, check: Requirement, by: Person, what: str) -> None:
        """Raise Refused where `check` refuses the person in any server whose rules hold for what they do."""
        for member in by.as_members():
            check(member, self.server_settings(member.server), what)

    def check_text(self, text: str, by: Person, what: str) -> None:
        """Raise Refused for a text with a listed word, or with a key, which no model may read; `what` begins it."""
        if issuer := find_key_issuer(text):
            raise Refused(
                f"{what} holds what looks like a key of {issuer}, so nothing was taken and no model has read it. "
                "Whoever can read this place has seen it: revoke it where it comes from, and write again without it."
            )
        self.words.check(text, by.ruled_by, what)
