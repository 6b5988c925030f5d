"""The command /moot summarise."""

from __future__ import annotations

from dataclasses import replace

from bot.actions.actions import Actions
from bot.actions.request import request_summary
from commands.command import Answer, Command, Here, Started, StartOptions, option
from commands.runs import choose_run


class SummariseOptions(StartOptions):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


async def start_summary(actions: Actions, run: str, here: Here) -> str:
    """Begin a run that summarises another one; return its id. Raises Refused."""
    t = await actions.read_run(run, here.by)
    request = request_summary(t, await actions.read_thread(run, here.by), here.by)
    return await actions.start_run(replace(request, channels=here.channels), here.open_surface)


async def _summarise(actions: Actions, options: SummariseOptions, here: Here) -> Answer:
    return Started(await start_summary(actions, choose_run(options.run, here), here))


COMMAND = Command(("moot", "summarise"), "What has been said in a run so far.", SummariseOptions, _summarise)
