"""/moot summarise"""

from __future__ import annotations

from dataclasses import replace

from bot.actions import Actions
from bot.errors import Refused
from bot.wishes import summary
from commands.command import Answer, Command, Here, Started, StartOptions, option


class SummariseOptions(StartOptions):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


async def summarised(actions: Actions, run: str, here: Here) -> str:
    """Begin a run that tells what another one has come to so far; its id. Raises Refused."""
    t = await actions.transcript(run, here.by)
    wish = summary(t, await actions.thread(run, here.by), here.by)
    return await actions.start(replace(wish, channels=here.channels), here.show)


async def _summarise(actions: Actions, options: SummariseOptions, here: Here) -> Answer:
    run = options.run or here.run
    if not run:
        raise Refused("Which run? Use this in its thread, or name it: `/moot runs` lists them.")
    return Started(await summarised(actions, run, here))


COMMAND = Command(("moot", "summarise"), "What has been said in a run so far.", SummariseOptions, _summarise)
