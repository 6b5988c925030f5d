"""The commands /moot pause, resume, add, drop, object and next."""

from __future__ import annotations

from pydantic import Field

from bot.actions.actions import Actions
from commands.command import Answer, Command, Here, Options, Told, option
from commands.runs import KnownRunOptions, choose_run


class AddOptions(Options):
    model: str = option(
        ..., "a model: claude, claude@0.2/600 (temperature, tokens); or a panel's seat", suggest="models"
    )
    persona: str = option("", "from the library or your words", suggest="personas")
    panel: str = option("", "whose seat that is; left out for a model", suggest="panels")
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class DropOptions(Options):
    seat: str = Field(description="which seat, by name or number")
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class ObjectCommandOptions(Options):
    text: str = Field(description="what must be answered, in a sentence; seats that it names must, else all")
    run: str = option("", "which run; this thread's where left out", suggest="runs")


async def _pause(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    return Told(await actions.steering.pause_run(choose_run(options.run, here), here.by))


async def _resume(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    return Told(await actions.steering.resume_run(choose_run(options.run, here), here.by))


async def _add(actions: Actions, options: AddOptions, here: Here) -> Answer:
    run = choose_run(options.run, here)
    return Told(await actions.steering.add_seat(run, options.model, options.persona, options.panel, here.by))


async def _drop(actions: Actions, options: DropOptions, here: Here) -> Answer:
    return Told(await actions.steering.drop_seat(choose_run(options.run, here), options.seat, here.by))


async def _object(actions: Actions, options: ObjectCommandOptions, here: Here) -> Answer:
    return Told(await actions.steering.raise_objection(choose_run(options.run, here), options.text, here.by))


async def _next(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    return Told(await actions.steering.start_next_round(choose_run(options.run, here), here.by))


COMMANDS = (
    Command(("moot", "pause"), "Let what speaks finish, and begin nothing.", KnownRunOptions, _pause),
    Command(("moot", "resume"), "Go on after a pause.", KnownRunOptions, _resume),
    Command(("moot", "add"), "A seat joins the table, from the next round on.", AddOptions, _add),
    Command(("moot", "drop"), "A seat leaves the table; what it said stays shown.", DropOptions, _drop),
    Command(
        ("moot", "object"),
        "Object: the most upvoted objection is answered first.",
        ObjectCommandOptions,
        _object,
        takes_text=True,
    ),
    Command(("moot", "next"), "Begin the next round without waiting for the vote.", KnownRunOptions, _next),
)
