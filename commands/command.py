"""What every command declares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from bot.actions import Actions, Wish
from bot.ports import Surface


class RunOptions(BaseModel):
    """The options of the commands that start a run."""

    model_config = ConfigDict(frozen=True)

    question: str = Field(description="what the table should talk about")
    panel: str = Field("default", description="which panel")
    rounds: int | None = Field(None, description="how many rounds; the format's usual number where left out")


@dataclass(frozen=True, slots=True)
class Command:
    """`handle` starts a run and returns its id, or raises Refused."""

    name: str
    help: str
    options: type[RunOptions]
    handle: Callable[[Actions, RunOptions, str, Surface], Awaitable[str]]


def starts(format: str) -> Callable[[Actions, RunOptions, str, Surface], Awaitable[str]]:
    """The handler of a command whose whole work is to start a run of one format."""

    async def handle(actions: Actions, options: RunOptions, by: str, surface: Surface) -> str:
        return await actions.start(Wish(format, options.question, options.panel, by, options.rounds), surface)

    return handle
