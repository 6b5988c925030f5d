"""How long a model may be silent, by its own settings and by what it does first."""

from __future__ import annotations

from bot.domain.run import Seat
from bot.models.catalogue import Model
from bot.models.requests import does_think
from bot.settings.settings import DeadlineSettings


def find_deadlines(model: Model, seat: Seat, usual: DeadlineSettings) -> DeadlineSettings:
    """Return the deadlines of a model: its own, and all others'; who loads or thinks first may be silent longer."""
    own = model.deadlines.model_dump(exclude_unset=True) if model.deadlines else {}
    deadlines = usual.model_copy(update=own)
    is_slow = (is_on_this_machine(model) or does_think(model, seat)) and "first_token_timeout_s" not in own
    return _extend_first_token(deadlines) if is_slow else deadlines


def is_on_this_machine(model: Model) -> bool:
    """Return whether a model runs here, and so costs nothing and may have to be loaded first."""
    return not model.search and model.price is not None and model.price.source == "local"


def _extend_first_token(deadlines: DeadlineSettings) -> DeadlineSettings:
    """Allow more time: a model is not stalled while its weights load, it reads a long prompt, or it thinks unseen."""
    return deadlines.model_copy(update={"first_token_timeout_s": deadlines.total_timeout_s})
