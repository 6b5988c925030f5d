"""The menus that begin a run about a message: a council, a debate, a second opinion, a check."""

from __future__ import annotations

from dataclasses import replace

from bot.actions.actions import Actions
from bot.actions.request import RunRequest, origin_of_message, origin_of_turn, with_excerpt
from bot.domain.controls import Target
from bot.domain.run import Origin
from bot.errors import Refused
from bot.settings.settings import PanelSettings
from bot.text import join_blocks
from commands.command import Answer, Here, NoOptions, Started

ABOUT_THIS = "What do you make of this?"  # asked about a message where nothing else is
CHECK_THIS = "Check this: which of its claims hold, which do not, and which cannot be known from here? Say why."
SECOND_OPINION = "Give a second opinion on this: what is right in it, and what is wrong or missing?"


async def ask_council_about(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return await _put_message(actions, "council", target, here)


async def debate_message(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    return await _put_message(actions, "debate", target, here)


async def check_message(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    """Have a council say what of a message holds."""
    context, origin = await _read_message(actions, target, here)
    return await _start(actions, RunRequest("council", CHECK_THIS, here.by, context=context, origin=origin), here)


async def ask_second_opinion(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    """Ask the first seat of the usual panel whose model has not written the message itself."""
    context, origin = await _read_message(actions, target, here)
    panel = await actions.services.panels.choose_panel("", here.by.server, here.channels)
    seat = next((seat for seat in panel.seats if seat.model != origin.model), panel.seats[0])
    request = RunRequest(
        "compare", SECOND_OPINION, here.by, seats=PanelSettings(seats=[seat]), context=context, origin=origin
    )
    return await _start(actions, request, here)


async def _put_message(actions: Actions, format: str, target: Target, here: Here) -> Answer:
    """Begin a run whose question is the message itself."""
    _require_something(target, here)
    request = RunRequest(format, target.text or ABOUT_THIS, here.by, context=target.carried)
    return await _start(actions, request, here)


async def _read_message(actions: Actions, target: Target, here: Here) -> tuple[str, Origin]:
    """Return a message as context, and where it is from. Raises Refused."""
    if target.run:
        _, said = await actions.read_lane(target.run, target.lane, here.by)
        origin = origin_of_turn(await actions.read_run(target.run, here.by), target.run, target.lane, said)
    else:
        _require_something(target, here)
        said = join_blocks(target.text, target.carried)
        origin = origin_of_message(target.author, said)
    return f"From {origin}:\n{said}", with_excerpt(origin, said)


def _require_something(target: Target, here: Here) -> None:
    if not (target.text or target.carried or here.images):
        raise Refused("There is nothing in that message that I can read: ask in your own words.")


async def _start(actions: Actions, request: RunRequest, here: Here) -> Answer:
    request = replace(request, channels=here.channels, images=here.images)
    return Started(await actions.start_run(request, here.open_surface))
