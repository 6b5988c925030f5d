"""The button that asks what became of a run, and those behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.actions.actions import Actions
from bot.domain.controls import Target
from bot.domain.facts import Mark
from commands.command import Answer, Here, NoOptions, Offered, Told

WHAT_IT_IS = (
    "What became of it? `/moot leaderboard` counts which models were preferred where it proved right, and where wrong."
)


async def offer_marks(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Offered(WHAT_IT_IS, await actions.outcomes.list_marks(target.run, here.by), target.run)


def make_marker(mark: Mark) -> Callable[[Actions, Target, NoOptions, Here], Awaitable[Answer]]:
    """Return the handler of the button that marks a run so."""

    async def handle(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
        return Told(await actions.outcomes.mark_run(target.run, mark, here.by))

    return handle


async def ask_later(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return Told(await actions.outcomes.ask_later(target.run, here.by))
