"""The buttons More… and Vote for… on the end card: what stands behind them, for the one who pressed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from bot.actions.actions import Actions
from bot.domain.controls import Target
from bot.engine.thread import BALLOT, CARD, REST
from commands.command import Answer, Here, NoOptions, Offered

REST_TEXT = "What else you can do with this run:"


async def offer_rest(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    found = await actions.list_behind(target.run, REST.action, here.by, here.channels)
    return Offered(REST_TEXT, [c for c in found if c is not CARD or can_draw_cards()], target.run)


@cache
def can_draw_cards() -> bool:
    """Return whether what draws cards is installed: it is an extra."""
    return find_spec("resvg_py") is not None


async def offer_ballot(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    found = await actions.list_behind(target.run, BALLOT.action, here.by, here.channels)
    return Offered("Whom do you vote for? A later vote replaces an earlier one.", found, target.run)
