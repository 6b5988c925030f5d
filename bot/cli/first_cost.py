"""The cost of a first council, for whoever has just chosen who sits at the table."""

from __future__ import annotations

from bot.actions.estimates import Estimator
from bot.actions.habits import Habits
from bot.actions.panels import DEFAULT, seat_panel
from bot.cli.provision import read_configured
from bot.domain.costs import show_range
from bot.domain.facts import RunStarted
from bot.domain.run import Rules
from bot.formats import FORMATS
from bot.prompts import load_prompts
from bot.settings.settings import Settings

QUESTION = "Should we rewrite our billing service in another language, or replace its slow parts one by one?"


def tell_first_cost(settings: Settings) -> str:
    """Return what a council of the usual panel is expected to cost, as people read it."""
    supply = read_configured(settings, None)
    prompts = load_prompts(settings.prompts)
    start = RunStarted(
        format="council",
        question=QUESTION,
        panel=seat_panel(supply.panels[DEFAULT], supply.models),
        rules=Rules(),
        seed=0,
        prompts={name: prompts[name] for name in FORMATS["council"].PROMPTS},
        by="",
    )
    return show_range(Estimator(supply.models).estimate(start, Habits()))
